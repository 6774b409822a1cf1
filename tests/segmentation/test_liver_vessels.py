from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from segmentation.liver_contrast import liver_box
from segmentation.liver_vessels import find_liver_vessels
from segmentation.vessel_trees import Tree
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.volume import Modality
from surgtwin.errors import Cancelled, LabelError
from surgtwin.progress import Progress
from tests.segmentation.vessel_liver import CAVA, LIVER, LIVER_HU, PORTAL_HU, from_middle, make_liver


@pytest.fixture(scope="module")
def liver():
    return make_liver()


@pytest.fixture(scope="module")
def found(liver):
    return find_liver_vessels(liver[0], liver[1])


def test_both_trees_are_found_and_told_apart(liver, found) -> None:
    _, _, portal, hepatic = liver
    for truth, own, other in ((portal, Tree.PORTAL, Tree.HEPATIC), (hepatic, Tree.HEPATIC, Tree.PORTAL)):
        near = ndimage.binary_dilation(found.mask(own), iterations=1)
        assert (near & truth).sum() > 0.85 * truth.sum()
        assert (found.mask(other) & truth).sum() < 0.02 * truth.sum()


def test_little_is_found_outside_the_vessels(liver, found) -> None:
    vessel = ndimage.binary_dilation(liver[2] | liver[3], iterations=2)
    assert (found.found & ~vessel).sum() < 0.1 * found.found.sum()


def test_right_is_right(found) -> None:
    x = from_middle(found.grid)[..., 0]
    assert x[found.mask(Tree.PORTAL)].mean() < -8
    assert x[found.mask(Tree.HEPATIC)].mean() > 8
    for line in found.lines:
        middle = line.points_mm.mean(axis=0) - found.grid.center()
        assert line.tree is not Tree.PORTAL or middle[0] < 3


def test_lengths_are_those_of_the_branches(found) -> None:
    # two branches of about 23 and 22 mm on a piece of 15 mm, of which a part lies in the stem
    assert found.length_mm[Tree.PORTAL] == pytest.approx(55, rel=0.25)
    assert found.length_mm[Tree.UNASSIGNED] < 12


def test_a_mirrored_grid_gives_the_same_vessels_in_the_patient(liver, found) -> None:
    volume, labels, _, _ = liver
    matrix = volume.grid.lps_from_ijk.copy()
    matrix[:3, 3] = volume.grid.to_lps((volume.grid.size_ijk[0] - 1, 0, 0))
    matrix[:3, 0] *= -1
    grid = Grid(volume.grid.shape, matrix)
    flipped = replace(volume, grid=grid, values=np.ascontiguousarray(volume.values[..., ::-1]))
    layers = (np.ascontiguousarray(labels.layers[0][..., ::-1]),)
    mirrored = find_liver_vessels(flipped, LabelMap(grid, layers, labels.structures))
    for tree in (Tree.PORTAL, Tree.HEPATIC):
        here, there = found.mask(tree), mirrored.mask(tree)[..., ::-1]
        assert 2 * (here & there).sum() > 0.8 * (here.sum() + there.sum())


def test_the_labelled_veins_are_not_repeated(liver, found) -> None:
    given = np.isin(liver[1].layers[0], (CAVA, 10))
    assert (found.found & ndimage.binary_erosion(given)).sum() == 0


def test_the_same_image_gives_the_same_voxels(liver, found) -> None:
    again = find_liver_vessels(liver[0], liver[1])
    assert np.array_equal(again.trees, found.trees)
    assert np.array_equal(again.found, found.found)


def test_levels_are_those_of_the_image(liver) -> None:
    box = liver_box(liver[0], liver[1])
    assert box.liver_hu == pytest.approx(LIVER_HU, abs=2)
    assert box.portal_hu == pytest.approx(PORTAL_HU, abs=4)
    assert float(np.median(box.contrast[box.liver])) < 0.1
    assert float(np.median(box.contrast[box.portal])) == pytest.approx(1, abs=0.15)


def test_without_contrast_nothing_is_proposed_and_it_is_said() -> None:
    volume, labels, _, _ = make_liver(vessel_hu=LIVER_HU + 4)
    vessels = find_liver_vessels(volume, labels)
    assert not vessels.found.any()
    assert [f.code for f in vessels.findings] == ["no-vessel-contrast"]


def test_noise_alone_makes_no_vessels() -> None:
    volume, labels, portal, hepatic = make_liver(noise_hu=12.0)
    values = np.array(volume.values)
    inside = portal | hepatic
    values[inside] = LIVER_HU + np.random.default_rng(5).normal(0, 12.0, inside.sum())
    vessels = find_liver_vessels(replace(volume, values=values), labels)
    assert vessels.found.sum() < 0.1 * inside.sum()


@pytest.mark.parametrize(("label", "name"), [(CAVA, "inferior vena cava"), (10, "portal vein"), (LIVER, "liver")])
def test_what_is_missing_is_named(liver, label: int, name: str) -> None:
    volume, labels, _, _ = liver
    layer = np.where(labels.layers[0] == label, 0, labels.layers[0]).astype(np.uint8)
    with pytest.raises(LabelError, match=f"no {name}"):
        find_liver_vessels(volume, LabelMap(labels.grid, (layer,), labels.structures))


def test_only_ct_is_taken(liver) -> None:
    with pytest.raises(LabelError, match="MR"):
        find_liver_vessels(replace(liver[0], modality=Modality.MR), liver[1])


def test_labels_on_another_grid_are_refused(liver) -> None:
    volume, labels, _, _ = liver
    matrix = labels.grid.lps_from_ijk.copy()
    matrix[0, 3] += 5
    moved = LabelMap(Grid(labels.grid.shape, matrix), labels.layers, labels.structures)
    with pytest.raises(LabelError, match="grid"):
        find_liver_vessels(volume, moved)


def test_a_scrap_of_liver_is_refused(liver) -> None:
    volume, labels, _, _ = liver
    layer = np.array(labels.layers[0])
    layer[14:][layer[14:] == LIVER] = 0
    with pytest.raises(LabelError, match="less than"):
        find_liver_vessels(volume, LabelMap(labels.grid, (layer,), labels.structures))


def test_it_stops_when_asked(liver) -> None:
    with pytest.raises(Cancelled):
        find_liver_vessels(liver[0], liver[1], Progress(is_cancelled=lambda: True))


def test_progress_rises_to_the_end(liver) -> None:
    told: list[float] = []
    find_liver_vessels(liver[0], liver[1], Progress(lambda done, stage: told.append(done)))
    assert told == sorted(told)
    assert told[-1] == 1.0
