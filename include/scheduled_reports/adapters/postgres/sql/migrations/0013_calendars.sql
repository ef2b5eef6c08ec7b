-- The closed days of calendars: those of a workspace, and those of the countries and regions in use, which upkeep computes
-- and whose workspace is ''.
CREATE TABLE reporting.calendars (
    workspace_id text NOT NULL,
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 80),
    name text NOT NULL DEFAULT '',
    -- Sunday is 0.
    weekend integer[] NOT NULL DEFAULT '{0,6}' CHECK (weekend <@ '{0,1,2,3,4,5,6}'),
    dates date[] NOT NULL DEFAULT '{}' CHECK (array_position(dates, NULL) IS NULL),
    -- Of a country: the years that are covered, and what computed the days.
    first_year integer,
    last_year integer,
    source text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, code)
);
