"""Tool paths as values: what a hand does to them, what of them is drawn, and the figures that follow the hand."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from surgtwin.domain.plan import ToolPath
from surgtwin.domain.tool import Capsule, CapsuleTool, MeshTool, NeedleTool
from surgtwin.domain.trajectory import Avoid
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.tool_path import evaluate_tool_path
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress
from surgtwin.simulation.trocar import trocar_state
from tests.planning import shapes
from tests.planning.shapes import Frame, ball, make_geometry
from ui.desktop.planning.path_build import (
    LEAST_S,
    deeper,
    depth_of,
    first_poses,
    key_at,
    recorded,
    roll_deg,
    rolled,
    shaft_to,
    swapped,
    through_port,
    tilted,
    tip_to,
    with_pose_at,
    with_time,
)
from ui.desktop.planning.path_figures import moment_of, quick_path
from ui.desktop.planning.path_instruments import INSTRUMENTS, known_row, read_instrument
from ui.desktop.planning.path_outline import capsule_section
from ui.desktop.planning.path_props import lit_patch
from ui.desktop.planning.path_reach import ReachKind, reach_of
from ui.desktop.planning.path_swept import swept_shape
from ui.desktop.planning.path_words import judged_names, passages, touches

FRAMES = (
    replace(shapes.STRAIGHT, spacing_ijk=(2.0, 2.0, 2.0)),
    replace(shapes.OBLIQUE, spacing_ijk=(1.8, 1.8, 2.4)),
)
frames = pytest.mark.parametrize("frame", FRAMES, ids=["straight", "oblique"])
PORT, TIP = (12.0, -80.0, 30.0), (3.0, -10.0, 5.0)
SILENT = Progress()
angles = st.floats(0.0, 359.0)


def path_to(tip: Any = TIP, port: Any = PORT, tool: Any = None, **more: Any) -> ToolPath:
    return ToolPath("P", tool or INSTRUMENTS[1].tool, first_poses(port, tip), port, **more)


def deviation(path: ToolPath) -> float:
    """The most by which a key pose's shaft misses the port, mm."""
    assert path.trocar_mm is not None
    return max(trocar_state(p.lps_from_tool, path.trocar_mm, 330.0).deviation_mm for p in path.poses)


def test_a_new_path_goes_from_inside_its_port_straight_to_where_it_works() -> None:
    path = path_to()
    assert path.poses[-1].tip_mm == pytest.approx(TIP)
    assert np.linalg.norm(np.subtract(path.poses[0].tip_mm, PORT)) == pytest.approx(10.0)
    assert deviation(path) < 1e-9
    assert path.poses[1].time_s > path.poses[0].time_s
    with pytest.raises(PlanError, match="nowhere to go"):
        first_poses(PORT, PORT)


@given(st.tuples(*(st.floats(-40.0, 40.0) for _ in range(3))))
def test_a_tip_that_is_dragged_keeps_its_shaft_in_the_port(to: tuple[float, float, float]) -> None:
    path = path_to()
    pose = tip_to(path, path.poses[-1].lps_from_tool, to)
    moved = with_pose_at(path, path.poses[-1].time_s, pose)
    assert moved.poses[-1].tip_mm == pytest.approx(to)
    assert deviation(moved) < 1e-6
    assert len(moved.poses) == 2, "the key pose there became it"


@given(st.tuples(st.floats(-60.0, 60.0), st.floats(-200.0, -120.0), st.floats(-60.0, 60.0)))
def test_a_shaft_that_is_pulled_turns_about_the_port_and_keeps_its_depth(to: tuple[float, float, float]) -> None:
    path = path_to()
    before = path.poses[-1].lps_from_tool
    after = shaft_to(path, before, to)
    assert depth_of(path, after) == pytest.approx(depth_of(path, before))
    towards = np.subtract(to, PORT) / np.linalg.norm(np.subtract(to, PORT))
    assert after[:3, 2] == pytest.approx(towards, abs=1e-9)


