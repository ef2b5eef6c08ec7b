"""Protocols between the core and the outside world, one module per subject."""
