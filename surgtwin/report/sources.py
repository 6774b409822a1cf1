"""What the figures rest on: model, versions, hashes, settings, and what is not modelled."""

from __future__ import annotations

from typing import Any

from ..domain.plan import Parenchyma
from ..domain.verdict import COVERAGE_FACTOR, ErrorTerms
from ..planning.checks import CHECKS
from ..version import VERSION
from .document import Block, Facts, Paragraph, Section, Tone
from .subject import ReportedPlan, ReportedTwin

_SOFTWARE = ("surgtwin", "torch", "openvino", "vtk", "numpy", "pydicom", "SimpleITK", "python")
LIMITS = (
    "Figures describe the anatomy at the time of the scan and in its posture: they say nothing of breathing, of what "
    "the operation moves, or of what the scan does not show. The errors stated are those of voxels, contours and "
    "registration; a contour that is wrong as such is not covered by them. This program is for research use only. "
    "It is not a medical device and has not been cleared for clinical decisions."
)


def sources_section(subject: ReportedTwin, plans: tuple[ReportedPlan, ...] = ()) -> Section:
    """Everything that is needed to repeat the figures and to prove what they were made from."""
    blocks: list[Block] = [Facts(tuple(_twin_pairs(subject)))]
    if plans:
        blocks.append(Facts(tuple(_plan_pairs(plans))))
    blocks.append(Paragraph(LIMITS, Tone.QUIET))
    return Section("What this report rests on", tuple(blocks))


def _twin_pairs(subject: ReportedTwin) -> list[tuple[str, str]]:
    twin = subject.twin
    software = twin.provenance.software
    known = [f"{name} {software[name]}" for name in _SOFTWARE if name in software]
    pairs = [
        ("Report made by", f"surgtwin {VERSION}"),
        ("Twin made by", ", ".join(known) or twin.provenance.program),
        ("Model", model_text(twin.provenance.model)),
    ]
    pairs += [(f"SHA-256 of {i.image_id}", i.volume.source.content_sha256) for i in twin.images]
    pairs.append(("SHA-256 of the contours", subject.contours_sha256))
    if subject.log_sha256:
        pairs.append(("SHA-256 of the twin's log", subject.log_sha256))
    return pairs


def model_text(model: dict[str, Any]) -> str:
    """Name, version, weights and how they ran; several parts one after another."""
    if not model:
        return "none: the contours were given"
    named = " ".join(str(model[k]) for k in ("name", "version") if model.get(k))
    ran = ", ".join(str(model[k]) for k in ("device", "precision", "backend") if model.get(k))
    weights = f"; weights SHA-256 {model['sha256']}" if model.get("sha256") else ""
    return f"{named or 'unnamed'}" + (f" ({ran})" if ran else "") + weights


def _plan_pairs(plans: tuple[ReportedPlan, ...]) -> list[tuple[str, str]]:
    first = plans[0]
    thresholds = first.settings.thresholds
    least = ", ".join(f"{state.value} {thresholds.percent[state]:g} %" for state in Parenchyma)
    pairs = [(f"SHA-256 of plan {p.name}", p.sha256) for p in plans]
    pairs += [
        ("Errors of a distance", f"{error_text(first.geometry.error_terms())}, unless the model states an interval"),
        ("Least remnant in use", f"{least} ({thresholds.source})"),
        ("Body surface by", first.settings.bsa_formula),
        ("Smallest piece counted", f"{first.settings.smallest_piece_ml:g} mL"),
        *_limits(plans),
        ("Checks carried out", ", ".join(c.__name__.removeprefix("check_").replace("_", " ") for c in CHECKS)),
    ]
    return pairs


def _limits(plans: tuple[ReportedPlan, ...]) -> list[tuple[str, str]]:
    """The settings of those kinds of entries that the plans have."""
    settings, every = plans[0].settings, [p.evaluation.plan for p in plans]
    pairs = []
    if any(p.resections for p in every):
        flow = (
            f"a branch is resolved from {settings.resolved_voxels:g} voxels on; tissue within "
            f"{settings.ambiguity_mm:g} mm of a border may belong to either branch, and none is known to feed what is "
            f"more than {settings.vessel_reach_mm:g} mm from every branch"
        )
        pairs.append(("Branches and territories", flow))
    if any(p.ablations for p in every):
        pairs.append(("Ablation margin", f"{settings.ablation_margin_mm:g} mm ({settings.ablation_margin_source})"))
    if any(p.trajectories for p in every):
        noise = settings.needles.noise
        pairs.append(("Placement of needles", f"tip off by {noise.tip_mm:g} mm in the mean ({noise.source})"))
    if any(p.tool_paths for p in every):
        pairs.append(("Ports", f"a shaft may pass {settings.trocar_tolerance_mm:g} mm from the middle of its port"))
    return pairs


def error_text(terms: ErrorTerms) -> str:
    """The terms of a distance's error and how they are put together."""
    return (
        f"± {COVERAGE_FACTOR * terms.combined_mm:.1f} mm = {COVERAGE_FACTOR:g} x root of the sum of squares of voxel "
        f"{terms.voxel_mm:.2f}, segmentation {terms.segmentation_mm:.2f}, registration {terms.registration_mm:.2f} mm"
    )
