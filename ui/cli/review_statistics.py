"""`surgtwin review statistics`: what readers made of what networks found."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import asdict

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.review.statistics import GroupFigures, Outcome, collect, figures

from .console import ProgressBar, note, say, table, write_json
from .review_list import EXIT_SOME_FAILED, require_places

COLUMNS = ("case_id", "structure", "model", "scanner", "state", "dice", "reader", "utc", "seconds", "is_full_read")


def run(options: argparse.Namespace) -> int:
    """Exit code 4 if a twin could not be read; the figures are of the others."""
    require_places(options.places)
    bar = ProgressBar()
    try:
        outcomes, unreadable = collect(options.places, bar.progress())
    finally:
        bar.close()
    groups = figures(outcomes)
    if options.csv is not None:
        write_bytes_atomically(options.csv, _csv(outcomes).encode("utf-8"))
    if options.json:
        told = [{"twin": str(u.path), "reason": u.reason} for u in unreadable]
        write_json({"sign_offs": len(outcomes), "groups": [asdict(g) for g in groups], "unreadable": told})
    else:
        _tell(groups)
        for twin in unreadable:
            note(f"{twin.path.name} can't be read: {twin.reason}")
    return EXIT_SOME_FAILED if unreadable else 0


def _tell(groups: Sequence[GroupFigures]) -> None:
    if not groups:
        say("Nobody has signed anything of a structure that a network found.")
        return
    header = ("model", "scanner", "structure", "signed", "accepted", "corrected", "rejected", "mean Dice", "least")
    say(table([_row(g) for g in groups], header, right=(3, 4, 5, 6, 7, 8)))
    for group in groups:
        for alarm in group.alarms:
            say(f"ALARM: {group.structure} by {group.model} on {group.scanner}: {alarm}")


def _row(g: GroupFigures) -> list[str]:
    dice = ["" if d is None else f"{d:.3f}" for d in (g.mean_dice, g.least_dice)]
    counts = [str(n) for n in (g.count, g.accepted, g.corrected, g.rejected)]
    return [g.model, g.scanner, g.structure, *counts, *dice]


def _csv(outcomes: Sequence[Outcome]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for o in outcomes:
        said = o.said
        state = (said.state.value, "" if o.dice is None else repr(o.dice), said.reader, said.utc, said.seconds)
        writer.writerow((o.case_id, o.structure, o.model, o.scanner, *state, said.is_full_read))
    return text.getvalue()
