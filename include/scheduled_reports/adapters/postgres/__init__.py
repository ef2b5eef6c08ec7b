"""PostgreSQL behind the ports, and the SQL it runs."""
