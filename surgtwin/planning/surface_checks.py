"""What distances could not be measured to, because no surface could be made of it."""

from __future__ import annotations

from ..domain.finding import Finding, Severity
from .evaluation import PlanEvaluation
from .settings import PlanningSettings
from .twin_geometry import TwinGeometry


def check_surfaces(geometry: TwinGeometry, evaluation: PlanEvaluation, _: PlanningSettings) -> list[Finding]:
    """Structures that no needle or instrument of the plan was held against."""
    return no_surface_findings(geometry) if evaluation.trajectories or evaluation.tool_paths else []


def no_surface_findings(geometry: TwinGeometry) -> list[Finding]:
    """A warning for each structure that has voxels, but no surface."""
    return [
        Finding(
            "no-surface",
            Severity.WARNING,
            f"Nothing was kept clear of '{name}': {_sentence(reason)} Look along each way in the slices, or mend its "
            "contour.",
            structure=name,
        )
        for name, reason in geometry.without_surface().items()
    ]


def _sentence(reason: str) -> str:
    return reason if reason.endswith(".") else f"{reason}."
