"""A plan as it is kept with a twin: its versions, who made them on what, and who approved which."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from ..errors import PlanError
from .verdict import Verdict

LONGEST_NAME = 120


class PlanState(StrEnum):
    """Where a kept plan stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    BROKEN = "approval broken"


@dataclass(frozen=True)
class PlanVersion:
    """One state of a plan; never changed once it is there.

    Parameters
    ----------
    number
        From 1, in the order they were saved.
    text
        The plan as canonical JSON of the published schema, without a name: equal plans have equal texts.
    by, utc
        Who saved it and when (ISO 8601, ends in "Z").
    parent
        Number of the version it was made from; None for the first.
    twin_revision
        Number of the twin's revision it was made on.
    sha256
        The content hash, of the text in UTF-8; computed if not given.
    damage
        What happened to the text on disk, and the text is empty; empty if it is whole. One damaged version keeps
        neither the twin nor the other plans from being opened.
    """

    number: int
    text: str
    by: str
    utc: str
    parent: int | None
    twin_revision: int
    sha256: str = ""
    damage: str = ""

    def __post_init__(self) -> None:
        if not self.damage:
            object.__setattr__(self, "sha256", text_sha256(self.text))

    def require_whole(self) -> None:
        """Raise PlanError if the text is damaged."""
        if self.damage:
            raise PlanError(f"version {self.number} of the plan can't be read: {self.damage}")


@dataclass(frozen=True)
class PlanApproval:
    """A person's approval of one version on one revision of the twin.

    Parameters
    ----------
    plan_sha256
        Content hash of the version.
    verdicts
        What was judged -> the verdict at that time, e.g. ("resection A, margins tumour", unproven).
    errors
        Findings of severity error at that time.
    despite
        Why it was approved although something was violated or an error; empty where nothing was.
    withdrawn_by
        Who took it back; empty while it stands.
    """

    version: int
    plan_sha256: str
    twin_revision: int
    by: str
    utc: str
    note: str = ""
    verdicts: tuple[tuple[str, Verdict], ...] = ()
    errors: tuple[str, ...] = ()
    despite: str = ""
    withdrawn_by: str = ""

    def __post_init__(self) -> None:
        if not self.by.strip():
            raise PlanError("an approval needs the name of the person who gives it.", "by")
        if self.obstacles and not self.despite.strip():
            listed = "; ".join(o.rstrip(".") for o in self.obstacles)
            raise PlanError(
                f"the plan can't be approved without a reason: {listed}. "
                "Change the plan, or say why it is approved all the same.",
                "despite",
            )

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What stood against it, for a person."""
        return (*(f"{about} is violated" for about, v in self.verdicts if v is Verdict.VIOLATED), *self.errors)


@dataclass(frozen=True)
class PlanStatus:
    """Where a plan stands, and what broke its approval, for a person ("revision 3"); `approval` is the last given."""

    state: PlanState
    reason: str = ""
    approval: PlanApproval | None = None

    @property
    def text(self) -> str:
        """In one line, e.g. "approval broken by revision 3", "approved by Dr. B despite: no other way"."""
        if self.state is PlanState.APPROVED and self.approval is not None:
            despite = f" despite: {self.approval.despite}" if self.approval.obstacles else ""
            return f"approved by {self.approval.by}{despite}"
        return f"{self.state.value} by {self.reason}" if self.reason else self.state.value


@dataclass(frozen=True)
class SavedPlan:
    """A plan with all its versions.

    Parameters
    ----------
    plan_id
        Unique in the twin for ever, e.g. "plan-2"; the name may change.
    copied_from
        "plan-1 version 3" for a copy, else empty.
    versions
        At least one, the latest last.
    """

    plan_id: str
    name: str
    versions: tuple[PlanVersion, ...]
    approvals: tuple[PlanApproval, ...] = ()
    is_removed: bool = False
    copied_from: str = ""

    def __post_init__(self) -> None:
        checked_plan_name(self.name)
        if not self.versions:
            raise PlanError(f"the plan '{self.name}' has no version.")
        numbers = [v.number for v in self.versions]
        if numbers != sorted(set(numbers)) or numbers[0] < 1:
            raise PlanError(f"the versions of the plan '{self.name}' are not numbered in order.")

    @property
    def latest(self) -> PlanVersion:
        return self.versions[-1]

    def version(self, number: int | None = None) -> PlanVersion:
        """The version of that number, or the latest. Raises PlanError naming those there are."""
        if number is None:
            return self.latest
        for version in self.versions:
            if version.number == number:
                return version
        there_are = ", ".join(str(v.number) for v in self.versions)
        raise PlanError(f"the plan '{self.name}' has no version {number}; there are: {there_are}.")

    def status(self, twin_revision: int, is_current: bool = True) -> PlanStatus:
        """Where the plan stands on a revision of its twin; an edit or another revision breaks its approval.

        Parameters
        ----------
        is_current
            Whether that revision is the one that counts, not a superseded or rejected one.
        """
        standing = [a for a in self.approvals if not a.withdrawn_by]
        if not standing:
            return PlanStatus(PlanState.DRAFT)
        last = standing[-1]
        reasons = []
        later = next((v for v in self.versions if v.number > last.version), None)
        if later is not None:
            reasons.append(f"edit of {_minute(later.utc)} by {later.by} (version {later.number})")
        elif self.latest.sha256 != last.plan_sha256:
            reasons.append("contents other than those that were approved")
        if self.latest.damage:
            reasons.append("damage to its contents")
        if twin_revision != last.twin_revision:
            reasons.append(f"revision {twin_revision}")
        elif not is_current:
            reasons.append(f"a revision after revision {twin_revision}")
        if reasons:
            return PlanStatus(PlanState.BROKEN, " and ".join(reasons), last)
        return PlanStatus(PlanState.APPROVED, "", last)


def checked_plan_name(name: str) -> str:
    """The name. Raises PlanError if it is empty, too long, or would break a line or a table."""
    if not name.strip() or name != name.strip():
        raise PlanError(f"a plan needs a name without blanks around it; found {name!r}.", "name")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise PlanError(f"a plan's name is one line of at most {LONGEST_NAME} printable characters.", "name")
    return name


def text_sha256(text: str) -> str:
    """sha256 (hex) of a plan's text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _minute(utc: str) -> str:
    """ "2026-01-02 03:04 UTC" of an ISO time."""
    return f"{utc[:16].replace('T', ' ')} UTC"
