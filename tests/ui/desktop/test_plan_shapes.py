"""Handles, clipped surfaces, cut lines and the worker, in straight and oblique frames."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh

from surgtwin.domain.cut import BezierCut, PlaneCut, ShellCut
from surgtwin.domain.plan import Plan, Resection
from surgtwin.domain.verdict import ErrorTerms, judge
from surgtwin.errors import PlanError
from surgtwin.planning.bezier import evaluate_patch, flat_patch
from surgtwin.planning.cut_side import PlaneSide
from surgtwin.progress import SILENT, Progress
from tests.planning.shapes import FRAMES, Frame, ball, make_geometry, tube
from ui.desktop.planning.clip import Shape, clipped
from ui.desktop.planning.cut_lines import cut_on_slice
from ui.desktop.planning.handles import HandleKind, grabbed, handles_of, pulled, tilted
from ui.desktop.planning.judging import Judge
from ui.desktop.planning.laying import Way, away_from, surface_of_clicks, surface_of_line
from ui.desktop.planning.scene_props import COLUMNS, margin_texture, texture_places
from ui.desktop.planning.verdict_look import MarginBands
from ui.desktop.planning.worker import LatestWorker
from ui.render.palette import VERDICT_COLOURS
from ui.render.slices import View, slice_stack

WAIT_MS = 20_000


def sphere(radius: float = 30.0) -> Shape:
    mesh = trimesh.creation.icosphere(4, radius=radius)
    vertices = np.asarray(mesh.vertices)
    return Shape(vertices, np.asarray(mesh.faces, dtype=np.int64), vertices / radius)


def area(shape: Shape) -> float:
    corners = shape.vertices_mm[shape.triangles]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(cross, axis=1).sum() / 2)


# --- clipping


@pytest.mark.parametrize("height", [-40.0, -12.0, 0.0, 7.5, 29.9, 40.0])
def test_the_two_parts_of_a_clipped_surface_have_its_area_and_stay_on_their_sides(height: float) -> None:
    whole = sphere()
    values = whole.vertices_mm[:, 2] - height
    above, below = clipped(whole, values)
    assert area(above) + area(below) == pytest.approx(area(whole), rel=1e-9)
    assert above.is_empty or above.vertices_mm[:, 2].min() >= height - 1e-9
    assert below.is_empty or below.vertices_mm[:, 2].max() <= height + 1e-9
    cap = float(np.clip(30.0 - height, 0.0, 60.0))
    assert area(above) == pytest.approx(2 * np.pi * 30.0 * cap, rel=0.01, abs=12.0)


def test_clipped_parts_keep_their_winding_and_what_goes_with_the_corners() -> None:
    whole = sphere()
    for part in clipped(whole, whole.vertices_mm @ np.array([0.3, -0.5, 0.8]) - 4.0):
        corners = part.vertices_mm[part.triangles]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        large = np.linalg.norm(normals, axis=1) > 1e-6
        assert ((normals * corners.mean(1)).sum(1)[large] > 0).all()
        assert np.allclose(part.data, part.vertices_mm / 30.0, atol=2e-3)


# --- handles


@pytest.mark.parametrize("frame", FRAMES)
def test_a_pulled_handle_of_a_patch_lies_under_the_hand_and_alone_if_asked(frame: Frame) -> None:
    u, v = frame.direction(90, 0, 0), frame.direction(0, 90, 0)
    cut = BezierCut(flat_patch(frame.point(0, 0, 0), u, v))
    handle = handles_of(cut)[6]
    to = frame.point(3, 4, 12)
    alone = pulled(cut, handle, to, 0.0)
    assert np.allclose(alone.control_points_mm[handle.at], to)
    moved = np.linalg.norm(alone.control_points_mm - cut.control_points_mm, axis=2) > 1e-9
    assert moved.sum() == 1
    soft = pulled(cut, handle, to, 0.8)
    assert np.allclose(soft.control_points_mm[handle.at], to)
    assert np.linalg.norm(soft.control_points_mm - cut.control_points_mm, axis=2).min() > 0


@pytest.mark.parametrize("frame", FRAMES)
def test_a_patch_taken_by_its_body_passes_where_it_is_pulled_to(frame: Frame) -> None:
    u, v = frame.direction(90, 0, 0), frame.direction(0, 90, 0)
    cut = BezierCut(flat_patch(frame.point(0, 0, 0), u, v))
    at, to = frame.point(9.0, -18.0, 0.0), frame.point(9.0, -18.0, 11.0)
    bent = grabbed(cut, PlaneSide(PlaneCut(at, frame.direction(0, 0, 1))), at, to, False)
    t = np.linspace(0, 1, 201)
    patch = evaluate_patch(bent.control_points_mm, t[:, None], t[None, :]).points_mm
    assert np.linalg.norm(patch - np.asarray(to), axis=2).min() < 0.6


@pytest.mark.parametrize("frame", FRAMES)
def test_a_plane_is_moved_by_its_middle_and_tilted_by_its_rim(frame: Frame) -> None:
    plane = PlaneCut(frame.point(0, 0, 0), frame.direction(1, 0, 0))
    handles = handles_of(plane)
    assert [h.kind for h in handles] == [HandleKind.MOVE, *[HandleKind.TILT] * 4]
    assert all(abs(float(plane.plane.signed_distance(np.array([h.place_mm]))[0])) < 1e-9 for h in handles)
    moved = pulled(plane, handles[0], frame.point(7, 1, 2), 0.0)
    assert (moved.point_mm, moved.normal) == (frame.point(7, 1, 2), plane.normal)
    through = frame.point(10, 0, 40)
    turned = tilted(plane, through)
    assert float(turned.plane.signed_distance(np.array([through]))[0]) == pytest.approx(0.0, abs=1e-9)
    assert turned.point_mm == plane.point_mm
    assert float(np.dot(turned.normal, plane.normal)) > 0.9
    assert tilted(plane, plane.point_mm) == plane
    assert tilted(plane, frame.point(40, 0, 0)) == plane, "a pull along the normal has no axis to turn about"


def test_a_shell_pulled_outward_grows_by_as_much() -> None:
    shell = ShellCut(("tumour",), 10.0)
    side = PlaneSide(PlaneCut((10.0, 0.0, 0.0), (-1.0, 0.0, 0.0)))  # 10 - x, as a shell about a face at x = 0
    wider = grabbed(shell, side, (10.0, 0.0, 0.0), (16.5, 0.0, 0.0), False)
    assert wider.distance_mm == pytest.approx(16.5)
    assert grabbed(shell, side, (10.0, 0.0, 0.0), (-3.0, 0.0, 0.0), False).distance_mm == 0.5


# --- laying


@pytest.fixture(scope="module", params=FRAMES, ids=["straight", "oblique"])
def organ(request: pytest.FixtureRequest) -> Any:
    frame = request.param
    shapes = {"liver": ball((0, 0, 0), 40), "tumour": ball((22, 0, 0), 7), "vein": tube((-30, 0, 0), (-10, 0, 0), 4)}
    return frame, make_geometry(shapes, frame, half_mm=46.0)


def test_two_clicks_take_the_side_of_the_targets_from_wherever_they_are_laid(organ: Any) -> None:
    frame, geometry = organ
    tissue = geometry.tissue(("liver", "tumour"))
    tumour = np.array([frame.point(22, 0, 0)])
    sight = frame.direction(0, 1, 0)
    ends = (frame.point(8, 0, 30), frame.point(8, 0, -30))
    for first, second in (ends, ends[::-1]):
        for way in (Way.PLANE, Way.PATCH):
            surface = surface_of_clicks(
                way, first, second, sight, lambda m: away_from(geometry, tissue, ("tumour",), m), tissue
            )
            side = geometry.side(surface, tissue)
            assert float(side.signed(tumour)[0]) == pytest.approx(14.0, abs=0.3)


def test_without_targets_the_smaller_part_is_taken(organ: Any) -> None:
    frame, geometry = organ
    tissue = geometry.tissue(("liver", "tumour"))
    surface = surface_of_clicks(
        Way.PLANE, frame.point(-20, 0, 25), frame.point(-20, 0, -25), frame.direction(0, 1, 0),
        lambda m: away_from(geometry, tissue, (), m), tissue,
    )  # fmt: skip
    taken = geometry.side(surface, tissue).signed(tissue.points_mm()) > 0
    assert 0 < taken.mean() < 0.5


def test_a_straight_line_drawn_on_the_screen_becomes_the_plane_through_it(organ: Any) -> None:
    frame, geometry = organ
    tissue = geometry.tissue(("liver", "tumour"))
    line = np.array([frame.point(8, 0, z) for z in np.linspace(-25, 25, 20)])
    sight = frame.direction(0, 1, 0)
    patch = surface_of_line(line, sight, lambda m: away_from(geometry, tissue, ("tumour",), m), tissue)
    side = geometry.side(patch, tissue)
    assert float(side.signed(np.array([frame.point(22, 0, 0)]))[0]) == pytest.approx(14.0, abs=0.5)


def test_two_clicks_on_one_place_are_refused(organ: Any) -> None:
    frame, geometry = organ
    tissue = geometry.tissue(("liver", "tumour"))
    with pytest.raises(PlanError, match="two clicks"):
        surface_of_clicks(
            Way.PLANE, frame.point(0, 0, 0), frame.point(0, 5, 0), frame.direction(0, 1, 0),
            lambda m: away_from(geometry, tissue, (), m), tissue,
        )  # fmt: skip


# --- pictures and lines


def test_the_sheet_of_a_cut_lies_on_it_inside_the_organ_and_knows_its_margin(organ: Any) -> None:
    frame, geometry = organ
    plane = PlaneCut(frame.point(8, 0, 0), frame.direction(1, 0, 0))
    resection = Resection("A", "liver", plane, (), ("tumour",))
    judged = Judge(geometry).exact(Plan(resections=(resection,)), SILENT)
    sheet = judged.picture.cuts[0].sheet
    assert np.abs(plane.plane.signed_distance(sheet.vertices_mm)).max() < 1e-6
    away = np.linalg.norm(sheet.vertices_mm - np.asarray(frame.point(0, 0, 0)), axis=1)
    assert away.max() < 42.0
    assert area(sheet) == pytest.approx(np.pi * (40**2 - 8**2), rel=0.03)
    truth = np.linalg.norm(sheet.vertices_mm - np.asarray(frame.point(22, 0, 0)), axis=1) - 7.0
    assert np.abs(sheet.data[:, 0] - truth).max() < 0.8
    organ_picture = judged.picture.organs[0]
    assert (plane.plane.signed_distance(organ_picture.resected.vertices_mm) > -1e-6).all()
    assert (plane.plane.signed_distance(organ_picture.remnant.vertices_mm) < 1e-6).all()


def test_the_line_on_a_slice_is_where_the_cut_meets_it_and_knows_where_the_organ_ends(organ: Any) -> None:
    frame, geometry = organ
    plane = PlaneCut(frame.point(8, 0, 0), frame.direction(1, 0, 0))
    resection = Resection("A", "liver", plane, (), ("tumour",))
    cut = Judge(geometry).quick(Plan(resections=(resection,)), SILENT).picture.cuts[0]
    middle = np.asarray(frame.point(8, 0, 0))
    for view in View:
        stack = slice_stack(geometry.twin.primary.grid, view)
        here = cut_on_slice(cut, stack, middle)
        inside = [line for line in here.lines if line.is_inside]
        if abs(float(np.asarray(plane.normal) @ stack.step)) > 0.9:
            continue
        assert inside
        places = np.concatenate([line.places_mm for line in inside])
        assert np.abs(plane.plane.signed_distance(places)).max() < 0.05
        assert np.abs((places - middle) @ stack.step).max() < 1e-6
        assert np.linalg.norm(places - np.asarray(frame.point(0, 0, 0)), axis=1).max() < 43.0
        taken = np.concatenate(here.taken)
        assert plane.plane.signed_distance(taken).min() > -1.5
    beyond = middle + slice_stack(geometry.twin.primary.grid, View.AXIAL).step * 500.0
    assert cut_on_slice(cut, slice_stack(geometry.twin.primary.grid, View.AXIAL), beyond).lines == ()


def test_preview_and_last_word_agree_within_what_the_preview_says(organ: Any) -> None:
    _, geometry = organ
    resection = Resection("A", "liver", ShellCut(("tumour",), 8.0), (), ("tumour",))
    judge_of = Judge(geometry)
    quick = judge_of.quick(Plan(resections=(resection,)), SILENT).numbers["A"]
    exact = judge_of.exact(Plan(resections=(resection,)), SILENT).numbers["A"]
    assert not quick.is_exact
    assert exact.is_exact
    assert quick.resected.ml == pytest.approx(exact.resected.ml, rel=0.05)
    assert quick.margins[0].min_mm == pytest.approx(exact.margins[0].min_mm, abs=1.5)
    assert quick.margins[0].error_mm >= exact.margins[0].error_mm - 1e-9


def test_a_plan_that_does_not_fit_is_told_and_judged_no_further(organ: Any) -> None:
    _, geometry = organ
    stranger = Resection("A", "pancreas", PlaneCut((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)))
    judged = Judge(geometry).exact(Plan(resections=(stranger,)), SILENT)
    assert "no structure 'pancreas'" in judged.problem
    assert judged.numbers == {}


# --- colours


def test_bands_judge_a_distance_as_the_core_does() -> None:
    terms = ErrorTerms(0.9, 1.1, 0.4)
    bands = MarginBands(10.0, 2.0 * terms.combined_mm)
    for distance in np.linspace(0.0, 20.0, 401):
        assert bands.verdict(float(distance)) is judge(float(distance), 10.0, terms)


def test_each_place_of_a_sheet_gets_the_colour_of_its_verdict() -> None:
    bands = MarginBands(10.0, 3.0)
    picture = margin_texture(bands)
    margins = np.array([-4.0, 2.0, 6.4, 8.5, 11.0, 12.4, 13.7, 18.0, 60.0])
    shape = Shape(np.zeros((len(margins), 3)), np.zeros((0, 3), np.int64), margins[:, None])
    columns = np.floor(texture_places(shape, bands)[:, 0] * COLUMNS).astype(int)
    for margin, column in zip(margins, columns, strict=True):
        wanted = np.array(VERDICT_COLOURS[bands.verdict(float(margin)).value], dtype=float)
        shown = picture[-1, column].astype(float)
        assert shown @ wanted / np.linalg.norm(shown) / np.linalg.norm(wanted) > 0.995
    none = Shape(np.zeros((1, 3)), np.zeros((0, 3), np.int64), np.array([[np.inf]]))
    assert int(texture_places(none, bands)[0, 0] * COLUMNS) == COLUMNS - 1


# --- the worker


@pytest.fixture
def worker(qapp: object) -> Any:
    made = LatestWorker()
    yield made
    made.close()


def test_of_orders_of_one_kind_only_the_newest_is_heard(worker: LatestWorker, qtbot: Any) -> None:
    gate, heard = threading.Event(), []

    def slow(progress: Progress, _: Any) -> str:
        gate.wait(5.0)
        progress.check()
        return "first"

    worker.ask("judge", slow, heard.append, heard.append)
    for n in range(5):
        worker.ask("judge", lambda *_, n=n: n, heard.append, heard.append)
    worker.ask("other", lambda *_: "other", heard.append, heard.append)
    gate.set()
    qtbot.waitUntil(lambda: len(heard) >= 2, timeout=WAIT_MS)
    assert heard == [4, "other"]


def test_what_is_told_before_the_end_is_heard_in_order_and_a_fault_is_told(worker: LatestWorker, qtbot: Any) -> None:
    heard, faults = [], []

    def work(_: Progress, tell: Any) -> str:
        tell("nearly")
        return "exactly"

    worker.ask("a", work, heard.append, faults.append)
    worker.ask("b", lambda *_: 1 / 0, heard.append, faults.append)
    qtbot.waitUntil(lambda: bool(faults), timeout=WAIT_MS)
    assert heard == ["nearly", "exactly"]
    assert isinstance(faults[0], ZeroDivisionError)


def test_a_dropped_order_is_not_heard_and_a_closed_worker_takes_none(worker: LatestWorker, qtbot: Any) -> None:
    gate, heard = threading.Event(), []
    worker.ask("a", lambda *_: gate.wait(5.0), heard.append, heard.append)
    worker.drop("a")
    gate.set()
    worker.ask("b", lambda *_: "b", heard.append, heard.append)
    qtbot.waitUntil(lambda: heard == ["b"], timeout=WAIT_MS)
    worker.close()
    worker.ask("c", lambda *_: "c", heard.append, heard.append)
    assert not worker.is_busy
    assert heard == ["b"]


def test_a_margin_that_changes_keeps_what_was_prepared_for_the_organ(organ: Any) -> None:
    frame, geometry = organ
    plane = PlaneCut(frame.point(8, 0, 0), frame.direction(1, 0, 0))
    resection = Resection("A", "liver", plane, (), ("tumour",), 5.0)
    one = Judge(geometry).quick(Plan(resections=(resection,)), SILENT).numbers["A"]
    other = Judge(geometry).quick(Plan(resections=(replace(resection, margin_mm=25.0),)), SILENT).numbers["A"]
    assert one.margins[0].min_mm == other.margins[0].min_mm
    assert one.margins[0].verdict is not other.margins[0].verdict
