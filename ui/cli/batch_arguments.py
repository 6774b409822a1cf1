"""What `surgtwin batch` takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

MOST_JOBS = 256
AddCommand = Callable[[Any, str, str, str], argparse.ArgumentParser]


def add_batch(commands: Any, command: AddCommand) -> None:
    """`surgtwin batch`; `command(commands, name, module, text)` makes a command that knows --json."""
    p = command(commands, "batch", "batch", "make surfaces, labels and reports of many images, each on its own")
    p.add_argument(
        "inputs", type=Path, nargs="+", metavar="INPUT",
        help="folders of studies, DICOM folders, zips, image files, or a .txt list of such paths",
    )  # fmt: skip
    p.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="a new folder; with --resume its own"
    )
    p.add_argument(
        "--protocol", type=Path, metavar="FILE.yaml", help="what is taken, made and written; sensible if not given"
    )
    p.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="cases at a time (default 1)")
    p.add_argument("--resume", action="store_true", help="go on: what is finished is kept, all else is done")
    p.add_argument("--dry-run", action="store_true", help="only tell which series would be taken, and why")
    p.add_argument("--json-log", type=Path, metavar="FILE", help="the run log (JSON lines) here, not in OUT")


def _jobs(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of cases from 1 to {MOST_JOBS}")
    return count
