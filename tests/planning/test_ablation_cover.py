"""Zones proposed for a target: one in the best place where one is enough, several that leave nothing bare where not."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.trajectory import Ablation
from surgtwin.errors import Cancelled, PlanError
from surgtwin.planning.ablation import evaluate_zones, rim_distance
from surgtwin.planning.ablation_cover import cover_target
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress
from surgtwin.simulation.ellipsoid import zone_of
from tests.planning import shapes
from tests.planning.shapes import Frame, ball, make_geometry, tube

STRAIGHT = replace(shapes.STRAIGHT, spacing_ijk=(1.5, 1.5, 1.5))
OBLIQUE = replace(shapes.OBLIQUE, spacing_ijk=(1.3, 1.3, 2.2))
FRAMES = (STRAIGHT, OBLIQUE)


@lru_cache(maxsize=2)
def liver(frame: Frame) -> TwinGeometry:
    inside = {
        "liver": ball((0, 0, 0), 45),
        "tumour": ball((4, -3, 2), 15),
        "tumour long": tube((-20, 30, 0), (20, 30, 0), 6),
    }
    return make_geometry(inside, frame, 48)


@lru_cache(maxsize=2)
def several(frame: Frame, radii: tuple[float, float, float]) -> tuple[Ablation, ...]:
    return cover_target(liver(frame), "tumour", radii, frame.direction(0, 1, 1), margin_mm=5.0)


@pytest.mark.parametrize("frame", FRAMES)
def test_one_zone_that_is_enough_lies_in_the_middle(frame):
    zones = cover_target(liver(frame), "tumour", (22, 22, 22), margin_mm=5.0)
    assert len(zones) == 1
    assert zones[0].centre_mm == pytest.approx(frame.point(4, -3, 2), abs=0.6)


@pytest.mark.parametrize(("frame", "radii", "most"), [(STRAIGHT, (18, 18, 18), 9), (OBLIQUE, (25, 16, 16), 9)])
def test_several_zones_leave_nothing_bare(frame, radii, most):
    zones = several(frame, radii)
    assert 1 < len(zones) <= most
    assert len({z.name for z in zones}) == len(zones)
    together = evaluate_zones(liver(frame), zones)
    assert together.coverage_percent == pytest.approx(100.0, abs=1e-6)
    assert together.min_margin_mm >= 5.0


def test_a_long_tumour_is_covered_by_a_row_of_zones():
    zones = cover_target(liver(STRAIGHT), "tumour long", (16, 16, 16), margin_mm=5.0)
    x = sorted(z.centre_mm[0] - STRAIGHT.shift_mm[0] for z in zones)
    assert 2 <= len(zones) <= 5 and x[0] < -8 and x[-1] > 8
    assert evaluate_zones(liver(STRAIGHT), zones).min_margin_mm >= 5.0


def test_none_of_the_zones_is_needless():
    zones = [zone_of(z) for z in several(STRAIGHT, (18, 18, 18))]
    vertices = liver(STRAIGHT).surface("tumour").mesh.vertices_mm
    assert len(zones) > 2
    for n in range(len(zones)):
        rest = [z for m, z in enumerate(zones) if m != n]
        assert rim_distance(rest, vertices)[0].min() < 5.0


def test_zones_far_too_small_and_unknown_targets_are_told():
    with pytest.raises(PlanError, match="radii_mm: more than 20 zones"):
        cover_target(liver(STRAIGHT), "tumour", (4, 4, 4))
    with pytest.raises(PlanError, match="target: there is no structure 'tumor'"):
        cover_target(liver(STRAIGHT), "tumor", (20, 20, 20))
    assert np.isfinite(cover_target(liver(STRAIGHT), "tumour", (25, 25, 25))[0].centre_mm).all()


def test_a_cover_is_given_up_when_a_person_says_so() -> None:
    asked = []

    def stops() -> bool:
        asked.append(True)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        cover_target(liver(STRAIGHT), "tumour long", (16, 16, 16), margin_mm=5.0, progress=Progress(None, stops))
