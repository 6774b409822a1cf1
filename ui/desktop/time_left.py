"""How long a job will still take, in words."""

from __future__ import annotations

MIN_ELAPSED_S = 2.0
MIN_FRACTION = 0.03
"""Before this much is known, an estimate would be noise."""


def time_left(fraction: float, elapsed_s: float) -> str:
    """ "about 2 min left"; empty while nothing sensible can be said."""
    if elapsed_s < MIN_ELAPSED_S or not MIN_FRACTION <= fraction < 1.0:
        return ""
    left_s = elapsed_s * (1.0 - fraction) / fraction
    if left_s < 10.0:
        return "a few seconds left"
    if left_s < 55.0:
        return f"about {round(left_s / 10.0) * 10} s left"
    if left_s < 3600.0:
        return f"about {max(1, round(left_s / 60.0))} min left"
    return f"about {round(left_s / 3600.0, 1):g} h left"
