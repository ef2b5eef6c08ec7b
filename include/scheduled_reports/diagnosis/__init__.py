"""The doctor's checks: whether a deployment can do what reports need, and what to do where it cannot."""
