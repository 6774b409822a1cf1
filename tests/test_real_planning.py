"""Resections of real livers and kidneys: reference labels of CTs in thick slices, a tumour of known size put into them.

The labels are read the way the program reads them. Found through SURGTWIN_TEST_DATA; skipped where that is absent.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from surgtwin.domain.cut import BezierCut, CutSurface, PlaneCut, ShellCut
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Twin
from surgtwin.domain.verdict import Verdict
from surgtwin.planning.cut_mesh import SolidOrgan, divide
from surgtwin.planning.preview import preview_of
from surgtwin.planning.resection import CutOrgan, ResectionResult, cut_organ, evaluate_resection
from surgtwin.planning.start_cut import patch_of_plane
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.unfold import unfold

pytestmark = pytest.mark.slow
CASES = ("case05", "case20")
NAMES = {2: "right kidney", 3: "left kidney", 6: "liver", 10: "portal vein"}
RADIUS_MM = 12.0
PATIENT = PatientFigures(170, 70)


@dataclass(frozen=True)
class Case:
    """A real twin with a ball of 12 mm in the middle of its liver's thickest part, and one on each kidney's border."""

    geometry: TwinGeometry
    middle_mm: np.ndarray
    outside_percent: dict[str, float]
    """Of each planted ball, what lies on no voxel of its organ."""

    def resection(self, surface: CutSurface) -> Resection:
        return Resection("A", "liver", surface, includes=("portal vein",), targets=("tumour",))

    def plane(self) -> PlaneCut:
        """Beside the tumour, 20 mm from its middle, square to no axis of the patient or the scan."""
        normal = np.array([-0.8, 0.5, 0.33])
        normal /= np.linalg.norm(normal)
        return PlaneCut(tuple(self.middle_mm - 20.0 * normal), tuple(normal))

    def patch(self) -> BezierCut:
        tissue = self.geometry.organ_tissue(self.resection(self.plane()))
        net = patch_of_plane(self.plane(), tissue).control_points_mm.copy()
        net[1:3, 1:3] -= 12.0 * np.asarray(self.plane().normal)
        return BezierCut(net)

    def surfaces(self) -> dict[str, CutSurface]:
        return {"plane": self.plane(), "bezier": self.patch(), "shell": ShellCut(("tumour",), 10.0)}


@pytest.fixture(scope="module", params=CASES)
def case(request, real_data: Path, tmp_path_factory) -> Case:
    from surgtwin.pipeline.build_twin import build_twin
    from surgtwin.pipeline.images import open_image
    from surgtwin.pipeline.label_input import given_labels

    folder = real_data / "ct_abdomen"
    image, labels = folder / f"{request.param}_image.nii.gz", folder / f"{request.param}_labels.nii.gz"
    if not image.is_file() or not labels.is_file():
        pytest.skip(f"no real CT with labels at {image}")
    names = tmp_path_factory.mktemp("names") / "names.json"
    names.write_text(json.dumps(NAMES))
    volume, _ = open_image(image)
    twin = build_twin(volume, lambda v, progress: given_labels(labels, v, names, progress))
    return with_tumours(twin)


def with_tumours(twin: Twin) -> Case:
    labels, layer = twin.labels, twin.labels.layers[0].copy()
    grid, structures, outside = labels.grid, list(labels.structures), {}
    middle = thickest_place(labels)
    for organ, name, centre in (
        ("liver", "tumour", middle),
        ("right kidney", "right tumour", lateral_border(labels, "right kidney")),
        ("left kidney", "left tumour", lateral_border(labels, "left kidney")),
    ):
        label = max(s.label for s in structures) + 1
        k, j, i = np.indices(grid.shape)
        near = np.linalg.norm(grid.to_lps(np.stack((i, j, k), -1)) - centre, axis=-1) <= RADIUS_MM
        outside[name] = 100.0 * float(1.0 - labels.mask(organ)[near].mean())
        layer[near] = label
        structures.append(replace(structure_for(label, name), part_of=organ))
    planted = LabelMap(grid, (layer,), tuple(structures))
    return Case(TwinGeometry(replace(twin, labels=planted, meshes=())), middle, outside)


def thickest_place(labels: LabelMap) -> np.ndarray:
    i, j, k = labels.grid.spacing
    depth = distance_transform_edt(labels.mask("liver"), sampling=(k, j, i))
    place = np.unravel_index(int(depth.argmax()), depth.shape)
    return labels.grid.to_lps(np.array(place[::-1], dtype=float))


def lateral_border(labels: LabelMap, organ: str) -> np.ndarray:
    """The kidney's outermost place, a little above its middle: a tumour there grows out."""
    k, j, i = np.nonzero(labels.mask(organ))
    points = labels.grid.to_lps(np.stack((i, j, k), -1))
    level = np.abs(points[:, 2] - np.percentile(points[:, 2], 80)) < 4.0
    away = points[level][:, 0] * (1.0 if organ.startswith("left") else -1.0)
    return points[level][int(away.argmax())]


