-- The lead of a run, as the list of its sentences, and the rows that its mail shows: concatenated Arrow IPC streams.
-- Earlier runs have neither; when they are resent, their mails show the first rows of the main table.
ALTER TABLE reporting.runs
    ADD COLUMN lead     jsonb,
    ADD COLUMN excerpts bytea;
