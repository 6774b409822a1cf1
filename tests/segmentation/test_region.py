"""A box in LPS mm as voxels: on oblique, anisotropic, off-origin grids, through every turn of the axes."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from segmentation.infer import Engine, InferenceSettings
from segmentation.model_folder import read_model_folder
from segmentation.orientation import Reorientation
from segmentation.region import RegionMm, region_voxels, turned_region
from segmentation.run_parts import run_engine
from segmentation.segmenter import UNetSegmenter
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.errors import InputError
from surgtwin.progress import SILENT

SHAPE = (14, 20, 22)


def rotation(degrees: float, axis: int) -> np.ndarray:
    a, b = [n for n in range(3) if n != axis]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
    return matrix


def grid(direction: np.ndarray) -> Grid:
    return Grid.from_axes(SHAPE, (-31.0, 47.0, -812.0), direction, (1.3, 0.9, 4.0))


@pytest.mark.parametrize("direction", [np.eye(3), np.diag([-1.0, -1.0, 1.0]), rotation(25, 2) @ rotation(-12, 0)])
def test_the_voxels_hold_every_centre_in_the_box_and_little_more(direction: np.ndarray) -> None:
    image = grid(direction)
    k, j, i = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    centres = (np.stack([i, j, k, np.ones_like(i)], -1) @ image.lps_from_ijk.T)[..., :3]
    middle = centres[7, 10, 11]
    region = RegionMm(tuple(np.subtract(middle, (4, 3, 9))), tuple(np.add(middle, (5, 4, 7))))
    inside = np.all((centres >= region.low) & (centres <= region.high), axis=-1)
    box = region_voxels(region, image)
    kept = np.zeros(SHAPE, bool)
    kept[box] = True
    assert inside.any() and not (inside & ~kept).any()
    if np.allclose(np.abs(direction), np.eye(3)):
        where = np.argwhere(inside)
        grown = [(max(a - 1, 0), b + 2) for a, b in zip(where.min(0), where.max(0), strict=True)]
        assert all(a <= s.start and s.stop <= b for s, (a, b) in zip(box, grown, strict=True))


def test_a_box_is_clipped_to_the_image_and_must_touch_it() -> None:
    image = grid(np.eye(3))
    everything = region_voxels(RegionMm((-1e4,) * 3, (1e4,) * 3), image)
    assert everything == tuple(slice(0, n) for n in SHAPE)
    with pytest.raises(InputError, match=r"outside the image, which spans x -31\.\d to -3\.\d"):
        region_voxels(RegionMm((0, 0, 0), (10, 10, 10)), image)
    for low, high in [((0, 0, 0), (0, 1, 1)), ((0, 0, 0), (1, float("nan"), 1)), ((0, 0, float("-inf")), (1, 1, 1))]:
        with pytest.raises(InputError, match="not a box"):
            RegionMm(low, high)


def test_a_box_turns_with_its_array() -> None:
    region = (slice(2, 5), slice(0, 7), slice(11, 22))
    marked = np.zeros(SHAPE, bool)
    marked[region] = True
    for axes, flips in product(permutations(range(3)), product((False, True), repeat=3)):
        turn = Reorientation(axes, flips)
        turned = np.zeros(turn.apply(marked).shape, bool)
        turned[turned_region(region, SHAPE, turn)] = True
        np.testing.assert_array_equal(turned, turn.apply(marked))


@pytest.mark.parametrize("direction", [np.eye(3), np.diag([-1.0, 1.0, -1.0])])
def test_only_the_box_is_labelled_on_the_right_side(model_folder: Path, direction: np.ndarray) -> None:
    image = grid(direction)
    values = (150 * np.sin(np.arange(np.prod(SHAPE)) / 7)).reshape(SHAPE).astype(np.int16)
    volume = Volume(image, values, Modality.CT, SourceInfo("synthetic", "0" * 64))
    engine = Engine(read_model_folder(model_folder), InferenceSettings(device="cpu"))
    whole = run_engine(engine, [volume], SILENT).labels
    # The patient's right half: lower x.
    corners = [image.lps_from_ijk @ [n, 0, 0, 1] for n in (0, SHAPE[2] - 1)]
    middle = (corners[0][0] + corners[1][0]) / 2
    found = run_engine(engine, [volume], SILENT, RegionMm((-1e4, -1e4, -1e4), (middle - 2.0, 1e4, 1e4))).labels
    right = slice(0, 9) if direction[0, 0] > 0 else slice(SHAPE[2] - 9, SHAPE[2])
    np.testing.assert_array_equal(found[:, :, right], whole[:, :, right])
    assert found.any() and not np.delete(found, np.r_[right.start - 2 : right.stop + 2].clip(0, 21), axis=2).any()


def test_the_segmenter_says_that_it_looked_at_a_region_only(model_folder: Path) -> None:
    image = grid(np.eye(3))
    values = (150 * np.sin(np.arange(np.prod(SHAPE)) / 7)).reshape(SHAPE).astype(np.int16)
    volume = Volume(image, values, Modality.CT, SourceInfo("synthetic", "0" * 64))
    box = RegionMm((-28, 50, -800), (-20, 58, -780))
    result = UNetSegmenter(model_folder, classical=False, box=box).segment(volume, SILENT)
    codes = {f.code for f in result.findings}
    assert "region-only" in codes and "wrong-region" not in codes
    outside = np.ones(SHAPE, bool)
    outside[region_voxels(box, image)] = False
    assert not result.labels.layers[0][outside].any()
    assert result.model["settings"]["mode"] == "exact" and result.model["backend"]
