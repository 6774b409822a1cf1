"""Contacts of a clearance curve, and the moment a hand scrubs to."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.simulation.clearance import Clearance
from surgtwin.simulation.motion import Motion
from surgtwin.simulation.timeline import contacts_of, make_timeline


def clearance(mm, name: str = "vein") -> Clearance:
    places = np.arange(len(mm))[:, None] * np.array([1.0, 0.0, 0.0])
    return Clearance(name, np.array(mm, dtype=float), places, places + np.array([0, 5, 0]))


def motion(count: int) -> Motion:
    matrices = np.tile(np.eye(4), (count, 1, 1))
    matrices[:, 0, 3] = np.arange(count)
    return Motion(np.arange(count) * 2.0, matrices, 1.0)


def test_a_contact_lasts_from_zero_to_zero_and_knows_its_deepest_place():
    found = contacts_of(clearance([4, 2, -2, -6, -2, 1, 3]), np.arange(7) * 2.0)
    assert len(found) == 1
    contact = found[0]
    assert contact.start_s == pytest.approx(3.0)
    assert contact.end_s == pytest.approx(8 + 2 * 2 / 3)
    assert (contact.deepest_mm, contact.at_s, contact.at_mm) == (6.0, 6.0, (3.0, 0.0, 0.0))


def test_contacts_at_the_ends_and_touches_of_one_pose_count():
    found = contacts_of(clearance([-1, 2, 0, 2, -3]), np.arange(5.0))
    assert [(c.start_s, c.end_s) for c in found] == [
        pytest.approx((0.0, 1 / 3)),
        pytest.approx((2.0, 2.0)),
        pytest.approx((3.4, 4.0)),
    ]
    assert [c.deepest_mm for c in found] == [1.0, 0.0, 3.0]
    assert contacts_of(clearance([1, 2, 3]), np.arange(3.0)) == []


def test_a_timeline_can_be_scrubbed():
    line = make_timeline(motion(5), (clearance([4, 2, 0, -2, 4]), clearance([9, 9, 9, -1, -9], "bone")))
    assert [c.structure for c in line.contacts] == ["vein", "bone"]
    moment = line.at(3.0)
    assert moment.clearance_mm == pytest.approx({"vein": 1.0, "bone": 9.0}) and moment.contacts == ()
    assert moment.lps_from_tool[0, 3] == pytest.approx(1.5)
    assert line.at(6.0).contacts == ("vein", "bone")
    assert line.at(6.0).near_mm["vein"] == (3.0, 5.0, 0.0)
    assert line.at(-5.0).time_s == 0.0 and line.at(99.0).time_s == 8.0
    assert line.at(99.0).contacts == ("bone",)
