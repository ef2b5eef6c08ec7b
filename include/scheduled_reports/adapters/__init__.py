"""The real world behind the ports, and its fake: one module each."""
