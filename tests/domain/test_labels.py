"""Label maps and structures."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import LabelError
from tests.conftest import make_oblique_grid


def two_layers() -> LabelMap:
    grid = make_oblique_grid((6, 6, 6))
    organs, lesions = np.zeros((2, 6, 6, 6), np.uint8)
    organs[1:4] = 1
    lesions[3:5, 2, 2] = 1
    structures = (structure_for(1, "liver"), structure_for(1, "liver tumour", layer=1))
    return LabelMap(grid, (organs, lesions), structures)


def test_own_volume_counts_voxels_and_with_parts_counts_none_twice():
    labels = two_layers()
    liver, tumour = labels.structures
    ml = labels.grid.voxel_volume_ml
    assert labels.volume_ml(liver) == pytest.approx(108 * ml)
    assert labels.volume_ml(tumour) == pytest.approx(2 * ml)
    assert labels.with_parts_ml(liver) == pytest.approx(109 * ml)
    assert labels.with_parts_ml(tumour) == pytest.approx(2 * ml)


def test_parts_in_the_same_layer_add_up():
    grid = make_oblique_grid((4, 4, 4))
    layer = np.zeros((4, 4, 4), np.uint16)
    layer[0], layer[1] = 6, 300
    labels = LabelMap(grid, (layer,), (structure_for(6, "liver"), structure_for(300, "liver tumour")))
    assert labels.with_parts_ml(labels.structure("liver")) == pytest.approx(32 * grid.voxel_volume_ml)


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        two_layers().layers[0][0, 0, 0] = 1


def test_unknown_name_says_what_there_is():
    with pytest.raises(LabelError, match="liver tumour"):
        two_layers().mask("spleen")


@pytest.mark.parametrize(
    ("dtype", "fill", "structures"),
    [
        (np.int16, 1, [(1, "liver", 0)]),
        (np.uint8, 2, [(1, "liver", 0)]),
        (np.uint8, 1, [(1, "liver", 0), (2, "liver", 0)]),
        (np.uint8, 1, [(1, "liver", 0), (1, "spleen", 0)]),
        (np.uint8, 1, [(1, "liver", 3)]),
    ],
)
def test_label_maps_that_contradict_themselves_are_refused(dtype, fill, structures):
    layer = np.full((4, 4, 4), fill, dtype)
    with pytest.raises(LabelError):
        LabelMap(make_oblique_grid((4, 4, 4)), (layer,), tuple(structure_for(n, s, layer=k) for n, s, k in structures))


@pytest.mark.parametrize(
    ("label", "name", "colour"),
    [(0, "a", (1, 2, 3)), (70000, "a", (1, 2, 3)), (1, " ", (1, 2, 3)), (1, "a", (1, 2, 300))],
)
def test_impossible_structures_are_refused(label, name, colour):
    with pytest.raises(LabelError):
        Structure(label, name, colour)