def test_a_free_hand_shifts_the_tool_and_turns_it_about_its_tip() -> None:
    path = through_port(path_to(), None)
    before = path.poses[-1].lps_from_tool
    shifted = tip_to(path, before, (1.0, 2.0, 3.0))
    assert np.array_equal(shifted[:3, :3], before[:3, :3])
    assert shifted[:3, 3] == pytest.approx((1.0, 2.0, 3.0))
    turned = shaft_to(path, before, (TIP[0] + 50.0, TIP[1], TIP[2]))
    assert turned[:3, 3] == pytest.approx(TIP)
    assert turned[:3, 2] == pytest.approx((1.0, 0.0, 0.0))
    assert depth_of(path, before) == 0.0


@given(angles, angles)
def test_a_roll_is_what_was_asked_for_and_moves_neither_tip_nor_shaft(first: float, angle: float) -> None:
    pose = rolled(path_to().poses[-1].lps_from_tool, first)
    after = rolled(pose, angle)
    assert (roll_deg(after) - angle + 180.0) % 360.0 == pytest.approx(180.0, abs=1e-6)
    assert after[:, 2:] == pytest.approx(pose[:, 2:])
    assert np.linalg.det(after[:3, :3]) == pytest.approx(1.0)


@given(st.floats(0.0, 89.0))
def test_a_tilt_is_that_to_the_inward_normal_and_keeps_the_depth(angle: float) -> None:
    path, inward = path_to(), (0.0, 1.0, 0.0)
    before = path.poses[-1].lps_from_tool
    after = tilted(path, before, inward, angle)
    state = trocar_state(after, PORT, 330.0, inward)
    assert state.tilt_deg == pytest.approx(angle, abs=1e-6)
    assert state.depth_mm == pytest.approx(depth_of(path, before))
    assert state.deviation_mm < 1e-9


def test_deeper_slides_along_the_shaft() -> None:
    path = path_to()
    after = deeper(path.poses[0].lps_from_tool, 12.5)
    assert depth_of(path, after) == pytest.approx(depth_of(path, path.poses[0].lps_from_tool) + 12.5)


def test_another_port_keeps_every_tip() -> None:
    path = path_to()
    moved = through_port(path, (-30.0, -85.0, 10.0))
    assert [p.tip_mm for p in moved.poses] == [pytest.approx(p.tip_mm) for p in path.poses]
    assert deviation(moved) < 1e-9
    with pytest.raises(PlanError, match="tip lies in the port"):
        through_port(path, path.poses[0].tip_mm)


def test_key_poses_are_put_in_retimed_and_swapped_in_order() -> None:
    path = path_to()
    end = path.poses[-1].time_s
    middle = with_pose_at(path, end / 2.0, path.poses[0].lps_from_tool)
    assert [round(p.time_s, 6) for p in middle.poses] == [0.0, round(end / 2.0, 6), round(end, 6)]
    assert key_at(middle, end / 2.0) == 1
    assert key_at(middle, end / 3.0) is None
    late = with_time(middle, 1, 99.0)
    assert late.poses[1].time_s == pytest.approx(end - LEAST_S), "never past its neighbour"
    other = swapped(middle, 1, 2)
    assert [p.time_s for p in other.poses] == [p.time_s for p in middle.poses]
    assert other.poses[1].tip_mm == middle.poses[2].tip_mm


def test_a_recorded_drag_keeps_few_poses_and_none_is_far_from_what_the_hand_did() -> None:
    path = path_to()
    turns = np.linspace(0.0, 1.0, 200)
    tips = [tuple(np.add(TIP, (30.0 * t, 12.0 * np.sin(4.0 * t), 0.0))) for t in turns]
    track = [(3.0 * t, tip_to(path, path.poses[-1].lps_from_tool, p)) for t, p in zip(turns, tips, strict=True)]
    end = path.poses[-1].time_s
    done = recorded(path, end, track, 330.0)
    assert done.poses[0] is path.poses[0]
    assert done.poses[-1].time_s == pytest.approx(end + 3.0)
    assert done.poses[-1].tip_mm == pytest.approx(tips[-1])
    assert 4 < len(done.poses) < 60
    times = [p.time_s - end for p in done.poses[1:]]
    kept = np.array([p.tip_mm for p in done.poses[1:]])
    straight = np.stack([np.interp(3.0 * turns, times, kept[:, n]) for n in range(3)], 1)
    assert np.linalg.norm(straight - np.array(tips), axis=1).max() <= 0.5 + 1e-9


