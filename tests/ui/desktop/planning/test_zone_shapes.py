"""Zones as numbers: quick figures against exact ones, the rim that is drawn, and the outline on a slice."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.plan import Plan
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Ablation, Trajectory
from surgtwin.errors import PlanError
from surgtwin.planning.ablation import evaluate_ablation, evaluate_zones
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.zone_preview import least_margin, preview_zones
from surgtwin.simulation.ellipsoid import zone_of
from tests.planning import shapes
from tests.planning.shapes import Frame, ball, make_geometry
from ui.desktop.planning.pictures import PictureMaker
from ui.desktop.planning.zone_choice import SIZES, axis_of, fitting_size, needles_to
from ui.desktop.planning.zone_pictures import outline_on, zone_pictures
from ui.desktop.planning.zone_scene import silhouette_of

OBLIQUE = replace(shapes.OBLIQUE, spacing_ijk=(1.8, 1.8, 2.4))
FRAMES = (replace(shapes.STRAIGHT, spacing_ijk=(2.0, 2.0, 2.0)), OBLIQUE)
frames = pytest.mark.parametrize("frame", FRAMES, ids=["straight", "oblique"])


@lru_cache(maxsize=2)
def liver(frame: Frame) -> TwinGeometry:
    return make_geometry({"liver": ball((0, 0, 0), 45), "tumour": ball((4, -3, 2), 12)}, frame, 46)


def zone(frame: Frame, at: tuple[float, float, float], radii: tuple[float, float, float], name: str = "Z") -> Ablation:
    return Ablation(name, "tumour", frame.point(*at), frame.direction(0, 3, 4), radii)


@frames
@pytest.mark.parametrize("radii", [(20.0, 20.0, 20.0), (26.0, 15.0, 15.0), (9.0, 14.0, 14.0)])
def test_a_quick_zone_has_nearly_the_exact_figures(frame: Frame, radii: tuple[float, float, float]) -> None:
    one = zone(frame, (6, -3, 2), radii)
    quick, exact = preview_zones(liver(frame), [one]), evaluate_ablation(liver(frame), one)
    assert quick.min_margin_mm == pytest.approx(exact.min_margin_mm, abs=1e-9), "of one zone it is exact"
    assert quick.at_mm == pytest.approx(exact.at_mm, abs=1e-9)
    assert quick.rim_at_mm == pytest.approx(exact.rim_at_mm, abs=1e-6)
    assert quick.coverage_percent == pytest.approx(exact.coverage_percent, abs=0.7)
    assert quick.zone_ml == pytest.approx(exact.zone_ml, rel=1e-12)
    assert quick.verdict is exact.verdict
    for name, ml in exact.reached_ml.items():
        # A voxel of width h on a rim of radius r is off by h^2 (1/r + 1/r) / 24 of its height: h^2 / 4 r^2 of a ball.
        assert quick.reached_ml[name] == pytest.approx(ml, rel=0.04, abs=0.02)


@frames
def test_quick_zones_together_never_promise_more_margin(frame: Frame) -> None:
    both = [zone(frame, (-4, -3, 2), (17, 15, 15), "A"), zone(frame, (12, -3, 2), (17, 15, 15), "B")]
    quick, exact = preview_zones(liver(frame), both), evaluate_zones(liver(frame), both)
    assert quick.min_margin_mm <= exact.min_margin_mm + 1e-9
    assert quick.min_margin_mm == pytest.approx(exact.min_margin_mm, abs=2.0)
    assert quick.zone_ml == pytest.approx(exact.zone_ml, rel=0.01)
    assert quick.overlap_ml == pytest.approx(exact.overlap_ml, rel=0.05)
    assert quick.zones == ("A", "B")


def test_the_least_margin_is_found_among_all_places() -> None:
    """Leaving places out must never lose the least one."""
    rng = np.random.default_rng(3)
    for _ in range(40):
        zones = [zone_of(zone(OBLIQUE, tuple(rng.normal(0, 6, 3)), (float(rng.uniform(6, 25)), 10.0, 10.0)))
                 for _ in range(rng.integers(1, 4))]  # fmt: skip
        points = rng.normal(0, rng.uniform(4, 12), (300, 3)) + zones[0].centre_mm
        least, at, rim = least_margin(zones, points)
        each = np.max([z.signed(points) for z in zones], axis=0)
        assert least == pytest.approx(float(each.min()), abs=1e-9)
        assert np.allclose(at, points[each.argmin()])
        assert np.linalg.norm(rim - at) == pytest.approx(abs(least), abs=1e-6)


def test_a_zone_beside_the_scan_covers_nothing_and_says_so() -> None:
    far = preview_zones(liver(OBLIQUE), [zone(OBLIQUE, (900, 0, 0), (20, 20, 20))])
    assert far.coverage_percent == 0.0
    assert far.is_outside
    assert far.reason == "the zone misses the target"
    with pytest.raises(PlanError, match="there is no structure 'tumor'"):
        preview_zones(liver(OBLIQUE), [replace(zone(OBLIQUE, (0, 0, 0), (20, 20, 20)), target="tumor")])


@frames
def test_the_rim_of_zones_that_overlap_is_what_none_of_them_covers(frame: Frame) -> None:
    both = [zone(frame, (-5, -3, 2), (18, 18, 18), "A"), zone(frame, (13, -3, 2), (18, 18, 18), "B")]
    pictures = zone_pictures(PictureMaker(liver(frame)), both)
    alone = zone_pictures(PictureMaker(liver(frame)), both[:1])[0]
    for picture, other in zip(pictures, reversed(both), strict=True):
        assert zone_of(other).level(picture.rim.vertices_mm).min() > 0.99
        assert np.allclose(zone_of(picture.ablation).level(picture.rim.vertices_mm), 1.0, atol=0.03)
    # A cap of height 9 mm is cut off each ball: its share of the sphere is h / 2r.
    assert pictures[0].rim.area_mm2 / alone.rim.area_mm2 == pytest.approx(1.0 - 9.0 / 36.0, abs=0.02)


@frames
def test_a_rim_knows_how_far_it_is_from_the_target(frame: Frame) -> None:
    picture = zone_pictures(PictureMaker(liver(frame)), [zone(frame, (4, -3, 2), (20, 20, 20))])[0]
    assert picture.rim.data[:, 0] == pytest.approx(8.0, abs=1.2), "balls of 20 and 12 mm with one middle"


def test_a_zone_on_a_slice_is_where_the_plane_cuts_it() -> None:
    one, other = zone_of(zone(OBLIQUE, (0, 0, 0), (24, 12, 12))), zone_of(zone(OBLIQUE, (20, 0, 0), (15, 15, 15)))
    right, down = np.array([0.6, 0.8, 0.0]), np.array([0.0, 0.0, 1.0])
    normal = np.cross(right, down)
    point = one.centre_mm + 4.0 * normal + 31.0 * right
    outline = outline_on(one, [other], right, down, point)
    assert outline is not None
    assert np.allclose(one.level(outline.places_mm), 1.0, atol=1e-9)
    assert np.allclose((outline.places_mm - point) @ normal, 0.0, atol=1e-9)
    assert np.allclose(outline.places_mm[0], outline.places_mm[-1])
    assert np.allclose(outline.places_mm[:-1].mean(0), outline.middle_mm, atol=1e-9)
    assert np.array_equal(outline.is_bare, other.level(outline.places_mm) >= 1.0)
    assert outline_on(one, [], right, down, one.centre_mm + 30.0 * normal) is None


def test_a_size_to_begin_with_holds_the_target_and_its_margin() -> None:
    twin = liver(FRAMES[0]).twin
    assert fitting_size(twin, "tumour", 5.0).width_mm == 40.0, "24 mm across and 5 mm on each side"
    assert fitting_size(twin, "liver", 5.0) == SIZES[6], "the largest ball where none is large enough"


def test_needles_meant_for_a_target_lie_in_it_or_nearly_so() -> None:
    frame = FRAMES[0]
    twin, tool = liver(frame).twin, NeedleTool(0.75, 150.0)
    meant = Trajectory("in", frame.point(0, -40, 0), frame.point(4, -3, 2), tool)
    beside = Trajectory("beside", frame.point(0, -40, 0), frame.point(30, 20, 2), tool)
    plan = Plan(trajectories=(meant, beside))
    assert needles_to(plan, twin, "tumour") == (meant,)
    along = np.subtract(meant.entry_mm, meant.target_mm)
    assert np.allclose(axis_of(meant), along / np.linalg.norm(along))


def test_the_silhouette_lies_on_the_zone_where_it_turns_away_from_the_eye() -> None:
    one, sight = zone(OBLIQUE, (0, 0, 0), (24.0, 12.0, 12.0)), (0.3, -2.0, 0.7)
    ball, ring = zone_of(one), silhouette_of(one, sight)
    assert np.allclose(ball.level(ring), 1.0)
    normals = ((ring - ball.centre_mm) @ ball.axes.T / ball.radii_mm**2) @ ball.axes
    assert np.allclose(normals @ np.asarray(sight), 0.0, atol=1e-9)
    assert np.allclose(ring[0], ring[-1])
