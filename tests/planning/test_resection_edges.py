"""Resections where things get narrow: grazing cuts, borders of the scan, thick slices, tiny organs, wild handles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.cut import BezierCut, CutSurface, PlaneCut, ShellCut
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import TwinImage
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.bezier import flat_patch
from surgtwin.planning.cut_mesh import SolidOrgan, divide
from surgtwin.planning.preview import PreviewFigures, preview_of
from surgtwin.planning.resection import ResectionResult, cut_organ, evaluate_resection
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.unfold import unfold
from tests.planning.shapes import OBLIQUE, STRAIGHT, Frame, ball, make_geometry, make_twin

R = 25.0


def plane(frame: Frame, x: float, towards: float = 1.0) -> PlaneCut:
    return PlaneCut(frame.point(x, 0, 0), frame.direction(towards, 0, 0))


def judged(geometry: TwinGeometry, surface: CutSurface, **changes) -> tuple[ResectionResult, PreviewFigures]:
    """The exact figures, checked to add up, and the preview's, checked against them."""
    resection = replace(Resection("A", "liver", surface), **changes)
    figures = evaluate_resection(geometry, cut_organ(geometry, resection), PatientFigures(170, 70))
    rough = preview_of(geometry, resection).at(surface)
    assert figures.resected.ml + figures.remnant.ml == pytest.approx(figures.organ.ml, abs=1e-9)
    assert 0.0 <= figures.resected.ml <= figures.organ.ml
    assert abs(rough.resected_ml - figures.resected.ml) <= rough.error_ml + 1e-9
    return figures, rough


@pytest.mark.parametrize("frame", [STRAIGHT, OBLIQUE])
@pytest.mark.parametrize("depth", [1.0, 2.0])
def test_a_grazing_cut_takes_the_sliver_it_grazes(frame, depth):
    geometry = make_geometry({"liver": ball((0, 0, 0), R), "tumour": ball((0, 0, 0), 5)}, frame, 29)
    figures, _ = judged(geometry, plane(frame, R - depth), targets=("tumour",), margin_mm=5.0)
    sliver = math.pi * depth**2 * (3 * R - depth) / 3 / 1000
    assert figures.resected.ml == pytest.approx(sliver, abs=figures.resected.error_ml + 0.05)
    assert figures.margins[0].is_missed and figures.margins[0].verdict is Verdict.VIOLATED
    assert figures.margins[0].min_mm == pytest.approx(-(R - depth + 5), abs=2.5)


def test_a_cut_beside_the_organ_is_refused_by_name_however_near():
    geometry = make_geometry({"liver": ball((0, 0, 0), R)}, OBLIQUE, 29)
    with pytest.raises(PlanError, match="surface: the cut misses 'liver': none of it"):
        judged(geometry, plane(OBLIQUE, R + 1.5))


def test_an_organ_that_is_its_own_target_is_refused_by_the_path_of_the_target():
    geometry = make_geometry({"liver": ball((0, 0, 0), 20), "tumour": ball((0, 0, 0), 5)}, STRAIGHT, 24)
    with pytest.raises(PlanError, match="can't be a target") as caught:
        cut_organ(geometry, Resection("A", "liver", plane(STRAIGHT, 8), targets=("tumour", "liver")))
    assert caught.value.field == "targets[1]"


@pytest.mark.parametrize("towards", [1.0, -1.0])
def test_an_organ_cut_by_the_scans_border_is_halved_like_any_other(towards):
    """The scan ends at x = 0 through the ball's middle: half a ball, halved again by y = 0."""
    frame = STRAIGHT
    whole = make_twin({"liver": ball((0, 0, 0), R), "tumour": ball((6, 8, 0), 5)}, frame, 29, with_meshes=False)
    grid, layer = whole.labels.grid, whole.labels.layers[0]
    first = int(np.ceil(grid.to_ijk(frame.point(0, 0, 0))[0]))
    cropped = Grid.from_axes(
        (*layer.shape[:2], layer.shape[2] - first), grid.to_lps((first, 0, 0)), grid.direction, grid.spacing
    )
    labels = LabelMap(cropped, (layer[:, :, first:].copy(),), whole.labels.structures)
    volume = replace(whole.primary, grid=cropped, values=whole.primary.values[:, :, first:].copy())
    twin = replace(whole, images=(TwinImage("image-1", "primary", volume),), labels=labels, meshes=())
    geometry = TwinGeometry(twin)
    cut = PlaneCut(frame.point(0, 0, 0), frame.direction(0, towards, 0))
    figures, _ = judged(geometry, cut, targets=("tumour",), margin_mm=2.0)
    assert figures.organ.ml == pytest.approx(2 / 3 * math.pi * R**3 / 1000, rel=0.03)
    assert figures.resected.ml == pytest.approx(figures.organ.ml / 2, rel=0.02)
    assert figures.cut_area_mm2 == pytest.approx(math.pi * R**2 / 2, rel=0.05)
    assert figures.margins[0].is_missed is (towards < 0)
    mesh = geometry.tissue_mesh(geometry.tissue(("liver", "tumour")))
    parts = divide(SolidOrgan.of(mesh), geometry.side(cut, geometry.tissue(("liver", "tumour"))), (200, 60, 60))
    assert parts.resected is not None and parts.remnant is not None
    assert parts.resected.volume_ml + parts.remnant.volume_ml == pytest.approx(mesh.volume_ml, rel=1e-9)


