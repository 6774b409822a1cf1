"""Whether two plans are the same, arrays compared by their values."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def is_same(a: Any, b: Any) -> bool:
    """True if two plans, or parts of plans, hold the same values bit for bit.

    `==` tells cuts and poses apart by identity, because they hold arrays. Parts that are one object are not looked
    into, so that a drag of one cut costs nothing for a path of ten thousand poses beside it.
    """
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(is_same(x, y) for x, y in zip(a, b, strict=True))
    if is_dataclass(a):
        return all(is_same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return bool(a == b)
