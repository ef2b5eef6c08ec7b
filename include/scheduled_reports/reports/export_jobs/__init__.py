"""Import schedules that the application kept in export_jobs.metadata."""
