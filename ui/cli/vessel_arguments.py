"""What `surgtwin plan vessels` takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

METHODS = ("nearest", "radius-weighted", "geodesic")
"""The values of `TerritoryMethod`, without importing what it needs."""


def add_vessels(actions: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """`surgtwin plan vessels`."""
    text = "list the branches of a vessel in an organ, and what each feeds or drains"
    p = command(actions, "vessels", "plan_vessels", text)
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("--organ", default="liver", help="the organ that is shared out (default liver)")
    p.add_argument("--vessel", default="", metavar="NAME", help="its structure; else the organ's inflow that is known")
    p.add_argument("--plan", metavar="PLAN.json|NAME", help="a plan that names branches (its key vessels)")
    p.add_argument(
        "--branch", action="append", default=[], metavar="NAME", help="share out among these only; may be repeated"
    )
    p.add_argument(
        "--method",
        choices=METHODS,
        default=METHODS[0],
        help="nearest branch, nearest less its radius, or by the way inside the organ (default nearest)",
    )
