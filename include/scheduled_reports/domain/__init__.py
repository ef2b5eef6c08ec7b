"""Nouns, errors, identifiers, cron expressions and periods; imports nothing else of the product."""
