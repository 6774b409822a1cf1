"""A plan: what is to be cut, reached, destroyed, and along which way. Immutable; an edit makes another one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from ..errors import PlanError
from .cut import CutSurface
from .geometry import Point3
from .plan_values import checked_length, checked_name, checked_point, refuse_repeats
from .tool import Tool, ToolPose
from .trajectory import Ablation, Avoid, Trajectory
from .vessel_names import VesselNames

PLAN_SCHEMA = 1
HEIGHT_CM = (20.0, 260.0)
WEIGHT_KG = (0.5, 500.0)
"""Bodies outside these ranges are taken for a slip of the pen or of the unit."""


class Parenchyma(StrEnum):
    """The state of the liver's tissue, which decides how much of it must remain."""

    NORMAL = "normal"
    CHEMOTHERAPY = "chemotherapy"
    CIRRHOSIS = "cirrhosis"


@dataclass(frozen=True)
class PatientFigures:
    """What the remnant's figures need to know about the patient; None = not known."""

    height_cm: float | None = None
    weight_kg: float | None = None
    parenchyma: Parenchyma = Parenchyma.NORMAL

    def __post_init__(self) -> None:
        for field, (low, high) in (("height_cm", HEIGHT_CM), ("weight_kg", WEIGHT_KG)):
            value = getattr(self, field)
            if value is not None and not low <= value <= high:
                raise PlanError(f"{value:g} is not plausible; {low:g} to {high:g} was expected.", field)


@dataclass(frozen=True)
class Resection:
    """A cut through an organ, and the targets it is to take out with a margin.

    Parameters
    ----------
    includes
        Structures with labels of their own that count as the organ's tissue. The targets and what the structure
        table calls a part of the organ count without being named.
    margin_mm
        Tissue wanted between each target and the cut.
    """

    name: str
    organ: str
    surface: CutSurface
    includes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    margin_mm: float = 10.0

    def __post_init__(self) -> None:
        checked_name(self.name)
        checked_name(self.organ, "organ")
        for field in ("includes", "targets"):
            names = getattr(self, field)
            for n, name in enumerate(names):
                checked_name(name, f"{field}[{n}]")
            refuse_repeats(names, "structures", field)
        object.__setattr__(self, "margin_mm", checked_length(self.margin_mm, "margin_mm", is_open=False))


@dataclass(frozen=True)
class ToolPath:
    """An instrument's poses over time, free-hand or through a trocar.

    Parameters
    ----------
    trocar_mm
        The fixed point in the body wall, LPS mm; None when free-hand.
    cuts
        Whether the instrument takes away what it passes through (saw, burr, dissector).
    avoid
        As for a trajectory: structures to keep clear of.
    """

    name: str
    tool: Tool
    poses: tuple[ToolPose, ...]
    trocar_mm: Point3 | None = None
    avoid: tuple[Avoid, ...] = ()
    cuts: bool = True

    def __post_init__(self) -> None:
        checked_name(self.name)
        if not self.poses:
            raise PlanError("a path needs at least one pose.", "poses")
        for n, (before, after) in enumerate(pairwise(self.poses)):
            if not after.time_s > before.time_s:
                raise PlanError("times must grow from pose to pose.", f"poses[{n + 1}].time_s")
        if self.trocar_mm is not None:
            object.__setattr__(self, "trocar_mm", checked_point(self.trocar_mm, "trocar_mm"))


@dataclass(frozen=True)
class Plan:
    """Everything that is planned on one twin."""

    patient: PatientFigures = PatientFigures()
    resections: tuple[Resection, ...] = ()
    trajectories: tuple[Trajectory, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    tool_paths: tuple[ToolPath, ...] = ()
    vessels: tuple[VesselNames, ...] = ()
    """What the branches of vessels are called, for cuts along their territories."""

    def __post_init__(self) -> None:
        for field in ("resections", "trajectories", "ablations", "tool_paths"):
            refuse_repeats((item.name for item in getattr(self, field)), field.replace("_", " "), field)
        refuse_repeats((names.vessel for names in self.vessels), "lists of branch names", "vessels")

    @property
    def is_empty(self) -> bool:
        return not (self.resections or self.trajectories or self.ablations or self.tool_paths)
