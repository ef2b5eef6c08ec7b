"""The only room that imports fastapi: the API, its guards and its answers; it reads and acts through ports."""
