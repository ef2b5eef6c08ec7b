"""`make gallery`: screenshots of files, emails and pages, from the sample data of a fixed day."""
