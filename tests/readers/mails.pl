# Print the mails of a JSON list (in base64) as Perl's Email::MIME reads them.
use strict; use warnings;
use Email::MIME; use JSON::PP; use MIME::Base64;
my $read = JSON::PP->new->utf8;
local $/;
my @found;
for my $raw (@{ $read->decode(<STDIN>) }) {
    my $mail = Email::MIME->new(decode_base64($raw));
    my %one = (subject => $mail->header_str('Subject'), files => [], lines => [split /\r?\n/, $mail->header_obj->as_string]);
    for my $name ('From', 'To', 'Cc', 'Reply-To') {
        my $list = defined $mail->header_raw($name) ? $mail->header_as_obj($name) : undef;
        $one{$name} = [map { { name => $_->phrase // '', address => $_->address } } $list ? $list->addresses : ()];
    }
    $mail->walk_parts(sub {
        my ($part) = @_;
        push @{ $one{files} }, $part->filename if ($part->header('Content-Disposition') // '') =~ /^attachment/;
    });
    push @found, \%one;
}
print $read->encode(\@found);