def test_a_recording_from_the_middle_replaces_what_came_later() -> None:
    path = path_to()
    half = path.poses[-1].time_s / 2.0
    still = path.poses[0].lps_from_tool
    done = recorded(path, half, [(0.0, still), (1.0, tip_to(path, still, TIP))], 330.0)
    assert [p.time_s for p in done.poses] == pytest.approx([0.0, half, half + 1.0])


# --- what is drawn


def area(outline: np.ndarray, normal: np.ndarray) -> float:
    around = np.roll(outline, -1, axis=0)
    return abs(float(np.cross(outline, around).sum(0) @ normal)) / 2.0


@given(st.floats(0.0, 2.4), angles)
def test_a_section_along_a_capsule_is_a_stadium_and_across_it_a_disc(off: float, turn: float) -> None:
    angle = np.radians(turn)
    u = np.array([np.cos(angle), np.sin(angle), 0.0])
    v, w = np.array([-u[1], u[0], 0.0]), np.array([0.0, 0.0, 1.0])
    start, end, radius = np.zeros(3), 40.0 * u, 2.5
    half = np.sqrt(radius**2 - off**2)
    along = capsule_section(start, end, radius, off * v, v)
    across = capsule_section(start, end, radius, 20.0 * u, u)
    # Discs are drawn with 24 corners: their area falls short by 1 - sin(2 pi / 24) / (2 pi / 24) = 1.14 %.
    assert area(along, v) == pytest.approx(80.0 * half + np.pi * half**2, rel=0.012, abs=1e-6)
    assert area(across, u) == pytest.approx(np.pi * radius**2, rel=0.012)
    assert np.abs((along - off * v) @ v).max() < 1e-9
    assert len(capsule_section(start, end, radius, 2.6 * w, w)) == 0


def test_the_swept_surface_encloses_what_is_swept() -> None:
    tool = CapsuleTool((Capsule((0.0, 0.0, 0.0), (0.0, 0.0, 60.0), 4.0),))
    path = through_port(path_to(tip=(0.0, 0.0, 0.0), port=(0.0, -60.0, 0.0), tool=tool), None)
    shape = swept_shape(path, SILENT)
    mesh = trimesh.Trimesh(shape.vertices_mm, shape.triangles)
    way = float(np.linalg.norm(np.subtract(path.poses[-1].tip_mm, path.poses[0].tip_mm)))
    # The rod slides along itself: one capsule, longer by the way of its tip; drawn within a fifth of a voxel (1.2 mm).
    true = np.pi * 16.0 * (60.0 + way) + 4.0 / 3.0 * np.pi * 64.0
    assert abs(mesh.volume) == pytest.approx(true, rel=0.06)
    low, high = mesh.bounds
    assert low == pytest.approx((-4.0, -114.0, -4.0), abs=0.5)
    assert high == pytest.approx((4.0, 4.0, 4.0), abs=0.5)


def test_the_lit_patch_is_the_surface_near_the_instrument() -> None:
    mesh = geometry_of(FRAMES[0]).twin.mesh("aorta")
    assert mesh is not None
    centre = mesh.vertices_mm.mean(0)
    start, end = centre - (0.0, 40.0, 0.0), centre
    shape = lit_patch(mesh, start[None], end[None], np.array([1.5]))
    away = np.linalg.norm((shape.vertices_mm - centre)[:, [0, 2]], axis=1)
    assert 0 < len(shape.triangles) < len(mesh.triangles) / 3
    assert shape.vertices_mm[:, 1].max() < centre[1], "where it comes in, not behind"
    assert away.max() < 1.5 + 2.0 + 2.0 * 2.0 + 0.6, "a triangle may reach an edge further"


