"""Scheduled reports: rows of a Postgres table become files and mails."""
