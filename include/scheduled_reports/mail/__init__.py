"""Email, from plan to ledger: decide recipients, compose, claim, send, record the outcome; notify owners."""
