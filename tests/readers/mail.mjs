// Print a mail as mailparser reads it; the content of attachments is in base64.
import { readFileSync } from "node:fs";
import { simpleParser } from "mailparser";

const mail = await simpleParser(readFileSync(process.argv[2]), { skipImageLinks: true, skipTextToHtml: true });
const people = (list) => (list?.value ?? []).map(({ name, address }) => ({ name, address }));
process.stdout.write(
  JSON.stringify({
    subject: mail.subject,
    from: people(mail.from),
    to: people(mail.to),
    cc: people(mail.cc),
    replyTo: people(mail.replyTo),
    messageId: mail.messageId,
    text: mail.text,
    html: mail.html || null,
    headerLines: mail.headerLines.map(({ line }) => line),
    attachments: mail.attachments.map((file) => ({
      fileName: file.filename,
      contentType: file.contentType,
      contentId: file.contentId,
      isRelated: file.related,
      content: file.content.toString("base64"),
    })),
  }),
);
