"""What readers made of what networks found, by model, scanner and structure, with an alarm when it gets worse.

Every sign-off counts, not only the corrected ones: a model whose cases are accepted after long corrections elsewhere,
and one whose cases are accepted at a glance, differ in nothing but this record.
"""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from scipy import stats

from ..domain.review import ReviewState, SignOff, structure_hashes
from ..errors import SurgTwinError
from ..progress import SILENT, Progress
from ..store.reviews import RevisionParts, load_review, load_revision_parts
from .doubt import agreement
from .sign_off import genuine
from .work_list import Unreadable, find_twins

RECENT = 10
"""Sign-offs that are compared with those before them."""
LEAST_BASELINE = 10
"""Fewer sign-offs before (or elsewhere) give no alarm: chance alone would."""
ALARM_P = 0.001
"""How rarely chance alone may raise an alarm, in each comparison: there are dozens of them in one table."""
UNKNOWN = "not known"


@dataclass(frozen=True)
class Outcome:
    """What became of one structure that a network found.

    Parameters
    ----------
    model, scanner
        "ct_abdomen 1.2", "Siemens SOMATOM Force"; `UNKNOWN` where the twin doesn't say.
    dice
        Of what the network found and what was signed; None for a rejection, or if the two lie on different grids.
    """

    twin: Path
    case_id: str
    structure: str
    model: str
    scanner: str
    said: SignOff
    dice: float | None = None


@dataclass(frozen=True)
class GroupFigures:
    """Outcomes of one model on one scanner for one structure.

    Parameters
    ----------
    mean_dice, least_dice
        Of those that were signed off; None if there is none.
    alarms
        In words; empty if nothing speaks of drift.
    """

    model: str
    scanner: str
    structure: str
    count: int
    accepted: int
    corrected: int
    rejected: int
    mean_dice: float | None
    least_dice: float | None
    alarms: tuple[str, ...] = ()


def collect(places: Sequence[Path], progress: Progress = SILENT) -> tuple[list[Outcome], list[Unreadable]]:
    """The last genuine statement about every structure that a network found, oldest first.

    Returns
    -------
    tuple
        The outcomes, and the twins that could not be read.
    """
    outcomes: list[Outcome] = []
    unreadable = []
    twins = find_twins(places)
    for n, path in enumerate(twins):
        progress.update(n / len(twins), f"Reading {path.name}")
        try:
            outcomes += _of_twin(path)
        except SurgTwinError as error:
            unreadable.append(Unreadable(path, str(error)))
    return sorted(outcomes, key=lambda o: (o.said.utc, o.case_id, o.structure)), unreadable


def figures(outcomes: Sequence[Outcome]) -> list[GroupFigures]:
    """Outcomes in groups, with alarms: of time within a group, and of a scanner against the model's other scanners.

    An alarm of Dice is Welch's one-sided t-test, one of outcomes a one-sided binomial test against the share of
    corrections and rejections in the baseline ((k + 1) / (n + 2), Laplace), each at `ALARM_P`.
    """
    groups: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.model, outcome.scanner, outcome.structure].append(outcome)
    found = []
    for (model, scanner, structure), own in sorted(groups.items()):
        elsewhere = [o for o in outcomes if (o.model, o.structure) == (model, structure) and o.scanner != scanner]
        plain = _plain(model, scanner, structure, own)
        alarms = [*_worse(own[-RECENT:], own[:-RECENT], "the last", "before")]
        alarms += _worse(own, elsewhere, "this scanner's", "on other scanners")
        found.append(replace(plain, alarms=tuple(alarms)))
    return found


def scanner_of(header: bytes) -> str:
    """Manufacturer and model of the scanner by a DICOM header (C.7.5.1), or `UNKNOWN`."""
    if not header:
        return UNKNOWN
    try:
        dataset = dcmread(io.BytesIO(header), specific_tags=["Manufacturer", "ManufacturerModelName"])
    except (InvalidDicomError, ValueError, OSError):
        return UNKNOWN
    words = [str(dataset.get(tag, "")).strip() for tag in ("Manufacturer", "ManufacturerModelName")]
    return " ".join(w for w in words if w) or UNKNOWN


def _of_twin(path: Path) -> list[Outcome]:
    kept = load_review(path)
    book, _ = genuine(kept.reviews, kept.case_id)
    last = {s.structure: s for s in book.sign_offs if s.state.is_done}
    parts: dict[int, RevisionParts] = {}

    def revision(number: int) -> RevisionParts:
        if number not in parts:
            parts[number] = load_revision_parts(path, number)
        return parts[number]

    outcomes = (_outcome(path, kept.case_id, said, revision) for said in last.values())
    return [o for o in outcomes if o is not None]


def _outcome(path: Path, case_id: str, said: SignOff, revision: Callable[[int], RevisionParts]) -> Outcome | None:
    """None if no network found the structure."""
    signed = revision(said.twin_revision)
    first = signed
    while first.parent is not None:
        first = revision(first.parent)
    found = next((s for s in first.labels.structures if s.name == said.structure), None)
    if found is None or found.origin != "network":
        return None
    model = " ".join(str(first.provenance.model.get(key, "")) for key in ("name", "version")).strip() or UNKNOWN
    outcome = Outcome(path, case_id, said.structure, model, scanner_of(first.header), said)
    here = next((s for s in signed.labels.structures if s.name == said.structure), None)
    is_as_signed = here is not None and structure_hashes(signed.labels, [here])[here.name] == said.content_sha256
    if said.state is ReviewState.REJECTED or not is_as_signed:
        return outcome
    return replace(outcome, dice=agreement(first.labels, signed.labels).get(said.structure))


def _plain(model: str, scanner: str, structure: str, own: Sequence[Outcome]) -> GroupFigures:
    states = [o.said.state for o in own]
    dice = _dice(own)
    return GroupFigures(
        model,
        scanner,
        structure,
        len(own),
        states.count(ReviewState.ACCEPTED),
        states.count(ReviewState.CORRECTED),
        states.count(ReviewState.REJECTED),
        float(np.mean(dice)) if dice else None,
        min(dice) if dice else None,
    )


def _worse(own: Sequence[Outcome], baseline: Sequence[Outcome], which: str, where: str) -> list[str]:
    if len(baseline) < LEAST_BASELINE or not own:
        return []
    alarms = []
    ours, theirs = _dice(own), _dice(baseline)
    if min(len(ours), len(theirs)) > 1 and _is_less(ours, theirs):
        alarms.append(
            f"{which} {len(ours)} have a mean Dice of {np.mean(ours):.3f}, {where} it is {np.mean(theirs):.3f}"
        )
    bad, bad_before = _changed(own), _changed(baseline)
    usual = (bad_before + 1) / (len(baseline) + 2)
    if stats.binomtest(bad, len(own), usual, alternative="greater").pvalue < ALARM_P:
        alarms.append(
            f"{which} {len(own)} were corrected or rejected {bad} times, {where} {bad_before} of {len(baseline)}"
        )
    return alarms


def _is_less(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    if np.ptp(ours) == 0.0 and np.ptp(theirs) == 0.0:
        return ours[0] < theirs[0]
    p = float(stats.ttest_ind(ours, theirs, equal_var=False, alternative="less").pvalue)
    return not math.isnan(p) and p < ALARM_P


def _dice(outcomes: Sequence[Outcome]) -> list[float]:
    return [o.dice for o in outcomes if o.dice is not None]


def _changed(outcomes: Sequence[Outcome]) -> int:
    return sum(o.said.state is not ReviewState.ACCEPTED for o in outcomes)
