-- What a mail draws of the data, so that its charts need no staging: Arrow IPC streams, one after the other, some
-- kilobytes each.  Runs from before have none, and their mails show none when they are sent again.
ALTER TABLE reporting.runs ADD COLUMN charts bytea;
