"""What `surgtwin plan reach` and `surgtwin plan zones` take."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .access_arguments import clearances, names, target


def add_reach(actions: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """`surgtwin plan reach`."""
    text = "judge places for trocars: what of a target each reaches, and at which angles they work together"
    p = command(actions, "reach", "plan_reach", text)
    p.epilog = (
        "example: surgtwin plan reach CASE.twin --target tumour --trocar=-60,-120,40 --trocar=20,-130,10 --cross liver"
    )
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("--target", type=target, required=True, metavar="X,Y,Z|STRUCTURE", help="LPS mm, or a structure")
    p.add_argument(
        "--trocar", type=_point, action="append", required=True, metavar="X,Y,Z", help="LPS mm; once for each port"
    )
    p.add_argument("--length", type=_positive, default=330.0, metavar="MM", help="of the instrument (default 330)")
    p.add_argument("--radius", type=_positive, default=2.5, metavar="MM", help="of its shaft (default 2.5)")
    p.add_argument(
        "--max-tilt", type=_positive, default=60.0, metavar="DEG", help="how far a shaft may lean (default 60)"
    )
    p.add_argument(
        "--avoid",
        type=clearances,
        default=(),
        metavar="NAME:MM,...",
        help="clearances, e.g. 'vein:5,bone:0'; no other structure may be touched but what holds the target",
    )
    p.add_argument("--cross", type=names, default=(), metavar="A,B", help="structures that may be crossed")


def add_zones(actions: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """`surgtwin plan zones`."""
    text = "plan overlapping ablation zones that cover a target with a margin, as few as are needed"
    p = command(actions, "zones", "plan_zones", text)
    p.epilog = "example: surgtwin plan zones CASE.twin --target tumour --radii 20,15,15 --margin 5 -o zones.json"
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("--target", required=True, metavar="STRUCTURE", help="what is to be treated")
    p.add_argument(
        "--radii", type=_radii, required=True, metavar="A,B,C", help="a zone's semi-axes, mm, from the device's table"
    )
    p.add_argument("--axis", type=_point, default=(0.0, 0.0, 1.0), metavar="X,Y,Z", help="LPS direction of A, a needle")
    p.add_argument("--axis-b", type=_point, metavar="X,Y,Z", help="LPS direction of B, where B is not C")
    p.add_argument("--margin", type=_not_negative, metavar="MM", help="around the target (default: the setting, 5)")
    p.add_argument("--needles", type=_count, metavar="N", help="no more zones than this")
    p.add_argument("-o", "--output", type=Path, metavar="PLAN.json", help="write the zones as a plan file")
    p.add_argument("--force", action="store_true", help="replace an existing file")


def _point(text: str) -> tuple[float, float, float]:
    found = target(text)
    if isinstance(found, str):
        raise argparse.ArgumentTypeError(f"'{text}' is not x,y,z in LPS mm")
    return found


def _radii(text: str) -> tuple[float, float, float]:
    a, b, c = _point(text)
    if min(a, b, c) <= 0.0:
        raise argparse.ArgumentTypeError(f"'{text}': semi-axes above 0 mm are needed")
    return a, b, c


def _positive(text: str) -> float:
    value = _not_negative(text)
    if value == 0.0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return value


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (math.isfinite(value) and value >= 0.0):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of 0 or more")
    return value


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of 1 or more")
    return int(text)
