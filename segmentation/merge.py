"""Several parts' label maps made into one: who keeps a voxel that two of them label, and how many there were.

The rule: parts are added in their order (`Collection.run_order`), and a voxel keeps its first label; only a structure
that is a part of the one there (a tumour of the liver, by the structure table) replaces it. Nothing is overwritten
without being counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.structure_table import match

from .collection import CollectionPart, PartLabel

Labels = npt.NDArray[Any]
MANY = 0.05
"""Of a structure's voxels given up to another: from here on it is a warning."""
MOST_NAMED = 3


@dataclass(frozen=True)
class Overlap:
    """Voxels that two parts labelled: ``kept`` has them now, ``given_up`` would have had them."""

    kept: str
    given_up: str
    voxels: int


class LabelMerger:
    """The label map that parts are added to, one after the other.

    Parameters
    ----------
    shape
        Of the image, [k, j, i].
    labels
        Every structure that any part may give.
    """

    def __init__(self, shape: tuple[int, ...], labels: Sequence[PartLabel]) -> None:
        self._rows = {row.value: row for row in labels}
        largest = max(self._rows, default=0)
        self.labels: Labels = np.zeros(shape, np.uint8 if largest < 256 else np.uint16)
        self._conflicts: Counter[tuple[int, int]] = Counter()
        self._found = np.zeros(largest + 1, np.int64)
        self._refines = self._refining(largest + 1)

    def add(self, part: CollectionPart, labels: Labels) -> None:
        """Add a part's own label map ``[k, j, i]``, in its own values."""
        table = self._table(part, labels)
        for there, new in zip(self.labels, labels, strict=True):
            self._add_slice(there, table[new])

    def contradicts(self, part: CollectionPart, said: Labels, merged: Labels) -> npt.NDArray[np.bool_]:
        """Return where what a part said, in its own values, excludes the merged label that another part gave."""
        value = self._table(part, said)[said]
        is_own = np.zeros(len(self._found), bool)
        is_own[[row.value for row in part.labels]] = True
        answer: npt.NDArray[np.bool_] = (value != 0) & (merged != 0) & ~is_own[merged] & ~self._refines[value, merged]
        return answer

    def overlaps(self) -> tuple[Overlap, ...]:
        """Return what parts disagreed on, most voxels first."""
        pairs = [Overlap(self._rows[k].name, self._rows[g].name, n) for (k, g), n in self._conflicts.items()]
        return tuple(sorted(pairs, key=lambda o: (-o.voxels, o.kept, o.given_up)))

    def share_given_up(self, name: str) -> float:
        """Return the share of a structure's voxels, as its part found it, that another structure keeps."""
        value = next(row.value for row in self._rows.values() if row.name == name)
        lost = sum(n for (_, given_up), n in self._conflicts.items() if given_up == value)
        return lost / int(self._found[value]) if self._found[value] else 0.0

    def _table(self, part: CollectionPart, labels: Labels) -> Labels:
        """Merged values by a part's own."""
        table = np.zeros(max(int(labels.max(initial=0)), 1) + 1, self.labels.dtype)
        for row in part.labels:
            if row.part_value < len(table):
                table[row.part_value] = row.value
        return table

    def _add_slice(self, there: Labels, new: Labels) -> None:
        if not new.any():
            return
        self._found += np.bincount(new.reshape(-1), minlength=len(self._found))
        is_free = there == 0
        both = ~is_free & (new != 0)
        there[is_free] = new[is_free]
        if not both.any():
            return
        old, came = there[both], new[both]
        replaces = self._refines[old, came]
        there[both] = np.where(replaces, came, old)
        kept, given_up = np.where(replaces, came, old), np.where(replaces, old, came)
        pairs, counts = np.unique(np.stack([kept, given_up]), axis=1, return_counts=True)
        for k, g, n in zip(*pairs.tolist(), counts.tolist(), strict=True):
            self._conflicts[k, g] += n

    def _refining(self, size: int) -> npt.NDArray[np.bool_]:
        """``[there, new]``: whether ``new`` is a part of ``there``."""
        table = np.zeros((size, size), bool)
        standard = {value: match(row.name) for value, row in self._rows.items()}
        for new, row in standard.items():
            for there, whole in standard.items():
                table[there, new] = row is not None and whole is not None and row.part_of == whole.name
        return table


def overlap_finding(merger: LabelMerger, voxel_ml: float) -> Finding | None:
    """Return how much the parts disagreed on, None if on nothing; a warning where a structure gave up much."""
    overlaps = merger.overlaps()
    if not overlaps:
        return None
    total_ml = sum(o.voxels for o in overlaps) * voxel_ml
    pairs = "; ".join(f"{o.kept} kept {o.voxels * voxel_ml:.2g} mL of {o.given_up}" for o in overlaps[:MOST_NAMED])
    shares = {name: merger.share_given_up(name) for name in dict.fromkeys(o.given_up for o in overlaps)}
    worst = max(shares.values())
    message = f"The model's parts labelled {total_ml:.2g} mL twice: {pairs}."
    if len(overlaps) > MOST_NAMED:
        message += f" {len(overlaps) - MOST_NAMED} more pairs of structures overlapped."
    numbers = {"overlap_ml": total_ml, "pairs": float(len(overlaps)), "largest_share_given_up": worst}
    severity = Severity.WARNING if worst >= MANY else Severity.INFO
    return Finding("overlapping-parts", severity, message, numbers=numbers)
