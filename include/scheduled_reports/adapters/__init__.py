"""Adapters: the ports implemented with PostgreSQL, S3, SES, SMTP and file systems."""
