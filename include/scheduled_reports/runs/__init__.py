"""The life of a run: admission, query, render, upload, settling."""
