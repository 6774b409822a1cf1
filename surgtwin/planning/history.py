"""Undo and redo: states of a plan in order, each with what made it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..domain.plan import Plan
from .plan_changes import edit_name
from .same_plan import is_same

DEEPEST = 500
"""States kept; plans are small, and a long afternoon's drags are merged into one state each."""


@dataclass(frozen=True)
class Step:
    """A state of a plan and the edit that led to it, in a person's words ("Move cut A")."""

    plan: Plan
    edit: str


@dataclass(frozen=True)
class History:
    """What was done and undone. Immutable; every method gives another one.

    Parameters
    ----------
    done
        States so far, the present one last.
    undone
        States taken back, the next one to redo last.
    """

    done: tuple[Step, ...]
    undone: tuple[Step, ...] = ()

    @classmethod
    def of(cls, plan: Plan) -> History:
        """A history that begins with a plan."""
        return cls((Step(plan, ""),))

    @property
    def plan(self) -> Plan:
        """The present state."""
        return self.done[-1].plan

    @property
    def undo_text(self) -> str:
        """What undo would take back; empty if there is nothing."""
        return self.done[-1].edit if len(self.done) > 1 else ""

    @property
    def redo_text(self) -> str:
        """What redo would bring back; empty if there is nothing."""
        return self.undone[-1].edit if self.undone else ""

    def push(self, plan: Plan, edit: str = "", merge: bool = False) -> History:
        """The history after an edit; itself if the plan is the same as the present one, arrays included.

        Parameters
        ----------
        edit
            What undo shall call it; if empty, it is named after what changed.
        merge
            Puts it in the place of the last one of the same name (one drag).
        """
        if is_same(plan, self.plan):
            return self
        edit = edit or edit_name(self.plan, plan)
        before = self.done
        if merge and len(before) > 1 and before[-1].edit == edit and not self.undone:
            before = before[:-1]
        # The first state always stays: it is what all undo leads back to.
        kept = before if len(before) < DEEPEST else (before[0], *before[-DEEPEST + 2 :])
        return History((*kept, Step(plan, edit)))

    def undo(self) -> History:
        """The history one edit earlier; itself if there is none."""
        if len(self.done) < 2:
            return self
        return replace(self, done=self.done[:-1], undone=(*self.undone, self.done[-1]))

    def redo(self) -> History:
        """The history with the last undone edit again; itself if there is none."""
        if not self.undone:
            return self
        return replace(self, done=(*self.done, self.undone[-1]), undone=self.undone[:-1])
