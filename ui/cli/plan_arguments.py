"""What `surgtwin plan` and its actions take. One function an action."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .access_arguments import add_access
from .ports_arguments import add_reach, add_zones
from .report_arguments import add_report_options
from .simulate_arguments import add_simulate
from .vessel_arguments import add_vessels

Actions = Any
AddCommand = Callable[..., argparse.ArgumentParser]


def add_plan(commands: Any, command: AddCommand) -> None:
    """`surgtwin plan` with all its actions; `command(actions, name, module, text)` makes one that knows --json."""
    p = command(commands, "plan", "plan", "judge, keep, compare and approve plans on a twin", json=False)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    _evaluate(actions, command)
    add_access(actions, command)
    add_simulate(actions, command)
    add_vessels(actions, command)
    add_reach(actions, command)
    add_zones(actions, command)
    _add(actions, command)
    _list(actions, command)
    _show(actions, command)
    _history(actions, command)
    _compare(actions, command)
    _approve(actions, command)
    _withdraw(actions, command)
    _rename(actions, command)
    _copy(actions, command)
    _remove(actions, command)
    _restore(actions, command)
    _export(actions, command)


def _evaluate(actions: Actions, command: AddCommand) -> None:
    text = "volumes, remnant, margins and findings of a plan file, or of a plan kept in the twin"
    p = command(actions, "evaluate", "plan", text)
    _add_twin(p)
    p.add_argument("plan", metavar="PLAN.json|NAME", help="a file (docs/plan-schema.json; LPS, mm), or a kept plan")
    _add_version(p)
    add_report_options(p, is_required=False)


def _add(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "add", "plan_add", "keep a plan file in the twin, as a new version where the name is there")
    _add_twin(p)
    p.add_argument("plan", type=Path, metavar="PLAN.json", help="see docs/plan-schema.json; LPS, mm")
    p.add_argument("--name", help="what to call it; else the name in the file, or the file's own")
    p.add_argument("--other-case", action="store_true", help="although it was made on another twin of this patient")
    _add_by(p)


def _list(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "list", "plan_list", "list the plans kept in the twin, with their state")
    _add_twin(p)
    p.add_argument("--removed", action="store_true", help="those that were removed, too")


def _show(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "show", "plan_show", "show a kept plan; with --json as the plan file that it is")
    _add_plan(p)
    _add_version(p)


def _history(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "history", "plan_history", "list the versions of a kept plan and its approvals")
    _add_plan(p)


def _compare(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "compare", "plan_compare", "put two or more plans side by side")
    _add_twin(p)
    p.add_argument("plans", nargs="+", metavar="NAME|PLAN.json", help="kept plans, or plan files")


def _approve(actions: Actions, command: AddCommand) -> None:
    text = "approve the latest version of a plan as it is judged now; any later edit or revision breaks the approval"
    p = command(actions, "approve", "plan_approve", text)
    _add_plan(p)
    p.add_argument("--by", type=_person, required=True, metavar="WHO", help="who approves it")
    p.add_argument("--note", default="", metavar="TEXT", help="to be kept with the approval")
    p.add_argument("--despite", default="", metavar="REASON", help="why, although something is violated or an error")


def _withdraw(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "withdraw", "plan_edit", "withdraw the approval of a plan")
    _add_plan(p)
    p.add_argument("--by", type=_person, required=True, metavar="WHO", help="who withdraws it")


def _rename(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "rename", "plan_edit", "give a plan another name")
    _add_plan(p)
    p.add_argument("new_name", metavar="NEW")
    _add_by(p)


def _copy(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "copy", "plan_edit", "start another plan, a draft, from a plan")
    _add_plan(p)
    p.add_argument("new_name", metavar="NEW", nargs="?", help="else the first free one of 'NAME 2', 'NAME 3'...")
    _add_version(p)
    _add_by(p)


def _remove(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "remove", "plan_edit", "take a plan out of the list; `plan restore` brings it back")
    _add_plan(p)
    _add_by(p)


def _restore(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "restore", "plan_edit", "bring a removed plan back")
    _add_plan(p)
    p.add_argument("--as", dest="new_name", default="", metavar="NEW", help="under another name")
    _add_by(p)


def _export(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "export", "plan_export", "write a kept plan as a plan file")
    _add_plan(p)
    _add_version(p)
    p.add_argument("-o", "--output", type=Path, required=True, metavar="PLAN.json")
    p.add_argument("--force", action="store_true", help="replace an existing file")


def _add_twin(p: argparse.ArgumentParser) -> None:
    p.add_argument("twin", type=Path, metavar="CASE.twin")


def _add_plan(p: argparse.ArgumentParser) -> None:
    _add_twin(p)
    p.add_argument("name", metavar="NAME", help="as `plan list` tells it")


def _add_version(p: argparse.ArgumentParser) -> None:
    p.add_argument("--version", type=int, metavar="K", help="of the kept plan; the latest if not given")


def _add_by(p: argparse.ArgumentParser) -> None:
    p.add_argument("--by", type=_person, metavar="WHO", help="who does it; the account's name if not given")


def _person(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError("the name of a person is needed, on one line")
    return text.strip()
