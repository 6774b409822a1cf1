"""What `surgtwin plan access` takes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

CRITERIA = ("length", "clearance", "angle", "risk")


def add_access(actions: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """`surgtwin plan access`."""
    text = "find straight ways from the skin to a target, and judge the best of them"
    p = command(actions, "access", "plan_access", text)
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument(
        "--target", type=target, required=True, metavar="X,Y,Z|STRUCTURE", help="LPS mm, or a structure's deepest point"
    )
    p.add_argument(
        "--tool",
        type=Path,
        metavar="NEEDLE.json",
        help='{"type": "needle", "radius_mm": 0.75, "length_mm": 150}, which is the default',
    )
    p.add_argument(
        "--avoid",
        type=clearances,
        default=(),
        metavar="NAME:MM,...",
        help="clearances, e.g. 'vein:5,bone:0'; no other structure may be touched but what holds the target",
    )
    p.add_argument("--cross", type=names, default=(), metavar="A,B", help="structures that may be crossed")
    p.add_argument("--through", type=names, default=(), metavar="A,B", help="structures that must be crossed")
    p.add_argument("--max-skin-angle", type=_degrees, metavar="DEG", help="largest angle to the skin's normal")
    p.add_argument("--min-bridge", type=_length, metavar="MM", help="the organ's own tissue wanted before the target")
    p.add_argument("--top", type=_count, default=5, metavar="N", help="how many candidates to list (default 5)")
    p.add_argument(
        "--weights",
        type=weights,
        default=(),
        metavar="NAME:W,...",
        help="what the list is sorted by (default length:1,clearance:1,angle:0.5,risk:1)",
    )
    p.add_argument("--directions", type=_count, default=10_000, metavar="N", help="ways looked at (default 10000)")
    p.add_argument("-o", "--output", type=Path, metavar="PLAN.json", help="write the candidates as a plan file")
    p.add_argument("--force", action="store_true", help="replace an existing file")


def target(text: str) -> tuple[float, float, float] | str:
    """`x,y,z` in LPS mm, or the name of a structure."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return text.strip()
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"'{text}' is not a point x,y,z in LPS mm, nor the name of a structure")
    return (numbers[0], numbers[1], numbers[2])


def clearances(text: str) -> tuple[tuple[str, float], ...]:
    """`vein:5,bone:0` as pairs; a name without a number is to be kept clear by 0 mm."""
    found = []
    for part in text.split(","):
        name, _, number = part.rpartition(":") if ":" in part else (part, "", "0")
        found.append((name.strip(), _number(number, part, "a clearance such as vein:5")))
    return _once(found, text)


def weights(text: str) -> tuple[tuple[str, float], ...]:
    """`clearance:2,length:1` as pairs."""
    found = []
    for part in text.split(","):
        name, _, number = part.partition(":")
        if name.strip() not in CRITERIA:
            raise argparse.ArgumentTypeError(f"'{name.strip()}' is no criterion; there are: {', '.join(CRITERIA)}")
        found.append((name.strip(), _number(number, part, "a weight such as length:1")))
    return _once(found, text)


def names(text: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(name for name, _ in _once([(part.strip(), 0.0) for part in text.split(",")], text))


def _once(found: list[tuple[str, float]], text: str) -> tuple[tuple[str, float], ...]:
    listed = [name for name, _ in found]
    if not all(listed):
        raise argparse.ArgumentTypeError(f"a name is missing in '{text}'")
    if len(set(listed)) < len(listed):
        raise argparse.ArgumentTypeError(f"a name stands twice in '{text}'")
    return tuple(found)


def _number(text: str, whole: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1e4:
        raise argparse.ArgumentTypeError(f"'{whole.strip()}' is not {what}")
    return value


def _length(text: str) -> float:
    return _number(text, text, "a length of 0 mm or more")


def _degrees(text: str) -> float:
    value = _number(text, text, "an angle above 0 and up to 90 degrees")
    if not 0.0 < value <= 90.0:
        raise argparse.ArgumentTypeError(f"'{text}' is not an angle above 0 and up to 90 degrees")
    return value


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of 1 or more")
    return int(text)
