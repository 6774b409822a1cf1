"""Vessels beside a target: found by their surface's distance, told once each, and nothing else taken for one."""

from __future__ import annotations

from functools import lru_cache

import pytest

from surgtwin.domain.labels import Structure
from surgtwin.domain.plan import Plan
from surgtwin.domain.trajectory import Ablation
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.heat_sinks import heat_sinks, is_vessel
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import FRAMES, Frame, ball, make_geometry, tube

frames = pytest.mark.parametrize("frame", FRAMES, ids=["straight", "oblique"])


@lru_cache(maxsize=2)
def liver(frame: Frame) -> TwinGeometry:
    return make_geometry(
        {
            "liver": ball((0, 0, 0), 30),
            "tumour": ball((0, 0, 0), 8),
            "portal vein": tube((-14, 0, 14), (14, 0, 14), 3),
            "hepatic vein": tube((-14, 20, 0), (14, 20, 0), 3),
            "gallbladder": ball((0, -14, 0), 4),
        },
        frame,
        32,
    )


@frames
def test_the_vessel_within_reach_is_found_at_its_distance(frame: Frame) -> None:
    (sink,) = heat_sinks(liver(frame), "tumour", 5.0)
    assert sink.vessel == "portal vein"
    assert sink.away_mm == pytest.approx(14.0 - 3.0 - 8.0, abs=1.0)
    far = heat_sinks(liver(frame), "tumour", 20.0)
    assert [s.vessel for s in far] == ["portal vein", "hepatic vein"], "the nearest first, and no gallbladder"
    assert far[1].away_mm == pytest.approx(20.0 - 3.0 - 8.0, abs=1.0)


@frames
def test_it_is_a_finding_of_the_plan_at_its_place(frame: Frame) -> None:
    zone = Ablation("Z", "tumour", frame.point(0, 0, 0), frame.direction(0, 0, 1), (14.0, 14.0, 14.0))
    found = [f for f in evaluate_plan(liver(frame), Plan(ablations=(zone,))).findings if f.code == "heat-sink"]
    assert [f.structure for f in found] == ["portal vein"]
    assert found[0].numbers["away_mm"] == pytest.approx(3.0, abs=1.0)
    assert found[0].where_mm is not None
    assert found[0].where_mm == pytest.approx(frame.point(0, 0, 11), abs=4.0)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("aorta", True), ("portal vein branches", True), ("liver vessel (unassigned)", True), ("IVC", True),
     ("gallbladder", False), ("liver", False), ("tumour 1", False)],
)  # fmt: skip
def test_what_is_a_vessel(name: str, is_one: bool) -> None:
    assert is_vessel(Structure(1, name, (1, 2, 3))) is is_one