def judged(case: Case, surface: CutSurface) -> tuple[CutOrgan, ResectionResult]:
    cut = cut_organ(case.geometry, case.resection(surface))
    return cut, evaluate_resection(case.geometry, cut, PATIENT)


@pytest.mark.parametrize("kind", ["plane", "bezier", "shell"])
def test_volumes_add_up_and_the_meshes_agree_within_the_stated_error(case, kind):
    cut, figures = judged(case, case.surfaces()[kind])
    assert figures.resected.ml + figures.remnant.ml == pytest.approx(figures.organ.ml, abs=1e-9)
    assert 600 < figures.organ.ml < 3000
    mesh = case.geometry.tissue_mesh(cut.tissue)
    parts = divide(SolidOrgan.of(mesh), cut.side, (200, 60, 60))
    assert parts.resected is not None and parts.remnant is not None
    assert parts.resected.volume_ml + parts.remnant.volume_ml == pytest.approx(mesh.volume_ml, rel=1e-9)
    assert abs(parts.resected.volume_ml - figures.resected.ml) < max(
        figures.resected.error_ml, 0.02 * figures.resected.ml
    )
    assert abs(parts.remnant.volume_ml - figures.remnant.ml) < figures.remnant.error_ml
    assert parts.cut_area_mm2 == pytest.approx(figures.cut_area_mm2, rel=0.05)


@pytest.mark.parametrize("kind", ["plane", "bezier", "shell"])
def test_dragging_shows_nearly_the_same(case, kind):
    _, exact = judged(case, case.surfaces()[kind])
    rough = preview_of(case.geometry, case.resection(case.plane())).at(case.surfaces()[kind])
    assert abs(rough.resected_ml - exact.resected.ml) <= rough.error_ml < 0.01 * exact.organ.ml
    assert rough.margins[0].min_mm == pytest.approx(exact.margins[0].min_mm, abs=1.0)
    assert rough.flr_percent == pytest.approx(exact.flr_percent, abs=0.3)


def test_margins_of_the_planted_ball_are_those_of_the_geometry(case):
    error = 2.0 * case.geometry.error_terms("tumour").voxel_mm
    plane, shell = (judged(case, case.surfaces()[kind])[1].margins[0] for kind in ("plane", "shell"))
    assert plane.min_mm == pytest.approx(20.0 - RADIUS_MM, abs=error) and plane.is_resected
    assert shell.min_mm == pytest.approx(10.0, abs=error)
    assert shell.verdict is Verdict.UNPROVEN


def test_the_maps_show_the_whole_cut_and_its_nearest_place(case):
    for surface in case.surfaces().values():
        cut, figures = judged(case, surface)
        (laid,) = unfold(case.geometry, cut)
        assert laid.area_mm2[laid.inside].sum() == pytest.approx(figures.cut_area_mm2, rel=0.05)
        least = float(laid.nearest_mm[laid.inside].min())
        assert least == pytest.approx(figures.margins[0].min_mm, abs=1.0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_ball_on_a_real_kidney_touches_it_and_lies_near_a_pole(case, side):
    organ, tumour = f"{side} kidney", f"{side} tumour"
    where = case.geometry.surface(tumour).mesh.vertices_mm.mean(0)
    cut = PlaneCut(tuple(where + np.array([0.0, 0.0, -16.0])), (0.0, 0.0, 1.0))
    resection = Resection("A", organ, cut, targets=(tumour,), margin_mm=5.0)
    figures = evaluate_resection(case.geometry, cut_organ(case.geometry, resection), PATIENT)
    assert figures.kidney is not None and figures.least_percent is None
    (found,) = figures.kidney
    assert found.diameter_mm == pytest.approx(2 * RADIUS_MM, abs=3.5)
    assert 0.1 * 4 * math.pi * RADIUS_MM**2 < found.contact_mm2 < 0.8 * 4 * math.pi * RADIUS_MM**2
    assert found.exophytic_percent == pytest.approx(case.outside_percent[tumour], abs=20.0)
    assert found.score.radius == 1 and found.score.nearness is None and found.score.total is None
    assert found.score.location in (None, 1, 2, 3)
