"""Metrics and system health."""