@pytest.mark.parametrize("kind", ["plane", "shell"])
def test_thick_slices_keep_volumes_within_the_error_they_state(kind):
    frame = replace(OBLIQUE, spacing_ijk=(0.9, 0.9, 5.0))
    geometry = make_geometry({"liver": ball((0, 0, 0), R), "tumour": ball((10, 0, 0), 6)}, frame, 30)
    surface = plane(frame, 0.0) if kind == "plane" else ShellCut(("tumour",), 5.0)
    figures, _ = judged(geometry, surface, targets=("tumour",), margin_mm=4.0)
    truth = 2 / 3 * math.pi * R**3 if kind == "plane" else 4 / 3 * math.pi * 11**3
    assert abs(figures.resected.ml - truth / 1000) < max(figures.resected.error_ml, 0.08 * truth / 1000)
    terms = figures.margins[0].terms
    assert terms.voxel_mm == pytest.approx(math.sqrt(2 * 0.81 + 25) / math.sqrt(12)) and terms.dominating == "voxel"
    assert figures.margins[0].min_mm == pytest.approx(4.0 if kind == "plane" else 5.0, abs=2 * terms.voxel_mm)


def test_a_tumour_half_outside_the_organ_counts_as_tissue_and_is_measured_whole():
    geometry = make_geometry({"liver": ball((0, 0, 0), R), "tumour": ball((R, 0, 0), 8)}, STRAIGHT, 36)
    figures, rough = judged(geometry, plane(STRAIGHT, 12), targets=("tumour",), margin_mm=3.0)
    waist = R - 64 / (2 * R)
    lens = math.pi * (R - waist) ** 2 * (2 * R + waist) / 3 + math.pi * (waist - R + 8) ** 2 * (16 + R - waist) / 3
    union = 4 / 3 * math.pi * (R**3 + 512) - lens
    assert figures.organ.ml == pytest.approx(union / 1000, rel=0.01)
    assert figures.tumour_ml == pytest.approx(4 / 3 * math.pi * 0.512, rel=0.02)
    margin = figures.margins[0]
    assert margin.is_resected and margin.min_mm == pytest.approx(5.0, abs=0.5)
    assert rough.margins[0].min_mm == pytest.approx(margin.min_mm, abs=0.2)


def test_a_structure_named_as_target_and_as_included_counts_once():
    geometry = make_geometry({"liver": ball((0, 0, 0), R), "cyst": ball((12, 0, 0), 6)}, STRAIGHT, 29)
    cut = plane(STRAIGHT, 2)
    both, target = (
        judged(geometry, cut, targets=("cyst",), includes=includes, margin_mm=2.0)[0] for includes in (("cyst",), ())
    )
    assert both.organ.ml == target.organ.ml and both.resected.ml == target.resected.ml
    assert both.flr_percent == target.flr_percent and both.margins[0].min_mm == target.margins[0].min_mm


def test_a_target_in_an_overlapping_layer_counts_once():
    twin = make_twin({"liver": ball((0, 0, 0), R), "tumour": ball((12, 0, 0), 6)}, STRAIGHT, 29, with_meshes=False)
    layer = twin.labels.layers[0]
    over = (layer == 2).astype(np.uint8)
    tumour = replace(structure_for(1, "tumour"), part_of="liver", layer=1)
    labels = LabelMap(twin.labels.grid, ((layer > 0).astype(np.uint8), over), (twin.labels.structures[0], tumour))
    separate, overlapping = (
        judged(TwinGeometry(t), plane(STRAIGHT, 2), targets=("tumour",), margin_mm=2.0)[0]
        for t in (twin, replace(twin, labels=labels))
    )
    assert overlapping.organ.ml == separate.organ.ml and overlapping.tumour_ml == separate.tumour_ml
    assert overlapping.flr_percent == separate.flr_percent
    assert overlapping.margins[0].min_mm == pytest.approx(separate.margins[0].min_mm, abs=1e-9)


