"""Periodic maintenance: settle lost runs, refresh next_run, enforce retention."""
