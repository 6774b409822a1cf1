"""What `surgtwin report` takes, and what any command takes that writes a report."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPORT_ENDINGS = (".pdf", ".html", ".htm")
AddCommand = Callable[[Any, str, str, str], argparse.ArgumentParser]


def add_report(commands: Any, command: AddCommand) -> None:
    """`surgtwin report`; `command(commands, name, module, text)` makes a command that knows --json."""
    p = command(commands, "report", "report", "write a report of a twin, a plan on it, or several plans side by side")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument(
        "--plan", action="append", metavar="NAME|PLAN.json", help="a kept plan or a plan file; again: to compare them"
    )
    add_report_options(p, is_required=True)


def add_report_options(p: argparse.ArgumentParser, *, is_required: bool) -> None:
    """Where a report goes, and whom it names."""
    p.add_argument(
        "-o", "--output", type=_report_file, required=is_required, metavar="REPORT.pdf|.html", help="the report's file"
    )
    p.add_argument("--with-identity", action="store_true", help="name the patient in the report; else only the case")
    p.add_argument("--force", action="store_true", help="replace an existing report")


def _report_file(text: str) -> Path:
    if not text.lower().endswith(REPORT_ENDINGS):
        raise argparse.ArgumentTypeError(f"'{text}': reports are written as {', '.join(REPORT_ENDINGS)}")
    return Path(text)
