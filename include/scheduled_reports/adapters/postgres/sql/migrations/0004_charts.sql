-- The data of the charts in a mail, so that they need no staging: concatenated Arrow IPC streams, some kilobytes each.
-- Earlier runs have none, and their mails show no charts when they are resent.
ALTER TABLE reporting.runs ADD COLUMN charts bytea;
