"""A resection against its plan: volumes, the cut beside the planned one, what of the tumour is left, its margin."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.plan import Plan, Resection
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import LabelError, PlanError, TwinError
from surgtwin.live.outcome import Outcome, judge_outcome
from surgtwin.live.scan_pair import scan_pair
from tests.live.two_scans import LIVER_MM, MIDDLE, labels_on, scan_from_rest, twin_of, with_scan

TUMOUR = ((-28.0, 0.0, 0.0), 8.0)
PLANNED_X = -5.0
"""What lies to the patient's right of it is to be taken: 15 mm from the tumour."""


def the_plan(margin_mm: float = 10.0) -> Plan:
    cut = PlaneCut(tuple(MIDDLE + np.array([PLANNED_X, 0, 0])), (-1.0, 0.0, 0.0))
    return Plan(resections=(Resection("right side", "liver", cut, targets=("liver tumour",), margin_mm=margin_mm),))


def operated(achieved_x: float, margin_mm: float = 10.0) -> Outcome:
    """The outcome of an operation that cut at another place than planned."""
    twin, on = with_scan(twin_of([TUMOUR]), "post-op")
    labels = labels_on(on, [], scan_from_rest(), keep=lambda rest: rest[..., 0] > achieved_x)
    return judge_outcome(scan_pair(twin, "image-2", labels, days=5), the_plan(margin_mm), "liver")


def taken_ml(up_to_x: float) -> float:
    h = up_to_x / LIVER_MM[0]
    return float(np.pi * np.prod(LIVER_MM) * (2 / 3 + h - h**3 / 3) / 1000)


@pytest.mark.parametrize("achieved_x", [PLANNED_X, -9.0, 1.0])
def test_volumes_and_the_cuts_place_are_those_of_the_operation(achieved_x: float) -> None:
    found = operated(achieved_x)
    assert found.planned.ml == pytest.approx(taken_ml(PLANNED_X), rel=0.02)
    assert found.achieved.ml == pytest.approx(taken_ml(achieved_x), rel=0.03)
    assert found.alignment_mm < 1.0
    assert found.cut is not None
    off = PLANNED_X - achieved_x
    assert found.cut.signed_mm == pytest.approx(off, abs=0.8)
    assert found.cut.mean_mm == pytest.approx(abs(off), abs=0.8)
    assert found.cut.mean_mm <= found.cut.p95_mm <= found.cut.max_mm
    h = achieved_x / LIVER_MM[0]
    whole_mm2 = np.pi * LIVER_MM[1] * LIVER_MM[2] * (1 - h * h)
    assert 0.5 * whole_mm2 < found.cut.area_mm2 < 1.05 * whole_mm2, "without the rim, which is near the old surface"


def test_a_margin_that_was_kept_is_safe_and_one_that_was_missed_is_told() -> None:
    kept = operated(PLANNED_X).tumours[0]
    assert kept.left_ml == 0.0
    assert kept.margin_mm == pytest.approx(15.0, abs=1.5)
    assert kept.verdict is Verdict.SAFE
    short = operated(-17.0)
    assert short.tumours[0].margin_mm == pytest.approx(3.0, abs=1.5)
    assert short.tumours[0].verdict is Verdict.VIOLATED
    assert "outcome-margin" in [f.code for f in short.findings]


def test_tumour_that_stayed_is_an_error() -> None:
    found = operated(-28.0)
    tumour = found.tumours[0]
    assert tumour.left_ml == pytest.approx(tumour.volume_ml / 2, rel=0.2)
    assert tumour.verdict is Verdict.VIOLATED
    told = {f.code: f for f in found.findings}
    assert told["outcome-tumour-left"].severity == "error"


def test_an_organ_that_was_not_cut_shows_no_cut() -> None:
    found = operated(-100.0)
    assert found.cut is None
    assert found.achieved.ml == pytest.approx(0.0, abs=2 * found.achieved.error_ml)
    assert {"outcome-no-cut", "outcome-volume"} <= {f.code for f in found.findings}
    assert found.tumours[0].margin_mm is None


def test_what_can_not_be_judged_is_refused() -> None:
    twin, on = with_scan(twin_of([TUMOUR]), "prior")
    labels = labels_on(on, [], scan_from_rest())
    with pytest.raises(TwinError, match="prior"):
        judge_outcome(scan_pair(twin, "image-2", labels), the_plan(), "liver")
    twin, on = with_scan(twin_of([TUMOUR]), "post-op")
    pair = scan_pair(twin, "image-2", labels_on(on, [], scan_from_rest()))
    with pytest.raises(PlanError, match="no resection"):
        judge_outcome(pair, Plan(), "liver")
    with pytest.raises((PlanError, LabelError)):
        judge_outcome(pair, the_plan(), "spleen")
