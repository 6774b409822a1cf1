"""Lesions are found again in another scan and compared with error bars; the remnant's growth has a rate."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.plan import PatientFigures, Plan, Resection
from surgtwin.errors import LabelError, PlanError, TwinError
from surgtwin.live.lesion_growth import Course, LesionGrowth, compare_lesions
from surgtwin.live.lesions import lesions_of
from surgtwin.live.remnant_growth import MEASURED, remnant_of_plan, remnant_of_structures
from surgtwin.live.scan_pair import ScanPair, scan_pair
from tests.live.two_scans import LIVER_MM, MIDDLE, labels_on, scan_from_rest, twin_of, with_scan

NOW = [((-36, 2, 0), 8.0), ((-12, 0, 0), 10.0), ((10, -2, 2), 7.3), ((30, 4, -4), 6.0)]
PRIOR = [((-36, 2, 0), 13.0), ((-12, 0, 0), 6.0), ((10, -2, 2), 7.0), ((12, 22, 0), 6.5)]


@pytest.fixture(scope="module")
def pair() -> ScanPair:
    twin, on = with_scan(twin_of(NOW), "prior", "2026-01-01T10:00:00")
    primary = twin.images[0]
    dated = replace(primary.volume, source=replace(primary.volume.source, acquired_utc="2026-03-02T10:00:00"))
    twin = replace(twin, images=(replace(primary, volume=dated), *twin.images[1:]))
    return scan_pair(twin, "image-2", labels_on(on, PRIOR, scan_from_rest()))


@pytest.fixture(scope="module")
def growth(pair: ScanPair) -> LesionGrowth:
    return compare_lesions(pair, lesions_of(pair.earlier.geometry), lesions_of(pair.later.geometry))


def near(growth: LesionGrowth, place: tuple[float, float, float]):
    """The course of the lesion whose middle in the twin lies there."""
    for c in growth.courses:
        if c.after is not None and np.linalg.norm(c.after.centre_mm - MIDDLE - place) < 2.0:
            return c
    raise AssertionError(f"no lesion of the later scan lies at {place}")


def test_the_scans_stand_in_the_order_of_time(pair: ScanPair) -> None:
    assert (pair.earlier.role, pair.later.role) == ("prior", "primary")
    assert pair.own is pair.later and pair.other is pair.earlier
    assert pair.days == pytest.approx(60.0)


def test_every_lesion_is_found_again_where_the_patient_lies_now(growth: LesionGrowth) -> None:
    found = {c.course for c in growth.courses}
    assert found == {Course.SHRUNK, Course.GROWN, Course.STABLE, Course.NEW, Course.GONE}
    assert near(growth, (-36, 2, 0)).course is Course.SHRUNK
    assert near(growth, (-12, 0, 0)).course is Course.GROWN
    assert near(growth, (10, -2, 2)).course is Course.STABLE
    assert near(growth, (30, 4, -4)).course is Course.NEW
    assert len(growth.courses) == 5
    matched = [c for c in growth.courses if c.apart_mm is not None]
    assert all(c.apart_mm < 3.0 for c in matched)
    assert {f.code for f in growth.findings} == {"lesion-shrunk", "lesion-grown", "lesion-new", "lesion-gone"}


def test_volumes_and_diameters_are_the_balls_own_within_their_error_bars(growth: LesionGrowth) -> None:
    for c in growth.courses:
        for lesion, balls in ((c.before, PRIOR), (c.after, NOW)):
            if lesion is None:
                continue
            radii = [r for _, r in balls]
            radius = min(radii, key=lambda r: abs(4.18879e-3 * r**3 - lesion.volume.ml))
            assert lesion.volume.ml == pytest.approx(4.18879e-3 * radius**3, rel=0.08)
            assert abs(lesion.diameter_mm - 2 * radius) < 2.2, "a voxel"
            area = 4 * math.pi * radius**2
            assert lesion.volume.error_ml == pytest.approx(area * 1.0 / 1000, rel=0.15), "a border off by 1 mm"
    both = [c for c in growth.courses if c.before and c.after]
    assert growth.sum_mm[0] == pytest.approx(sum(c.before.diameter_mm for c in both))


def test_the_doubling_time_is_that_of_exponential_growth(growth: LesionGrowth) -> None:
    grown = near(growth, (-12, 0, 0))
    truth = 60.0 * math.log(2) / math.log((10.0 / 6.0) ** 3)
    assert grown.doubling_days is not None
    estimate, soonest, latest = grown.doubling_days
    assert estimate == pytest.approx(truth, rel=0.1)
    assert soonest < estimate < latest
    change, low, high = grown.volume_percent
    assert low < 100 * ((10.0 / 6.0) ** 3 - 1) < high and low < change < high
    for c in growth.courses:
        assert (c.doubling_days is not None) == (c.course is Course.GROWN), "none is told within the error"


def test_without_dates_no_doubling_time_is_told(pair: ScanPair) -> None:
    undated = replace(pair, days=None)
    found = compare_lesions(undated, lesions_of(pair.earlier.geometry), lesions_of(pair.later.geometry))
    assert any(c.course is Course.GROWN for c in found.courses)
    assert all(c.doubling_days is None for c in found.courses)


@pytest.mark.parametrize(("radius", "course"), [(10.6, Course.STABLE), (13.0, Course.GROWN), (7.4, Course.SHRUNK)])
def test_a_change_counts_from_about_five_millimetres_on_as_in_recist(radius: float, course: Course) -> None:
    twin, on = with_scan(twin_of([((0, 0, 0), radius)]), "prior")
    pair = scan_pair(twin, "image-2", labels_on(on, [((0, 0, 0), 10.0)], scan_from_rest()), days=30)
    found = compare_lesions(pair, lesions_of(pair.earlier.geometry), lesions_of(pair.later.geometry))
    assert [c.course for c in found.courses] == [course]


def test_lesions_that_merged_are_told() -> None:
    twin, on = with_scan(twin_of([((0, 0, 0), 13.0)]), "prior")
    labels = labels_on(on, [((-8, 0, 0), 6.0), ((8, 0, 0), 6.0)], scan_from_rest())
    pair = scan_pair(twin, "image-2", labels, days=30)
    found = compare_lesions(pair, lesions_of(pair.earlier.geometry), lesions_of(pair.later.geometry))
    assert "lesions-merged" in [f.code for f in found.findings]
    turned = replace(pair, earlier=pair.later, later=pair.earlier, later_from_earlier=None)
    back = compare_lesions(turned, lesions_of(turned.earlier.geometry), lesions_of(turned.later.geometry))
    assert "lesion-split" in [f.code for f in back.findings]


def test_a_scan_without_lesions_makes_all_of_them_new_or_gone() -> None:
    twin, on = with_scan(twin_of([((0, 0, 0), 8.0)]), "prior")
    pair = scan_pair(twin, "image-2", labels_on(on, [], scan_from_rest()), days=30)
    found = compare_lesions(pair, lesions_of(pair.earlier.geometry), lesions_of(pair.later.geometry))
    assert [c.course for c in found.courses] == [Course.NEW]
    assert lesions_of(pair.earlier.geometry) == ()


def left_of(x_mm: float):
    return lambda rest: rest[..., 0] > x_mm


def cap_ml(from_x_mm: float) -> float:
    """Volume of the ellipsoid beyond a plane across its long axis."""
    h = from_x_mm / LIVER_MM[0]
    return float(math.pi * np.prod(LIVER_MM) * (2 / 3 - h + h**3 / 3) / 1000)


def test_the_remnants_rate_of_growth_is_that_of_its_volumes() -> None:
    twin, on = with_scan(twin_of([], remnant=left_of(6.0)), "post-op")
    labels = labels_on(on, [], scan_from_rest(), remnant=left_of(-4.0))
    pair = scan_pair(twin, "image-2", labels, days=21)
    patient = PatientFigures(height_cm=170, weight_kg=70)
    found = remnant_of_structures(pair, ("left liver lobe",), "liver", patient)
    assert found.before.ml == pytest.approx(cap_ml(6.0), rel=0.02)
    assert found.after.ml == pytest.approx(cap_ml(-4.0), rel=0.02)
    assert found.weeks == pytest.approx(3.0)
    bsa = math.sqrt(170 * 70 / 3600)
    vauthey = -794.41 + 1267.28 * bsa
    rate, low, high = found.kinetic["Vauthey"]
    assert rate == pytest.approx(100 * (found.after.ml - found.before.ml) / vauthey / 3, rel=1e-6)
    assert low < rate < high
    whole = math.pi * 4 / 3 * np.prod(LIVER_MM) / 1000
    assert found.percent[MEASURED][0] == pytest.approx(100 * cap_ml(6.0) / whole, rel=0.02)
    assert [f.code for f in found.findings] == ["remnant-grows-slowly"]


def test_what_a_plan_leaves_is_found_again_in_the_other_scan() -> None:
    twin, on = with_scan(twin_of([]), "prior")
    pair = scan_pair(twin, "image-2", labels_on(on, [], scan_from_rest()), days=14)
    cut = PlaneCut(tuple(MIDDLE + np.array([6.0, 0, 0])), (-1.0, 0.0, 0.0))
    plan = Plan(resections=(Resection("right side", "liver", cut),))
    found = remnant_of_plan(pair, plan, "liver", PatientFigures())
    assert found.after.ml == pytest.approx(cap_ml(6.0), rel=0.03)
    assert found.before.ml == pytest.approx(cap_ml(6.0), rel=0.06), "the same liver, seen where it lay then"
    rate, low, high = found.kinetic[MEASURED]
    assert low < 0 < high and abs(rate) < 2
    with pytest.raises(PlanError, match="no resection"):
        remnant_of_plan(pair, Plan(), "liver", PatientFigures())


def test_what_can_not_be_compared_is_refused() -> None:
    twin, on = with_scan(twin_of([]), "prior")
    labels = labels_on(on, [], scan_from_rest())
    with pytest.raises(TwinError, match="own structures"):
        scan_pair(twin, "image-1", labels)
    with pytest.raises(TwinError, match="no image"):
        scan_pair(twin, "image-9", labels)
    for days in (0.0, -3.0, float("nan")):
        with pytest.raises(TwinError, match="days"):
            scan_pair(twin, "image-2", labels, days=days)
    pair = scan_pair(twin, "image-2", labels)
    with pytest.raises(LabelError):
        lesions_of(pair.earlier.geometry, ("tumor of the moon",))
    no_dates = remnant_of_structures(pair, ("liver",), "liver", PatientFigures())
    assert no_dates.weeks is None and not no_dates.kinetic
    assert [f.code for f in no_dates.findings] == ["remnant-no-dates"]