@pytest.mark.parametrize("radius", [1.2, 2.5])
def test_an_organ_of_a_few_voxels_is_cut_like_a_large_one(radius):
    geometry = make_geometry({"liver": ball((0, 0, 0), radius)}, OBLIQUE, 6)
    figures, rough = judged(geometry, plane(OBLIQUE, 0.0))
    assert figures.resected.ml == pytest.approx(figures.organ.ml / 2, rel=0.35)
    assert rough.resected_ml == pytest.approx(figures.resected.ml, rel=0.05)
    (laid,) = unfold(geometry, cut_organ(geometry, Resection("A", "liver", plane(OBLIQUE, 0.0))), step_mm=0.25)
    assert laid.area_mm2[laid.inside].sum() == pytest.approx(figures.cut_area_mm2, rel=0.5)


@pytest.mark.parametrize("pull", [100.0, 500.0])
def test_a_handle_pulled_far_out_still_divides_the_organ(pull):
    geometry = make_geometry({"liver": ball((0, 0, 0), R), "tumour": ball((12, 0, 0), 5)}, STRAIGHT, 29)
    net = flat_patch((0, 0, 0), (0, 60, 0), (0, 0, 60))
    net[1, 2] += (pull, pull / 3, 0.0)
    surface = BezierCut(STRAIGHT.points(net.reshape(-1, 3)).reshape(4, 4, 3))
    resection = Resection("A", "liver", surface, targets=("tumour",))
    figures = evaluate_resection(geometry, cut_organ(geometry, resection), PatientFigures())
    rough = preview_of(geometry, resection).at(surface)
    assert figures.resected.ml + figures.remnant.ml == pytest.approx(figures.organ.ml, abs=1e-9)
    assert math.isfinite(figures.cut_area_mm2) and math.isfinite(rough.resected_ml)
    assert rough.resected_ml == pytest.approx(figures.resected.ml, abs=0.05 * figures.organ.ml)


@pytest.mark.parametrize(("pull", "said"), [(5_000.0, "the cut misses"), (2e5, "within 100 m")])
def test_a_handle_pulled_out_of_the_room_is_answered_in_words(pull, said):
    """Five metres away the patch leaves the organ's place altogether; two hundred is no place in an operating room."""
    geometry = make_geometry({"liver": ball((0, 0, 0), R)}, STRAIGHT, 29)
    net = flat_patch((0, 0, 0), (0, 60, 0), (0, 0, 60))
    net[1, 2] += (pull, pull / 3, 0.0)
    with pytest.raises(PlanError, match=said):
        judged(geometry, BezierCut(STRAIGHT.points(net.reshape(-1, 3)).reshape(4, 4, 3)))


@pytest.mark.parametrize("size", [3.0, 3000.0])
def test_a_patch_far_smaller_or_larger_than_the_organ_cuts_as_its_plane(size):
    geometry = make_geometry({"liver": ball((0, 0, 0), R)}, OBLIQUE, 29)
    net = flat_patch((5, 0, 0), (0, size, 0), (0, 0, size))
    surface = BezierCut(OBLIQUE.points(net.reshape(-1, 3)).reshape(4, 4, 3))
    figures, _ = judged(geometry, surface)
    flat, _ = judged(geometry, plane(OBLIQUE, 5))
    assert figures.resected.ml == pytest.approx(flat.resected.ml, rel=1e-3)
    assert figures.cut_area_mm2 == pytest.approx(flat.cut_area_mm2, rel=1e-2)
    (laid,) = unfold(geometry, cut_organ(geometry, Resection("A", "liver", surface)))
    assert laid.area_mm2[laid.inside].sum() == pytest.approx(flat.cut_area_mm2, rel=0.03)


def test_a_shell_so_wide_that_it_takes_everything_is_refused():
    geometry = make_geometry({"liver": ball((0, 0, 0), R), "tumour": ball((5, 0, 0), 5)}, STRAIGHT, 29)
    with pytest.raises(PlanError, match="surface: the cut misses 'liver': all of it"):
        judged(geometry, ShellCut(("tumour",), 60.0), targets=("tumour",))
    wide = preview_of(geometry, Resection("A", "liver", ShellCut(("tumour",), 10.0), targets=("tumour",)))
    everything, little = (wide.at(ShellCut(("tumour",), d)) for d in (60.0, 0.5))
    assert everything.remnant_ml == pytest.approx(0.0, abs=1e-9)
    assert little.resected_ml == pytest.approx(4 / 3 * math.pi * 5.5**3 / 1000, rel=0.05)
