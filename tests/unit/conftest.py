"""How the property tests look for counter-examples."""

from __future__ import annotations

import os

from hypothesis import settings

# The suite tries the same examples every time, so that it fails for a change and not by chance; new examples are
# looked for with HYPOTHESIS_PROFILE=explore.
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
