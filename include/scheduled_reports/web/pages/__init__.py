"""HTML pages inside Airflow, with their templates and static files."""
