"""The public door: the pages and files to which the links in mails lead, without a login and apart from Airflow."""
