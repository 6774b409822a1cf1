"""What `surgtwin growth` and `surgtwin outcome` take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

AddCommand = Callable[..., argparse.ArgumentParser]


def add_course(commands: Any, command: AddCommand) -> None:
    """`surgtwin growth` and `surgtwin outcome`: two scans in one twin, compared."""
    p = command(commands, "growth", "growth", "how lesions and the remnant changed between two scans of a twin")
    _add_scans(p)
    p.add_argument("--lesions", type=_names, metavar="A,B", help="structures (default: all that are abnormal)")
    p.add_argument("--remnant", type=_names, metavar="A,B", help="structures of both scans that are to remain")
    p.add_argument("--plan", metavar="NAME|FILE", help="a plan: what it leaves of the organ is the remnant")
    p.add_argument("--organ", default="liver", metavar="NAME", help="that the remnant is a part of (default liver)")
    p.add_argument("--height", type=float, metavar="CM", help="for the standardised remnant (default: the plan's)")
    p.add_argument("--weight", type=float, metavar="KG", help="as --height")
    p = command(commands, "outcome", "outcome", "what was resected against what was planned, by a scan afterwards")
    _add_scans(p)
    p.add_argument("--plan", required=True, metavar="NAME|FILE", help="a plan kept in the twin, or a plan file")
    p.add_argument("--organ", default="liver", metavar="NAME", help="that was resected (default liver)")


def _add_scans(p: argparse.ArgumentParser) -> None:
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("--image", required=True, metavar="ID", help="the other scan, as surgtwin add named it: image-2")
    p.add_argument(
        "--labels", type=Path, required=True, metavar="FILE", help="that scan's structures, e.g. by surgtwin segment"
    )
    p.add_argument("--names", type=Path, metavar="FILE", help='names of the labels, JSON: {"1": "liver"}')
    p.add_argument("--days", type=float, metavar="N", help="between the scans; by their dates if not given")
    p.add_argument("--revision", type=int, metavar="N", help="of the twin; the current one if not given")


def _names(text: str) -> tuple[str, ...]:
    return tuple(t.strip() for t in text.split(",") if t.strip())
