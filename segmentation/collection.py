"""A model, or several part models that make one label map together, and which structures are asked of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from surgtwin.domain.structure_table import match
from surgtwin.errors import LabelError

from .label_names import NamedLabel
from .model_folder import ModelFolder

COLLECTION = "collection.json"


@dataclass(frozen=True)
class PartLabel(NamedLabel):
    """A structure that one part gives: ``value`` in the merged label map, ``part_value`` in the part's own."""

    part_value: int


@dataclass(frozen=True)
class CollectionPart:
    """A part model and what is taken of it. ``folder`` is what the collection calls it."""

    folder: str
    model: ModelFolder
    labels: tuple[PartLabel, ...]
    priority: int = 0


@dataclass(frozen=True)
class Collection:
    """One or more part models; a single model is a collection of one, its label values its own.

    Parameters
    ----------
    modality
        "CT", "MR" or empty if unknown.
    is_model
        Whether it is a single model's own folder, with its own label values and hash.
    """

    path: Path
    name: str
    version: str
    modality: str
    licence: str
    parts: tuple[CollectionPart, ...]
    is_model: bool = False

    @property
    def labels(self) -> tuple[PartLabel, ...]:
        """Every structure, by its value in the merged label map."""
        return tuple(sorted((row for part in self.parts for row in part.labels), key=lambda row: row.value))

    @property
    def run_order(self) -> tuple[CollectionPart, ...]:
        """The parts, the one that keeps its voxels first."""
        return tuple(sorted(self.parts, key=lambda part: -part.priority))

    def part_of(self, structure: str) -> CollectionPart:
        """Return the part that gives a structure."""
        return next(part for part in self.parts if any(row.name == structure for row in part.labels))

    def holding(self, structures: Iterable[str]) -> Collection:
        """Return the collection without the parts that give none of these structures; values stay as they are."""
        wanted = set(structures)
        kept = tuple(part for part in self.parts if any(row.name in wanted for row in part.labels))
        return replace(self, parts=kept)

    def sha256(self, known: Mapping[str, str] | None = None) -> str:
        """Return one hash over every part and the label table; of a single model, the model's own.

        Parameters
        ----------
        known
            Hashes of parts that were computed already, by the part's folder.
        """
        hashes = [(known or {}).get(part.folder) or part.model.sha256() for part in self.parts]
        if self.is_model:
            return hashes[0]
        digest = hashlib.sha256()
        for part, own in zip(self.parts, hashes, strict=True):
            digest.update(bytes.fromhex(own))
            table = [(row.value, row.part_value, row.name) for row in part.labels]
            digest.update(json.dumps([part.priority, part.model.orientation, table]).encode())
        return digest.hexdigest()


def choose_structures(collection: Collection, asked: Sequence[str], others: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the structures asked for, in the order of their labels.

    The model's own names and every spelling that the structure table knows are understood.

    Parameters
    ----------
    others
        Names of structures that are not the model's and may be asked for too.

    Raises
    ------
    LabelError
        Naming what there is, if one is not; if none is asked for.
    """
    found: set[str] = set()
    if not asked:
        raise LabelError("No structure was asked for; name some, or leave the choice out to get all.")
    for wanted in asked:
        names = _matching(wanted, collection.labels, others)
        if not names:
            known = ", ".join([*(row.name for row in collection.labels), *others])
            raise LabelError(f"{collection.name} has no structure {wanted!r}; there are: {known}.")
        found.update(names)
    return tuple(n for n in [*(row.name for row in collection.labels), *others] if n in found)


def _matching(wanted: str, labels: Sequence[PartLabel], others: Sequence[str]) -> set[str]:
    """Structures of that name; else those that the table knows by it ("rib left 1"); else by the same standard name."""
    key = _key(wanted)
    exact = {row.name for row in labels if key in (_key(row.name), _key(row.given))}
    exact |= {name for name in others if _key(name) == key}
    if exact:
        return exact
    standard = match(wanted)
    if standard is None:
        return set()
    return {name for name in [*(row.name for row in labels), *others] if match(name) is standard}


def _key(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).lower()
