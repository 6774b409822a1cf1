"""Pictures of plans: what is taken lies on its side, the colours are those of the verdicts, whatever the frame."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.plan import Plan
from surgtwin.domain.trajectory import Ablation
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import Cancelled, PlanError
from surgtwin.planning.unfold import unfold
from surgtwin.progress import Progress
from surgtwin.report.document import Figure, FigureRow, Picture, PictureKind, Report, Section
from surgtwin.report.plan_report import plan_report, twin_report
from tests.conftest import rotation
from tests.planning.shapes import OBLIQUE, STRAIGHT
from tests.report.subjects import full_plan, liver_twin, needle, reported, right_cut, subject, wedge
from tests.ui.report.conftest import SMALL_SCENE
from ui.render.palette import VERDICT_COLOURS
from ui.render.slices import View
from ui.report import pictures
from ui.report.map_picture import Layout, upright, verdict_ranks
from ui.report.pictures import draw_pictures
from ui.report.plan_scene import PlanScene, hatched, refined, zone_mesh
from ui.report.plan_slice import PlanSlices, border, frame_around
from ui.report.slice_subject import slice_subject
from ui.report.tool_shapes import capsule_mesh, instrument_shape, needle_shape

# Tilted so little that the patient's right stays on the picture's left, and off the origin.
TILTED = replace(STRAIGHT, grid_turn=rotation((8.0, -6.0, 9.0)), spacing_ijk=(0.9, 0.9, 1.7))


def picture_of(plan, twin, wanted: Picture) -> np.ndarray:
    report = plan_report(subject(twin), plan)
    only = replace(report, sections=())
    assert wanted in report.pictures()
    drawn = draw_pictures(_with(only, wanted), twin, (plan,))
    with Image.open(io.BytesIO(drawn[wanted])) as image:
        return np.asarray(image.convert("RGB"), dtype=int)


def _with(report: Report, picture: Picture) -> Report:
    return replace(report, sections=(Section("one", (FigureRow((Figure(picture, ""),)),)),))


def reddish(page: np.ndarray) -> np.ndarray:
    """Pixels where red stands out far more than in the colour of a liver."""
    red, green, blue = (page[..., n] for n in range(3))
    return (red > 2.2 * green) & (red > 1.8 * blue) & (red > 60)


@pytest.mark.parametrize("frame", [STRAIGHT, TILTED], ids=["straight", "tilted"])
@pytest.mark.parametrize("view", list(View))
def test_what_is_taken_of_the_patients_right_lies_on_its_side_of_the_slices(frame, view) -> None:
    plan = reported(liver_twin(frame), Plan(resections=(right_cut(frame, 0.0),)))
    slices = PlanSlices(plan.geometry, plan.evaluation)
    entry = slice_subject(plan.evaluation, "A")
    stack = slices.source.stack(view)
    shown = frame_around(stack, entry.around_mm, np.asarray(frame.point(0, 0, 0)), (120, 120))
    within, taken = slices.region(shown, entry)
    assert within.sum() > 500
    rows, columns = np.nonzero(within)
    places = shown.to_lps(np.stack([columns, rows], axis=-1).astype(float))
    is_right = places[:, 0] < frame.point(0, 0, 0)[0]
    assert np.array_equal(taken[rows, columns], is_right)
    if view is not View.SAGITTAL:
        assert np.nonzero(taken)[1].mean() < np.nonzero(within & ~taken)[1].mean()


def test_the_slices_region_is_that_of_the_plan_in_an_oblique_frame() -> None:
    plan = reported(liver_twin(OBLIQUE), Plan(resections=(right_cut(OBLIQUE, -3.0),)))
    slices = PlanSlices(plan.geometry, plan.evaluation)
    entry = slice_subject(plan.evaluation, "A")
    shown = frame_around(slices.source.stack(View.AXIAL), entry.around_mm, np.asarray(OBLIQUE.point(0, 0, 0)), (90, 90))
    within, taken = slices.region(shown, entry)
    rows, columns = np.nonzero(within)
    own = (shown.to_lps(np.stack([columns, rows], axis=-1).astype(float)) - OBLIQUE.shift_mm) @ OBLIQUE.turn
    assert np.array_equal(taken[rows, columns], own[:, 0] < -3.0)
    assert np.linalg.norm(own, axis=1).max() < 28 + 1.5


def test_a_plan_on_labels_that_lie_in_another_frame_is_drawn_where_they_are() -> None:
    twin = liver_twin(STRAIGHT)
    shift = np.eye(4)
    shift[:3, 3] = (40.0, -25.0, 12.0)
    moved = replace(twin.images[0], image_id="image-2", role="prior", twin_from_image=shift)
    both = replace(twin, images=(twin.images[0], moved), labels_on="image-2")
    plan = reported(both, Plan(resections=(right_cut(STRAIGHT, 0.0),)))
    scene = PlanScene(plan.geometry, plan.evaluation)
    middle = scene.points_of_interest().mean(0)
    assert middle == pytest.approx(np.asarray(STRAIGHT.point(0, 0, 0)) + shift[:3, 3], abs=3.0)
    slices = PlanSlices(plan.geometry, plan.evaluation)
    entry = slice_subject(plan.evaluation, "A")
    around = entry.around_mm + shift[:3, 3]
    shown = frame_around(slices.source.stack(View.AXIAL), around, middle, (100, 100))
    within, taken = slices.region(shown, entry)
    rows, columns = np.nonzero(within)
    assert shown.to_lps(np.stack([columns, rows], -1).astype(float)).mean(0)[:2] == pytest.approx(middle[:2], abs=2.0)
    assert 0.3 < taken.sum() / within.sum() < 0.7


def test_the_border_is_drawn_where_both_sides_meet_and_not_at_the_organs_edge() -> None:
    inside = np.zeros((40, 60), bool)
    inside[5:35, 5:55] = True
    taken = inside.copy()
    taken[:, 30:] = False
    line = border(taken, inside & ~taken)
    columns = np.nonzero(line)[1]
    assert abs(columns - 29.5).max() < 4
    assert not line[:2].any() and not line[:, :20].any()


def test_the_resected_part_is_red_on_the_patients_side_of_the_3d_picture() -> None:
    twin = liver_twin(TILTED)
    plan = reported(twin, Plan(resections=(right_cut(TILTED, 0.0),)))
    page = picture_of(plan, twin, Picture(PictureKind.SCENE, "anterior", 0))
    red = reddish(page)
    middle = SMALL_SCENE[0] // 2
    assert red[:, :middle].sum() > 2000
    assert red[:, :middle].sum() > 5 * red[:, middle:].sum()


@pytest.mark.parametrize(("at", "verdict"), [(8.0, Verdict.SAFE), (-7.2, Verdict.VIOLATED)])
def test_the_cut_surface_has_the_verdicts_colour(at, verdict) -> None:
    twin = liver_twin(STRAIGHT)
    plan = reported(twin, Plan(resections=(right_cut(STRAIGHT, at, margin=9.0),)))
    assert plan.evaluation.resections[0].margins[0].verdict is verdict
    page = picture_of(plan, twin, Picture(PictureKind.SCENE, "cut", 0, "A"))
    x, y = SMALL_SCENE[0] // 2, SMALL_SCENE[1] // 2
    middle = page[y + 16 : y + 30, x - 12 : x + 12].reshape(-1, 3)
    hue = np.asarray(VERDICT_COLOURS[verdict], dtype=float)
    other = np.asarray(VERDICT_COLOURS[Verdict.VIOLATED if verdict is Verdict.SAFE else Verdict.SAFE], dtype=float)
    bright = middle[middle.max(1) > 90].astype(float)

    def alike(colour: np.ndarray) -> float:
        share = bright @ colour / (np.linalg.norm(bright, axis=1) * np.linalg.norm(colour))
        return float((share > 0.985).mean())

    assert alike(hue) > 3 * alike(other) + 0.1


@pytest.mark.parametrize("frame", [STRAIGHT, OBLIQUE], ids=["straight", "oblique"])
def test_every_place_of_a_cut_has_its_own_verdict_also_inside_the_target(frame) -> None:
    twin = liver_twin(frame)
    plan = reported(twin, Plan(resections=(right_cut(frame, -15.0, margin=4.0),)))
    scene = PlanScene(plan.geometry, plan.evaluation)
    side = np.linspace(-25.0, 25.0, 61)
    own = np.stack(np.meshgrid([-15.0, -2.0], side, side, indexing="ij"), -1).reshape(-1, 3)
    distance = np.linalg.norm(own - (-15.0, 0.0, 0.0), axis=1) - 6.0
    error = 2.0 * plan.geometry.error_terms("tumour").combined_mm
    expected = np.where(distance - error >= 4.0, 0, np.where(distance + error < 4.0, 2, 1))
    sure = np.abs(np.abs(distance - 4.0) - error) > 0.4
    assert set(np.unique(expected[sure])) == {0, 1, 2}
    assert np.array_equal(scene.verdict_ranks("tumour", 4.0, frame.points(own))[sure], expected[sure])


def test_a_plan_of_every_kind_is_drawn_in_all_its_pictures() -> None:
    twin = liver_twin(STRAIGHT)
    plan = reported(twin, full_plan(STRAIGHT))
    report = plan_report(subject(twin), plan)
    drawn = draw_pictures(report, twin, (plan,))
    assert set(drawn) == set(report.pictures())
    for data in drawn.values():
        with Image.open(io.BytesIO(data)) as image:
            assert np.asarray(image).std() > 5


def test_a_twin_is_drawn_without_a_plan() -> None:
    twin = liver_twin(STRAIGHT)
    drawn = draw_pictures(twin_report(subject(twin)), twin)
    assert len(drawn) == 5
    assert len(set(drawn.values())) == 5


def test_the_same_picture_gives_the_same_bytes() -> None:
    twin = liver_twin(STRAIGHT)
    plan = reported(twin, Plan(resections=(wedge(),)))
    report = plan_report(subject(twin), plan)
    assert draw_pictures(report, twin, (plan,)) == draw_pictures(report, twin, (plan,))


def test_a_surface_that_cannot_be_cut_costs_its_picture_only(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = liver_twin(STRAIGHT)
    plan = reported(twin, Plan(resections=(right_cut(STRAIGHT),)))
    report = plan_report(subject(twin), plan)

    def open_surface(*_: object) -> None:
        raise PlanError("the surface of liver is not closed")

    written: list[str] = []
    monkeypatch.setattr("ui.report.plan_scene.divide", open_surface)
    monkeypatch.setattr(pictures, "write", lambda draw, at, text, *_: written.append(text))
    drawn = draw_pictures(report, twin, (plan,))
    assert set(drawn) == set(report.pictures())
    assert " ".join(written[:9]).startswith("No picture could be drawn: the surface of liver is not closed")
    slices = {drawn[p] for p in report.pictures() if p.kind is PictureKind.SLICE}
    assert len(slices) == 3


def test_drawing_stops_when_asked_to() -> None:
    twin = liver_twin(STRAIGHT)
    plan = reported(twin, Plan(resections=(right_cut(STRAIGHT),)))
    with pytest.raises(Cancelled):
        draw_pictures(plan_report(subject(twin), plan), twin, (plan,), Progress(None, lambda: True))


@pytest.mark.parametrize("frame", [STRAIGHT, OBLIQUE], ids=["straight", "oblique"])
def test_the_flat_map_has_each_places_own_verdict(frame) -> None:
    """A plane 8 mm from the surface of a ball of 6 mm: at r mm from its middle the distance is in closed form."""
    plan = reported(liver_twin(frame), Plan(resections=(right_cut(frame, -1.0, margin=12.0),)))
    unfolded = unfold(plan.geometry, plan.evaluation.cuts[0])[0]
    ranks = verdict_ranks(plan.geometry, unfolded)
    own = (unfolded.points_mm - frame.shift_mm) @ frame.turn
    distance = np.linalg.norm(own - (-15.0, 0.0, 0.0), axis=2) - 6.0
    error = 2.0 * plan.geometry.error_terms("tumour").combined_mm
    expected = np.where(distance - error >= 12.0, 0, np.where(distance + error < 12.0, 2, 1))
    sure = unfolded.inside & (np.abs(np.abs(distance - 12.0) - error) > 0.4)
    assert sure.sum() > 0.7 * unfolded.inside.sum()
    assert set(np.unique(expected[sure])) == {0, 1, 2}
    assert np.array_equal(ranks[sure], expected[sure])


@pytest.mark.parametrize("quarters", range(4))
def test_the_flat_map_draws_each_place_where_the_map_finds_it(quarters) -> None:
    plan = reported(liver_twin(STRAIGHT), Plan(resections=(right_cut(STRAIGHT),)))
    unfolded = unfold(plan.geometry, plan.evaluation.cuts[0])[0]
    layout = Layout(unfolded, (300, 240), 20.0, quarters)
    across, up, known = layout.cells()
    for row, column in ((5, 9), (len(unfolded.u_mm) - 4, 3)):
        x, y = layout.pixel(float(unfolded.u_mm[row]), float(unfolded.v_mm[column]))
        assert known[round(y), round(x)]
        assert abs(across[round(y), round(x)] - row) <= 1 and abs(up[round(y), round(x)] - column) <= 1
    far = [layout.pixel(float(unfolded.u_mm[e]), float(unfolded.v_mm[e])) for e in (0, -1)]
    assert all(15 <= x <= 285 and 15 <= y <= 225 for x, y in far)


@pytest.mark.parametrize("normal", [(-1, 0, 0), (0, -1, 0), (0.6, 0.8, 0), (0, 0, 1)])
def test_the_flat_map_stands_upright_and_is_seen_from_the_side_that_is_taken(normal) -> None:
    cut = replace(right_cut(STRAIGHT), surface=PlaneCut(STRAIGHT.point(-4, 0, 0), normal))
    plan = reported(liver_twin(STRAIGHT), Plan(resections=(cut,)))
    layout = upright(unfold(plan.geometry, plan.evaluation.cuts[0])[0], (200, 200), 10.0)
    right, up = layout.right_and_up
    # The eye is on the resected side: right x up leads out of the picture, towards it.
    assert np.cross(right, up) @ np.array(normal) == pytest.approx(1.0, abs=0.02)
    assert up @ (0, 0, 1) > 0.7 or (abs(normal[2]) == 1 and up @ (0, -1, 0) > 0.7)


def test_hatching_tells_the_verdicts_apart_without_colour() -> None:
    side = np.arange(-40.0, 40.0, 0.5)
    points = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2) @ np.array([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    dark = [float(hatched(points, np.full(len(points), rank)).mean()) for rank in range(3)]
    assert dark[0] == 0.0
    assert dark[1] == pytest.approx(1.8 / 6.0, abs=0.03)
    assert dark[2] == pytest.approx(1.0 - (1.0 - 0.3) ** 2, abs=0.05)


def test_refining_a_surface_keeps_its_area_and_shortens_its_edges() -> None:
    vertices = np.array([[0.0, 0, 0], [30, 0, 0], [0, 40, 0]])
    finer, triangles = refined(vertices, np.array([[0, 1, 2]], dtype=np.int32))
    corners = finer[triangles]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    assert edges.max() <= 1.2
    assert area == pytest.approx(600.0)


def test_tools_are_drawn_where_they_are_and_as_thick_as_they_are() -> None:
    start, end = np.array([3.0, -7.0, 100.0]), np.array([-20.0, 14.0, 130.0])
    mesh = capsule_mesh(start, end, 2.0)
    axis = (end - start) / np.linalg.norm(end - start)
    along = (mesh.vertices_mm - start) @ axis
    away = np.linalg.norm(
        mesh.vertices_mm - start - np.clip(along, 0, np.linalg.norm(end - start))[:, None] * axis, axis=1
    )
    assert away == pytest.approx(np.full(len(away), 2.0), abs=0.05)
    assert (along.min(), along.max()) == pytest.approx((-2.0, float(np.linalg.norm(end - start)) + 2.0), abs=0.05)


def test_a_needle_lies_between_target_and_entry_and_an_instrument_where_it_is_worst() -> None:
    plan = reported(liver_twin(OBLIQUE), full_plan(OBLIQUE))
    trajectory = needle(OBLIQUE)
    shape = needle_shape(trajectory)
    places = np.array([trajectory.entry_mm, trajectory.target_mm])
    assert shape.inside(places) == pytest.approx([1.0, 1.0])
    result = plan.evaluation.tool_paths[0]
    worst = min((p for p in result.nearest if p.needed_mm is not None), key=lambda p: p.min_mm)
    assert float(instrument_shape(result).inside(np.array([worst.at_mm]))[0]) == pytest.approx(1.5, abs=0.2)


def test_a_zone_is_drawn_with_its_own_axes() -> None:
    zone = Ablation("Z", "tumour", (5.0, -3.0, 80.0), (0.0, 3.0, 4.0), (20.0, 10.0, 10.0))
    vertices = zone_mesh(zone).vertices_mm - (5.0, -3.0, 80.0)
    assert np.abs(vertices @ (0.0, 0.6, 0.8)).max() == pytest.approx(20.0, abs=0.2)
    assert np.abs(vertices[:, 0]).max() == pytest.approx(10.0, abs=0.2)
