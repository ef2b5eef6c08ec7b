"""DAGs, their timetable and tasks, connections and plugin; the only package that imports Airflow."""
