"""An image that arrives carries the twin: labels, surfaces and plans go where the organs went; gates catch faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.cut import BezierCut, Combination, CombinedCut, PlaneCut, ShellCut
from surgtwin.domain.displacement import DisplacementField
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.patient import Patient
from surgtwin.domain.plan import Plan, Resection, ToolPath
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.tool import Capsule, CapsuleTool, NeedleTool, ToolPose
from surgtwin.domain.trajectory import Ablation, Trajectory
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import DicomSource
from surgtwin.errors import ImageError, PatientMismatchError
from surgtwin.live.carry_plan import carry_plan
from surgtwin.live.update import propose_update
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.ports import Segmentation
from tests.registration.bodies import MIDDLE, back_of, body_grid, bulge, image_of, places

LIVER, TUMOUR = 6, 14
LIVER_MIDDLE, TUMOUR_MIDDLE = MIDDLE + np.array([8, -2, 4]), MIDDLE + np.array([14, 0, 0])


def organs(grid: Grid, back=None) -> LabelMap:
    points = places(grid) if back is None else back(places(grid))
    layer = np.zeros(grid.shape, dtype=np.uint8)
    layer[np.linalg.norm((points - LIVER_MIDDLE) / (44, 34, 36), axis=-1) < 1] = LIVER
    layer[np.linalg.norm(points - TUMOUR_MIDDLE, axis=-1) < 12] = TUMOUR
    names = {LIVER: "liver", TUMOUR: "tumour"}
    return LabelMap(grid, (layer,), tuple(structure_for(label, name) for label, name in names.items()))


@pytest.fixture(scope="module")
def base() -> Twin:
    grid = body_grid()
    volume = replace(image_of(grid, noise=8, seed=1), patient=Patient("A-1", name="A", birth_date="19700101"))
    labels = organs(grid)
    return build_twin(volume, lambda v, p: Segmentation(labels, {"liver": "given labels", "tumour": "given labels"}))


def arriving(amount_mm: float = 9.0, patient: Patient | None = None, **options):
    image = image_of(body_grid(), back_of(bulge(amount_mm)), noise=8, seed=2, **options)
    return replace(image, patient=patient if patient is not None else Patient("A-1", name="A", birth_date="19700101"))


@pytest.fixture(scope="module")
def carried(base) -> Twin:
    return propose_update(base, arriving())


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def test_labels_lie_where_the_organs_went(base, carried) -> None:
    truth = organs(body_grid(), back_of(bulge(9.0)))
    for name, least in (("liver", 0.93), ("tumour", 0.8)):
        now = dice(carried.labels.mask(name), truth.mask(name))
        assert now > least
        assert now > dice(base.labels.mask(name), truth.mask(name)) + 0.03
    assert carried.labels.grid.is_same_space(base.labels.grid)


def test_surfaces_move_with_their_organs_and_stay_closed(base, carried) -> None:
    forward = bulge(9.0)
    for old, new in zip(base.meshes, carried.meshes, strict=True):
        far = np.linalg.norm(new.vertices_mm - forward(old.vertices_mm), axis=1)
        assert far.mean() < 0.35 * np.linalg.norm(forward(old.vertices_mm) - old.vertices_mm, axis=1).mean()
        assert new.quality is not None and new.quality.is_watertight
        assert new.quality.volume_ml == pytest.approx(new.volume_ml)


def test_the_registration_tells_how_far_and_how_sure(carried) -> None:
    registration = carried.registration
    assert registration is not None and registration.is_passed
    assert registration.base_revision == 1
    assert carried.image(registration.image_id).role == "intra-op"
    motion = {m.structure: m for m in registration.motions}["tumour"]
    truth = bulge(9.0)(TUMOUR_MIDDLE) - TUMOUR_MIDDLE
    assert motion.mean_mm == pytest.approx(np.linalg.norm(truth), rel=0.3)
    assert 0 < motion.error_mm < motion.mean_mm
    assert motion.shown_share > 0.95


def test_the_error_grows_from_revision_to_revision(carried) -> None:
    twice = propose_update(replace(carried, revision=replace(carried.revision, number=2)), arriving(12.0))
    for motion in twice.registration.motions:
        assert motion.error_mm > carried.registration.error_mm(motion.structure)
    truth = organs(body_grid(), back_of(bulge(12.0)))
    assert dice(twice.labels.mask("liver"), truth.mask("liver")) > 0.88


def test_what_was_known_of_the_old_volumes_is_not_said_of_the_new(carried) -> None:
    assert carried.confidence is None
    assert carried.volume_intervals == ()
    assert all("carried along by registration" in method for method in carried.provenance.methods.values())


def test_another_patient_is_refused(base) -> None:
    with pytest.raises(PatientMismatchError, match="another patient"):
        propose_update(base, arriving(patient=Patient("B-2", name="B", birth_date="19500505")))


def test_an_image_without_identity_is_taken_in_with_a_finding(base) -> None:
    twin = propose_update(base, arriving(patient=Patient()))
    assert "registration-no-identity" in [f.code for f in twin.findings]


def test_an_image_elsewhere_is_refused(base) -> None:
    grid = body_grid()
    away = grid.lps_from_ijk.copy()
    away[:3, 3] += 800
    with pytest.raises(ImageError):
        propose_update(base, image_of(Grid(grid.shape, away)))


def test_noise_passes_no_gate(base) -> None:
    values = np.random.default_rng(0).normal(0, 300, base.primary.grid.shape).astype(np.int16)
    twin = propose_update(base, replace(base.primary, values=values))
    assert not twin.registration.is_passed
    assert "like-enough" in [g.name for g in twin.registration.gates if not g.is_passed]
    assert "registration-gate" in [f.code for f in twin.findings]


def test_a_frame_far_away_keeps_the_way_to_it_with_the_image(base) -> None:
    """Two scanners with coordinates of their own: the deformation alone is carried."""
    shift = np.eye(4)
    shift[:3, 3] = (60.0, 0.0, 0.0)
    grid = body_grid()
    away = Grid(grid.shape, shift @ grid.lps_from_ijk)
    back = back_of(bulge(6.0))
    moved = image_of(away, lambda points: back(points - shift[:3, 3]), noise=8, seed=2)
    frames = [
        replace(v, source=replace(v.source, dicom=DicomSource("1.2", f"1.2.{n}", "1.2.840", ("1",), f"1.9.{n}")))
        for n, v in enumerate((base.primary, moved))
    ]
    twin = replace(base, images=(replace(base.images[0], volume=frames[0]),))
    carried = propose_update(twin, replace(frames[1], patient=twin.patient))
    image = carried.image(carried.registration.image_id)
    assert image.twin_from_image[:3, 3] == pytest.approx([-60.0, 0.0, 0.0], abs=6.0)
    assert {m.structure: m for m in carried.registration.motions}["liver"].mean_mm < 8.0


def stretched() -> DisplacementField:
    grid = body_grid()
    points = places(grid)
    matrix = np.array([[1.0, 0.1, 0.0], [0.0, 1.05, 0.0], [0.0, 0.2, 0.95]])
    return DisplacementField(grid, ((points - MIDDLE) @ (matrix - np.eye(3)).T + (3, -2, 5)).astype(np.float32))


def test_every_point_of_a_plan_goes_with_its_place() -> None:
    field = stretched()
    a, b, c = (tuple(float(v) for v in MIDDLE + step) for step in ((0, 0, 0), (20, 5, -10), (-5, -30, 12)))
    u, v = np.meshgrid(np.linspace(-15, 15, 4), np.linspace(-15, 15, 4), indexing="ij")
    net = MIDDLE + np.stack([u, v, np.zeros_like(u)], axis=-1)
    pose = np.eye(4)
    pose[:3, 3] = b
    plan = Plan(
        resections=(
            Resection("plane", "liver", PlaneCut(a, (0, 1, 0))),
            Resection("net", "liver", BezierCut(net)),
            Resection("shell", "liver", ShellCut(("tumour",), 8.0)),
            Resection(
                "both", "liver", CombinedCut(Combination.UNION, (PlaneCut(a, (1, 0, 0)), PlaneCut(b, (0, 0, 1))))
            ),
        ),
        trajectories=(Trajectory("needle", b, c, NeedleTool(1.0, 200.0)),),
        ablations=(Ablation("zone", "tumour", c, (1, 0, 0), (20, 15, 10), (0, 1, 0)),),
        tool_paths=(
            ToolPath("path", CapsuleTool((Capsule((0, 0, 0), (0, 0, 100), 3.0),)), (ToolPose(0.0, pose),), trocar_mm=a),
        ),
    )
    moved = carry_plan(plan, field)
    plane, bezier, shell, both = (r.surface for r in moved.resections)
    assert plane.point_mm == pytest.approx(field.moved(a))
    # Vectors that lay in the plane still do: its normal is square to where they went.
    inside = field.moved(np.asarray(a) + np.array([[6, 0, 0], [0, 0, 6]])) - field.moved(a)
    assert inside @ np.asarray(plane.normal) == pytest.approx([0, 0], abs=1e-3)
    assert bezier.control_points_mm == pytest.approx(field.moved(net))
    assert shell == plan.resections[2].surface
    assert both.parts[1].point_mm == pytest.approx(field.moved(b))
    assert moved.trajectories[0].entry_mm == pytest.approx(field.moved(b))
    assert moved.trajectories[0].target_mm == pytest.approx(field.moved(c))
    zone = moved.ablations[0]
    assert zone.centre_mm == pytest.approx(field.moved(c))
    assert np.dot(zone.axis, zone.axis_b) == pytest.approx(0, abs=1e-9)
    path = moved.tool_paths[0]
    between = np.subtract(path.trocar_mm, path.poses[0].tip_mm)
    assert between == pytest.approx(np.subtract(a, b))
