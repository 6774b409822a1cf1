"""A plan with everything that was computed about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..domain.finding import Finding
from ..domain.plan import Plan
from .ablation import AblationResult
from .needle_conflicts import NeedlePair
from .patient_context import PatientContext
from .remnant import BodySize
from .resection import CutOrgan, ResectionResult
from .tool_path import ToolPathResult
from .trajectory import TrajectoryResult


@dataclass(frozen=True, eq=False)
class PlanEvaluation:
    """A plan's figures, each list in the plan's own order.

    Parameters
    ----------
    resections, combined
        Each cut judged alone, and the cuts of each organ together.
    cuts
        The organs as they were split, for pictures and meshes.
    ablations, ablations_combined
        Each zone, and the zones of each target together; where several share a target only those have a verdict.
    trajectories, needle_pairs
        Each straight way, and how near any two needles come.
    tool_paths
        Each instrument's path, with its timeline.
    patient
        The patient's figures that were used, and what is known of the patient beside images.
    """

    plan: Plan
    body: BodySize
    resections: tuple[ResectionResult, ...] = ()
    combined: tuple[ResectionResult, ...] = ()
    cuts: tuple[CutOrgan, ...] = ()
    ablations: tuple[AblationResult, ...] = ()
    ablations_combined: tuple[AblationResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    trajectories: tuple[TrajectoryResult, ...] = ()
    needle_pairs: tuple[NeedlePair, ...] = ()
    tool_paths: tuple[ToolPathResult, ...] = ()
    patient: PatientContext = field(default_factory=PatientContext)
