"""How the property tests look for counter-examples."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The suite tries the same examples every time, so that it fails for a change and not by chance; new examples are
# looked for with HYPOTHESIS_PROFILE=explore.
# A busy machine is slow to draw examples; that says nothing about the code.
settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
