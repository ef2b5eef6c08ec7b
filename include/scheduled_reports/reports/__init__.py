"""Turn a row of scheduled_reports into a valid report, or name everything that is wrong with it."""
