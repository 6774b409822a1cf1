"""Structures and the label maps that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LabelError
from .geometry import Grid, frozen

Colour = tuple[int, int, int]
"""Red, green, blue, 0..255."""
MAX_LABEL = 65535


@dataclass(frozen=True)
class Code:
    """A coded concept, as DICOM writes it."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Structure:
    """One structure of a label map.

    Parameters
    ----------
    label
        Its value in its layer, 1 or more.
    name
        Kept verbatim as given.
    code, laterality
        SNOMED CT codes, if the name is known to the structure table.
    part_of
        Name of the structure this one is a part of (a tumour of the liver), or empty.
    layer
        Layer 0 holds exclusive structures; body, lesions, territories may overlap them in further layers.
    origin
        'network', 'classical', 'given' (a label map from elsewhere) or 'person'.
    """

    label: int
    name: str
    colour: Colour
    code: Code | None = None
    laterality: Code | None = None
    part_of: str = ""
    layer: int = 0
    origin: str = "given"

    def __post_init__(self) -> None:
        if not 1 <= self.label <= MAX_LABEL:
            raise LabelError(f"Label {self.label} is out of range; labels are 1 to {MAX_LABEL}.")
        if not self.name.strip():
            raise LabelError(f"Label {self.label} has an empty name.")
        if len(self.colour) != 3 or not all(0 <= c <= 255 for c in self.colour):
            raise LabelError(f"Label {self.label} has the colour {self.colour}; needed are three values of 0 to 255.")


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Which voxel belongs to which structure.

    Parameters
    ----------
    layers
        Arrays [k, j, i] of uint8 or uint16, 0 = nothing. Layer 0 first. Made read-only.
    structures
        The structures that have a name; (layer, label) and names are unique.

    Raises
    ------
    LabelError
        If shapes, types, labels or names clash, or a voxel has a label that no structure names.
    """

    grid: Grid
    layers: tuple[NDArray[Any], ...]
    structures: tuple[Structure, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise LabelError("A label map needs at least one layer.")
        for n, layer in enumerate(self.layers):
            if layer.shape != self.grid.shape:
                raise LabelError(f"Layer {n} has shape {layer.shape}, but the grid has {self.grid.shape}.")
            if layer.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
                raise LabelError(f"Layer {n} has type {layer.dtype}; labels are uint8 or uint16.")
        names = [s.name for s in self.structures]
        if len(set(names)) != len(names):
            raise LabelError(f"Two structures have the same name: {sorted({n for n in names if names.count(n) > 1})}.")
        keys = [(s.layer, s.label) for s in self.structures]
        if len(set(keys)) != len(keys) or any(not 0 <= s.layer < len(self.layers) for s in self.structures):
            raise LabelError("Two structures share a label, or one lies in a layer that does not exist.")
        self._check_all_named()
        object.__setattr__(self, "layers", tuple(frozen(layer) for layer in self.layers))

    def _check_all_named(self) -> None:
        for n in range(len(self.layers)):
            named = {s.label for s in self.structures if s.layer == n}
            found = set(np.flatnonzero(self.counts(n)).tolist()) - {0}
            if found - named:
                raise LabelError(f"Layer {n} holds labels without a structure: {sorted(found - named)}.")

    def counts(self, layer: int) -> NDArray[np.int64]:
        """Number of voxels of each label value in a layer, index = label."""
        return self._counts[layer]

    @cached_property
    def _counts(self) -> tuple[NDArray[np.int64], ...]:
        return tuple(_bincount(layer) for layer in self.layers)

    def structure(self, name: str) -> Structure:
        """The structure of that name. Raises LabelError naming those there are."""
        for s in self.structures:
            if s.name == name:
                return s
        raise LabelError(f"There is no structure '{name}'; there are: {', '.join(s.name for s in self.structures)}.")

    def mask(self, name: str) -> NDArray[np.bool_]:
        """[k, j, i] bool, True in the structure's own voxels."""
        s = self.structure(name)
        return np.asarray(self.layers[s.layer] == s.label)

    def voxels(self, structure: Structure) -> int:
        counts = self.counts(structure.layer)
        return int(counts[structure.label]) if structure.label < len(counts) else 0

    def volume_ml(self, structure: Structure) -> float:
        """The structure's own voxels, in mL."""
        return self.voxels(structure) * self.grid.voxel_volume_ml

    def with_parts_ml(self, structure: Structure) -> float:
        """The structure and everything that is part of it (recursively), in mL; no voxel counts twice."""
        members = self._with_parts(structure)
        if len({m.layer for m in members}) == 1:
            return sum(self.volume_ml(m) for m in members)
        union = np.zeros(self.grid.shape, dtype=bool)
        for m in members:
            union |= self.layers[m.layer] == m.label
        return int(np.count_nonzero(union)) * self.grid.voxel_volume_ml

    def _with_parts(self, structure: Structure) -> list[Structure]:
        members, names = [structure], {structure.name}
        while True:
            more = [s for s in self.structures if s.part_of in names and s.name not in names]
            if not more:
                return members
            members += more
            names |= {s.name for s in more}


def _bincount(layer: NDArray[Any]) -> NDArray[np.int64]:
    """np.bincount by runs of equal labels, slab by slab: labels come in long runs, and widening all is slow."""
    size = int(layer.max(initial=0)) + 1
    counts = np.zeros(size, dtype=np.int64)
    for slab in layer:
        flat = slab.reshape(-1)
        starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
        lengths = np.diff(starts, append=flat.size)
        counts += np.bincount(flat[starts], weights=lengths, minlength=size).astype(np.int64)
    return counts
