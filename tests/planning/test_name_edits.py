"""Edits of a plan's branch names leave the old plan as it was."""

from __future__ import annotations

import pytest

from surgtwin.domain.plan import Plan
from surgtwin.domain.vessel_names import BranchName
from surgtwin.errors import PlanError
from surgtwin.planning.name_edits import with_branch_name, with_vessel_root, without_branch_name

RIGHT, LEFT = BranchName("right", (1.0, 2.0, 3.0)), BranchName("left", (4.0, 5.0, 6.0))


def test_names_are_added_in_order_and_taken_away_again():
    one = with_branch_name(Plan(), "portal vein", RIGHT)
    both = with_branch_name(one, "portal vein", LEFT)
    assert [b.name for b in both.vessels[0].branches] == ["right", "left"]
    assert without_branch_name(both, "portal vein", "left") == one
    assert without_branch_name(one, "portal vein", "right") == Plan()
    assert len(one.vessels[0].branches) == 1


def test_each_vessel_has_its_own_names():
    plan = with_branch_name(with_branch_name(Plan(), "portal vein", RIGHT), "hepatic vein", RIGHT)
    assert [v.vessel for v in plan.vessels] == ["portal vein", "hepatic vein"]


def test_a_root_is_set_and_made_automatic_again():
    plan = with_vessel_root(Plan(), "portal vein", (7.0, 8.0, 9.0))
    assert plan.vessels[0].root_mm == (7.0, 8.0, 9.0)
    assert with_vessel_root(plan, "portal vein", None) == Plan()


def test_a_name_that_is_not_there_is_not_taken_away():
    with pytest.raises(PlanError, match="the plan calls no branch of 'portal vein' 'left'"):
        without_branch_name(with_branch_name(Plan(), "portal vein", RIGHT), "portal vein", "left")
