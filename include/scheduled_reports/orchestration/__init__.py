"""The only room that imports airflow: DAGs, their timetable and tasks, and connections."""
