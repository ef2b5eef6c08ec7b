"""In-memory fakes of the ports, for tests; not part of the wheel."""
