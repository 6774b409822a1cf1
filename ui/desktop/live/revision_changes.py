"""Two revisions against each other: volumes, places and verdicts that differ, as rows of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgtwin.domain.twin import Twin
from surgtwin.pipeline.timeline import TimelineRow

from ..wording import millilitres, millimetres

NOT_THERE = "not there"
LEAST_ML, LEAST_MM = 0.5, 0.05


@dataclass(frozen=True)
class Change:
    """One row: what it is of, in the first revision, in the second, and the difference in words."""

    about: str
    first: str
    second: str
    difference: str


def changes_between(first: Twin, second: Twin, rows: tuple[TimelineRow | None, TimelineRow | None]) -> list[Change]:
    """Structures whose volume or place differs, then verdicts of plans that differ."""
    names = dict.fromkeys([*(s.name for s in first.structures), *(s.name for s in second.structures)])
    found = [change for name in names if (change := _of_structure(name, first, second)) is not None]
    return [*found, *_verdicts(*(row.plan_verdicts if row is not None else {} for row in rows))]


def _of_structure(name: str, first: Twin, second: Twin) -> Change | None:
    volumes = [_volume(twin, name) for twin in (first, second)]
    words = [NOT_THERE if v is None else f"{millilitres(v)} mL" for v in volumes]
    if volumes[0] is None or volumes[1] is None:
        return Change(name, words[0], words[1], "") if volumes[0] is not volumes[1] else None
    more, far = volumes[1] - volumes[0], _apart(name, first, second)
    told = []
    if abs(more) >= LEAST_ML:
        share = f" ({more / volumes[0]:+.0%})" if volumes[0] > 0 else ""
        told.append(f"{more:+.0f} mL{share}".replace("-", "\u2212"))
    if far >= LEAST_MM:
        told.append(f"its middle moved {millimetres(far)} mm")
    return Change(name, words[0], words[1], ", ".join(told)) if told else None


def _volume(twin: Twin, name: str) -> float | None:
    structure = next((s for s in twin.structures if s.name == name), None)
    return None if structure is None else twin.labels.volume_ml(structure)


def _apart(name: str, first: Twin, second: Twin) -> float:
    """How far the middles of both surfaces lie apart, mm; 0 where one has none."""
    meshes = first.mesh(name), second.mesh(name)
    if meshes[0] is None or meshes[1] is None:
        return 0.0
    middles = [np.asarray(m.vertices_mm).mean(axis=0) for m in meshes if m is not None]
    return float(np.linalg.norm(middles[1] - middles[0]))


def _verdicts(first: dict[str, dict[str, str]], second: dict[str, dict[str, str]]) -> list[Change]:
    """Of plans that were judged on both."""
    found = []
    for plan in first.keys() & second.keys():
        for about in dict.fromkeys((*first[plan], *second[plan])):
            before, after = first[plan].get(about, "not judged"), second[plan].get(about, "not judged")
            if before != after:
                found.append(Change(f"{plan}: {about}", before, after, "verdict changed"))
    return found
