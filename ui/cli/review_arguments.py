"""What `surgtwin review` and its actions take. One function an action."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .report_arguments import add_report_options

Actions = Any
AddCommand = Callable[..., argparse.ArgumentParser]
OPINIONS = ("accepted", "corrected", "rejected", "in-progress")


def add_review(commands: Any, command: AddCommand) -> None:
    """`surgtwin review` with all its actions; `command(actions, name, module, text)` makes one that knows --json."""
    p = command(
        commands, "review", "review_list", "who looked at which structure, and what to look at next", json=False
    )
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    _list(actions, command)
    _show(actions, command)
    _sign(actions, command)
    _report(actions, command)
    _statistics(actions, command)
    _reader(actions, command)


def _list(actions: Actions, command: AddCommand) -> None:
    text = "the work list of twins, worst first; one in ten of those that look right is drawn for a full read"
    p = command(actions, "list", "review_list", text)
    p.add_argument("places", nargs="+", type=Path, metavar="TWIN|FOLDER", help="twins, or folders to look for them in")
    p.add_argument("--open", action="store_true", help="leave out what is done")


def _show(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "show", "review_show", "every structure of a twin: volume, confidence, doubts, who said what")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("--history", action="store_true", help="every statement, not only the last of each structure")


def _sign(actions: Actions, command: AddCommand) -> None:
    p = command(
        actions, "sign", "review_sign", "say of structures, signed, that they are accepted, corrected or rejected"
    )
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("structures", nargs="*", metavar="STRUCTURE", help="as `review show` names them")
    p.add_argument("--all", action="store_true", help="every structure of the twin")
    p.add_argument("--as", dest="opinion", required=True, choices=OPINIONS)
    p.add_argument("--reader", required=True, metavar="NAME", help="see `surgtwin review reader list`")
    p.add_argument("--reason", default="", metavar="TEXT", help="why; needed for a rejection")
    p.add_argument("--comment", default="", metavar="TEXT")
    p.add_argument("--seconds", type=float, default=0.0, metavar="S", help="time spent on all of them together")
    _passphrase(p)


def _report(actions: Actions, command: AddCommand) -> None:
    text = "write the validation report of a twin: every statement, what speaks against it, and where to look"
    p = command(actions, "report", "review_report", text)
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    add_report_options(p, is_required=True)


def _statistics(actions: Actions, command: AddCommand) -> None:
    text = "what readers made of what networks found: Dice and outcomes by model, scanner and structure, with an alarm"
    p = command(actions, "statistics", "review_statistics", text)
    p.add_argument("places", nargs="+", type=Path, metavar="TWIN|FOLDER", help="twins, or folders to look for them in")
    p.add_argument("--csv", type=Path, metavar="FILE", help="every signed structure, one a line")


def _reader(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "reader", "review_reader", "people who sign on this computer", json=False)
    verbs = p.add_subparsers(dest="verb", metavar="add|list", required=True)
    add = command(verbs, "add", "review_reader", "make a reader with a key that a passphrase opens")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", default="radiologist")
    _passphrase(add)
    command(verbs, "list", "review_reader", "the readers of this computer, with the fingerprints of their keys")


def _passphrase(p: argparse.ArgumentParser) -> None:
    help_text = "a file whose first line is the passphrase, for scripts; else it is asked for on the terminal"
    p.add_argument("--passphrase-file", type=Path, metavar="FILE", help=help_text)
