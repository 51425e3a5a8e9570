"""How long properties are tried: a little in every run, at length under `make fuzz`."""

from __future__ import annotations

from hypothesis import settings

FUZZ = "fuzz"
_TIMES = 50

# A slow example on a busy machine is no counterexample.
settings.register_profile("house", deadline=None, stateful_step_count=30)
settings.register_profile(FUZZ, deadline=None, max_examples=100 * _TIMES, stateful_step_count=100)
settings.load_profile("house")


def examples(usual: int) -> int:
    """How many examples to try where there are usually so many."""
    return usual * _TIMES if settings.get_current_profile_name() == FUZZ else usual
