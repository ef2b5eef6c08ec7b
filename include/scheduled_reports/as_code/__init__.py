"""Reports, calendars and brands as YAML files: the commands `export`, `plan` and `apply`."""
