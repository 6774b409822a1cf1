"""Which structures stay accepted when a new revision is made."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..domain.labels import LabelMap, Structure
from ..domain.mesh import OrganMesh
from ..domain.twin import Twin


def still_accepted(old: Twin, new: Twin, accepted: Collection[str]) -> frozenset[str]:
    """Of the names accepted in `old`, those whose voxels and mesh are the same in `new`, bit for bit.

    What a person accepted is what that person saw: a structure that changed must be looked at again.
    """
    names = [n for n in accepted if _same_structure(old.labels, new.labels, n) and _same_mesh(old.mesh(n), new.mesh(n))]
    if not names or old.labels_on != new.labels_on or not old.labels.grid.is_same_space(new.labels.grid):
        return frozenset()
    changed = {layer: _changed_labels(old.labels, new.labels, layer) for layer in _layers_of(new.labels, names)}
    structures = [new.labels.structure(name) for name in names]
    return frozenset(s.name for s in structures if s.label not in changed[s.layer])


def _layers_of(labels: LabelMap, names: Collection[str]) -> set[int]:
    return {labels.structure(name).layer for name in names}


def _same_structure(old: LabelMap, new: LabelMap, name: str) -> bool:
    before, after = _find(old, name), _find(new, name)
    return before is not None and after is not None and (before.layer, before.label) == (after.layer, after.label)


def _find(labels: LabelMap, name: str) -> Structure | None:
    return next((s for s in labels.structures if s.name == name), None)


def _same_mesh(old: OrganMesh | None, new: OrganMesh | None) -> bool:
    if old is new:
        return True
    if old is None or new is None:
        return False
    return np.array_equal(old.vertices_mm, new.vertices_mm) and np.array_equal(old.triangles, new.triangles)


def _changed_labels(old: LabelMap, new: LabelMap, layer: int) -> set[int]:
    """Labels that gained or lost a voxel in a layer."""
    before, after = old.layers[layer], new.layers[layer]
    if before is after:
        return set()
    differs = before != after
    return {int(v) for v in np.unique(before[differs])} | {int(v) for v in np.unique(after[differs])}