# --- figures


@lru_cache(maxsize=2)
def geometry_of(frame: Frame) -> TwinGeometry:
    """A liver in a body, and a vessel beside the way."""
    organs = {
        "body": ball((0.0, 0.0, 0.0), 44.0),
        "liver": ball((0.0, 6.0, 0.0), 20.0),
        "aorta": ball((14.0, -24.0, 0.0), 7.0),
    }
    return make_geometry(organs, frame)


def planned(frame: Frame, tip: Any = (0.0, 6.0, 0.0), avoid: tuple[str, ...] = ("aorta",)) -> ToolPath:
    tool = CapsuleTool((Capsule((0.0, 0.0, 0.0), (0.0, 0.0, 120.0), 2.0),))
    limits = tuple(Avoid(name, 0.0) for name in avoid)
    return path_to(frame.point(*tip), frame.point(0.0, -44.0, 0.0), tool, avoid=limits)


@frames
def test_quick_figures_are_those_of_the_whole_path_nearly(frame: Frame) -> None:
    geometry = geometry_of(frame)
    path = planned(frame)
    quick, exact = quick_path(geometry, path, SILENT), evaluate_tool_path(geometry, path)
    assert quick.verdict is exact.verdict is Verdict.SAFE
    found = {p.structure: p.min_mm for p in quick.nearest}
    true = {p.structure: p.min_mm for p in exact.nearest}
    assert set(found) == {"liver", "aorta"}, "what wraps everything is not waited for"
    # Straight along its shaft at 14 mm from the vessel's middle: 14 - 7 - 2, on the voxels' own surface.
    assert found["aorta"] == pytest.approx(true["aorta"], abs=0.1)
    assert found["aorta"] == pytest.approx(5.0, abs=max(frame.spacing_ijk))
    assert all(found[name] >= true[name] - 1e-9 for name in found), "fewer poses can only miss the worst"
    assert quick.is_free == {"liver"}


@frames
def test_what_is_entered_is_told_with_its_depth_moment_and_place(frame: Frame) -> None:
    geometry = geometry_of(frame)
    path = planned(frame, (14.0, -24.0, 0.0), ("aorta", "liver"))
    figures = quick_path(geometry, path, SILENT)
    assert figures.verdict is Verdict.VIOLATED
    assert figures.reason.startswith("aorta")
    (passage,) = passages(figures)
    assert passage.structure == "aorta"
    assert passage.depth_mm == pytest.approx(9.0, abs=max(frame.spacing_ijk)), "7 mm of vessel and 2 of tool"
    assert passage.start_s < passage.at_s <= passage.end_s == path.poses[-1].time_s
    moment = moment_of(geometry, path, path.poses[-1].lps_from_tool, SILENT)
    (touch,) = touches(moment, judged_names(path, figures), frozenset())
    assert touch.depth_mm == pytest.approx(passage.depth_mm, abs=1e-6)
    assert "mm deep" in touch.words
    free = touches(moment, frozenset(), frozenset({"aorta"}))
    assert free[0].is_free


def test_a_path_that_names_nothing_may_touch_nothing_but_the_body() -> None:
    figures = quick_path(geometry_of(FRAMES[0]), planned(FRAMES[0], avoid=()), SILENT)
    assert {p.structure for p in figures.judged} == {"liver", "aorta"}
    assert figures.verdict is Verdict.VIOLATED


def test_a_structure_that_is_not_there_is_named() -> None:
    with pytest.raises(PlanError, match="no structure 'spleen'"):
        quick_path(geometry_of(FRAMES[0]), planned(FRAMES[0], avoid=("spleen",)), SILENT)


