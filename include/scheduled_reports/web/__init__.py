"""The REST API and the pages; the only package that imports FastAPI."""
