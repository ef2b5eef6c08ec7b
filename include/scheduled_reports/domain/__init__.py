"""Data types, errors, identifiers, schedules and periods; imports nothing else of the product."""
