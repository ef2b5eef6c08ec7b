// Print the mails of a JSON list (in base64) as mailparser reads them.
import { readFileSync } from "node:fs";
import { simpleParser } from "mailparser";

const people = (list) => (list?.value ?? []).map(({ name, address }) => ({ name, address }));
const found = [];
for (const raw of JSON.parse(readFileSync(0, "utf8"))) {
  const mail = await simpleParser(Buffer.from(raw, "base64"), { skipImageLinks: true, skipTextToHtml: true });
  found.push({
    subject: mail.subject,
    From: people(mail.from),
    To: people(mail.to),
    Cc: people(mail.cc),
    "Reply-To": people(mail.replyTo),
    files: mail.attachments.filter((file) => !file.related).map((file) => file.filename),
  });
}
process.stdout.write(JSON.stringify(found));