@frames
def test_the_reach_of_a_port_is_what_no_vessel_shades(frame: Frame) -> None:
    geometry = geometry_of(frame)
    reach = reach_of(geometry, planned(frame), "liver", SILENT)
    assert sum(reach.percent.values()) == pytest.approx(100.0)
    assert reach.blocked_by == ("aorta",)
    # Seen from the port, vessel and tool subtend asin(9 / 24.4) about a line 35 degrees aside.
    port, axis = np.asarray(frame.point(0.0, -44.0, 0.0)), np.asarray(frame.direction(14.0, 20.0, 0.0))
    blocked = reach.parts[ReachKind.BLOCKED].vertices_mm - port
    off = np.degrees(np.arccos(blocked @ axis / np.linalg.norm(blocked, axis=1) / np.linalg.norm(axis)))
    # A corner says what a place up to two voxels (4 mm) off says, and colours triangles 3 mm wide, 30 mm from the port.
    assert off.max() < np.degrees(np.arcsin(9.0 / np.linalg.norm(axis))) + np.degrees(np.arctan(7.0 / 30.0))
    assert reach.percent[ReachKind.BLOCKED] > 5.0


def test_a_free_hand_has_no_reach_to_paint() -> None:
    path = replace(planned(FRAMES[0]), trocar_mm=None)
    with pytest.raises(PlanError, match="choose a trocar"):
        reach_of(geometry_of(FRAMES[0]), path, "liver", SILENT)


# --- instruments


def test_the_offered_instruments_are_what_they_say() -> None:
    for row in INSTRUMENTS:
        assert known_row(row.tool) is row
        length = max(max(c.from_mm[2], c.to_mm[2]) for c in row.tool.capsules)  # type: ignore[union-attr]
        assert f"{length:.0f} mm" in row.about
        assert len({*(r.name for r in INSTRUMENTS)}) == len(INSTRUMENTS)
    assert [row.name for row in INSTRUMENTS if row.cuts] == ["Ultrasonic dissector"]


def test_an_instrument_is_read_from_json_and_from_stl(tmp_path: Path) -> None:
    plain = tmp_path / "probe.json"
    plain.write_text(json.dumps({"type": "needle", "radius_mm": 1.5, "length_mm": 200}))
    assert read_instrument(plain).tool == NeedleTool(1.5, 200.0)
    assert "200 mm long, 3.0 mm thick" in read_instrument(plain).about
    rod = trimesh.creation.cylinder(3.0, 120.0)
    rod.apply_translation((0.0, 0.0, 60.0))
    rod.export(tmp_path / "rod.stl")
    read = read_instrument(tmp_path / "rod.stl")
    assert isinstance(read.tool, MeshTool)
    assert read.name == "rod"
    assert "balls that cover it" in read.about


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", b"{", "neither STL nor valid JSON"),
        ("b.json", b'{"type": "needle", "radius_mm": -1, "length_mm": 9}', "radius_mm"),
        ("c.json", b'{"type": "saw"}', "tool"),
        ("d.json", b"[1, 2]", "object"),
        ("e.stl", b"", "STL|triangles"),
        ("f.stl", b"not a mesh at all", "STL|triangles"),
    ],
)
def test_a_file_that_is_no_instrument_is_refused_with_a_reason(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PlanError, match=words):
        read_instrument(path)


def test_an_instrument_in_another_frame_is_refused(tmp_path: Path) -> None:
    far = trimesh.creation.cylinder(3.0, 120.0)
    far.apply_translation((0.0, 0.0, 400.0))
    far.export(tmp_path / "far.stl")
    with pytest.raises(PlanError, match="tip at the origin"):
        read_instrument(tmp_path / "far.stl")
    lying = trimesh.creation.cylinder(3.0, 120.0)
    lying.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))
    lying.export(tmp_path / "lying.stl")
    with pytest.raises(PlanError, match="shaft along"):
        read_instrument(tmp_path / "lying.stl")
    with pytest.raises(PlanError, match="no file"):
        read_instrument(tmp_path / "none.stl")
    open_shell = trimesh.Trimesh([(0, 0, 0), (5, 0, 100), (0, 5, 100)], [(0, 1, 2)])
    open_shell.export(tmp_path / "open.stl")
    with pytest.raises(PlanError, match="not closed"):
        read_instrument(tmp_path / "open.stl")
