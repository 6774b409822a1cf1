"""`surgtwin plan rename, copy, remove, restore, withdraw`: each is one event in the log, none loses anything."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from surgtwin.domain.plan_shelf import PlanShelf
from surgtwin.domain.twin import Twin
from surgtwin.pipeline.plan_summary import plan_summary
from surgtwin.planning.plan_versions import utc_now
from surgtwin.store.writer import TwinWriter

from .author import author
from .console import say, write_json

Edit = Callable[[PlanShelf, Twin, argparse.Namespace], PlanShelf]


def run(options: argparse.Namespace) -> int:
    edit, done = _EDITS[options.action]
    with TwinWriter(options.twin) as writer:
        before = set(writer.twin.shelf.every)
        twin = writer.change_plans(lambda shelf: edit(shelf, writer.twin, options), author(options.by))
    changed = [p for p in twin.shelf.every if p not in before]
    plan = changed[0] if changed else twin.shelf.plan(options.name)
    status = twin.plan_status(plan)
    if options.json:
        write_json({"case_id": twin.case_id, "revision": twin.revision.number} | plan_summary(plan, status))
    else:
        say(done.format(old=options.name, new=plan.name, state=status.text))
    return 0


def _rename(shelf: PlanShelf, _: Twin, options: argparse.Namespace) -> PlanShelf:
    return shelf.with_name(options.name, options.new_name)


def _copy(shelf: PlanShelf, twin: Twin, options: argparse.Namespace) -> PlanShelf:
    return shelf.with_copy(
        options.name,
        shelf.free_name(options.name) if options.new_name is None else options.new_name,
        by=author(options.by),
        utc=utc_now(),
        twin_revision=twin.revision.number,
        version=options.version,
    )


def _remove(shelf: PlanShelf, _: Twin, options: argparse.Namespace) -> PlanShelf:
    return shelf.without(options.name)


def _restore(shelf: PlanShelf, _: Twin, options: argparse.Namespace) -> PlanShelf:
    return shelf.with_restored(options.name, options.new_name)


def _withdraw(shelf: PlanShelf, _: Twin, options: argparse.Namespace) -> PlanShelf:
    return shelf.without_approval(options.name, author(options.by))


_EDITS: dict[str, tuple[Edit, str]] = {
    "rename": (_rename, "renamed: {old} is {new} now, {state}"),
    "copy": (_copy, "copied: {old} to {new}, {state}"),
    "remove": (_remove, "removed: {old}; `surgtwin plan restore` brings it back"),
    "restore": (_restore, "restored: {new}, {state}"),
    "withdraw": (_withdraw, "withdrawn: {old} is a draft"),
}
