"""Which plan a command means: one kept in the twin, or a plan file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from surgtwin.domain.plan import Plan
from surgtwin.domain.twin import Twin
from surgtwin.errors import PlanError
from surgtwin.planning.plan_file import read_plan_file
from surgtwin.planning.plan_versions import plan_of
from surgtwin.store.plans import KeptPlans


@dataclass(frozen=True)
class ChosenPlan:
    """A plan and where it comes from; `version` is None and `status` empty for a file."""

    plan: Plan
    name: str
    version: int | None = None
    status: str = ""

    @property
    def title(self) -> str:
        """For a person, e.g. "wedge, version 2, approved by Dr. B"."""
        return self.name if self.version is None else f"{self.name}, version {self.version}, {self.status}"


def choose_plan(twin: Twin, wanted: str, version: int | None = None) -> ChosenPlan:
    """The plan that `wanted` names: kept in the twin, or a file.

    Raises
    ------
    PlanError
        If there is neither, or both; the message lists the plans there are.
    PatientMismatchError
        If the file says that it was made on another twin.
    """
    path = Path(wanted)
    is_kept, is_file = twin.shelf.has(wanted), path.is_file()
    if is_kept and is_file:
        raise PlanError(
            f"'{wanted}' is both a plan in the twin and a file. Write ./{wanted} for the file, or rename it."
        )
    if not is_file and (is_kept or path.suffix.lower() != ".json"):
        return kept_plan(twin, wanted, version)
    if version is not None:
        raise PlanError(f"--version is of plans kept in the twin; '{wanted}' is a file.")
    file = read_plan_file(path)
    file.require_case(twin.case_id)
    return ChosenPlan(file.plan, file.name)


def kept_plan(twin: Twin | KeptPlans, name: str, version: int | None = None) -> ChosenPlan:
    """A plan kept in the twin. Raises PlanError naming the plans, or the versions, there are."""
    saved = twin.shelf.plan(name)
    chosen = saved.version(version)
    status = twin.plan_status(saved).text if chosen is saved.latest else f"latest is {saved.latest.number}"
    return ChosenPlan(plan_of(chosen), saved.name, chosen.number, status)
