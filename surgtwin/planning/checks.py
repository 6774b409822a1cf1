"""What is wrong with a plan, worst first. A check is one function and one row in `CHECKS`."""

from __future__ import annotations

from collections.abc import Callable

from ..domain.finding import Finding, Severity
from .ablation_checks import check_ablations
from .evaluation import PlanEvaluation
from .patient_checks import check_patient
from .resection_checks import check_margins, check_pieces, check_remnants, check_shapes
from .review_checks import check_reviews
from .settings import DEFAULT_PLANNING, PlanningSettings
from .surface_checks import check_surfaces
from .tool_path_checks import check_tool_paths
from .trajectory_checks import check_needles, check_trajectories
from .twin_checks import check_structures
from .twin_geometry import TwinGeometry
from .vessel_checks import check_flow

Check = Callable[[TwinGeometry, PlanEvaluation, PlanningSettings], list[Finding]]

CHECKS: tuple[Check, ...] = (
    check_margins,
    check_remnants,
    check_flow,
    check_pieces,
    check_shapes,
    check_ablations,
    check_trajectories,
    check_needles,
    check_tool_paths,
    check_structures,
    check_surfaces,
    check_reviews,
    check_patient,
)
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def check_plan(
    geometry: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings = DEFAULT_PLANNING
) -> tuple[Finding, ...]:
    """All findings on an evaluated plan, the worst first, otherwise in the order of the checks."""
    found = [finding for check in CHECKS for finding in check(geometry, evaluation, settings)]
    return tuple(sorted(found, key=lambda f: _ORDER.index(f.severity)))
