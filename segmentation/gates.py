"""Every check after a run, in one call: labels, orientation, phase, and what the image's values show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.volume import Modality, Volume

from .body_region import few_organs, region_hint
from .classical import is_clipped
from .image_gates import check_arms, check_field, check_metal, check_values
from .laterality import check_orientation
from .phase import check_phase
from .placed import Placed, place_structures
from .posture import check_posture
from .sanity import BODY, check_segmentation, place_body
from .scan_facts import ScanFacts, read_scan_facts
from .scan_field import check_blank, measured_box
from .training_domain import TrainingDomain, check_slices

ABOUT_ONE_STRUCTURE = frozenset(
    {"unusual-volume", "scattered", "structure-absent", "unusual-position", "unusual-relation", "on-both-sides"}
)
ABOUT_THE_WHOLE = frozenset(
    {"unusual-orientation", "mirrored-organs", "few-organs", "no-patient", "not-hounsfield", "blank-part"}
)
MANY = 3


@dataclass(frozen=True)
class RunFacts:
    """What the checks know about the run beside its labels.

    Parameters
    ----------
    model
        Its name, for messages.
    expected
        Names of the structures that the network can find and that were asked for.
    removed
        Voxels of each that were cleared as stray.
    region
        Why the network's labels were all left out, None if they were kept.
    is_part
        Whether only a part of the image was segmented: what is missing elsewhere is no finding then.
    """

    model: str
    expected: tuple[str, ...]
    domain: TrainingDomain = field(default_factory=TrainingDomain)
    removed: Mapping[str, int] = field(default_factory=dict)
    region: Finding | None = None
    is_part: bool = False


def check_run(volume: Volume, labels: LabelMap, run: RunFacts, body: Placed | None = None) -> list[Finding]:
    """Return everything about a run's result that a person should look at.

    Parameters
    ----------
    labels
        On the volume's grid, with classical structures where they were looked for.
    body
        Everything inside the skin, if ``labels`` do not hold it.
    """
    body = place_body(labels) or body
    measured = measured_box(volume.values, body)
    placed = place_structures(labels, measured)
    body = None if body is None else replace(body, field=measured)
    facts = read_scan_facts(volume)
    spoiled = check_values(volume, body)
    findings = spoiled or check_blank(volume, measured)
    findings = findings + check_slices(volume.grid, run.domain, run.model)
    if run.region is not None:
        findings.append(_with_hint(run.region, placed, body))
        findings += check_orientation(placed, body)
    else:
        findings += check_segmentation(labels, run.expected, run.removed, facts, measured)
        findings += [] if run.is_part else few_organs(placed, run.expected)
        findings = summed_up(findings)
    if volume.modality is Modality.CT and not spoiled:
        findings += _check_ct(volume, placed, body, run, facts)
    return findings


def summed_up(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with those about single structures in one, where the whole is not to be trusted anyway."""
    about_one = [f for f in findings if f.code in ABOUT_ONE_STRUCTURE and f.severity is not Severity.INFO]
    if len(about_one) < MANY or not any(f.code in ABOUT_THE_WHOLE for f in findings):
        return list(findings)
    names = list(dict.fromkeys(f.structure for f in about_one if f.structure))
    message = (
        f"{len(names)} structures are absent, in pieces, or of a size or place that is unusual: {', '.join(names)}. "
        "It is likely that the whole image is unlike what the model knows; trust none of its structures."
    )
    one = Finding("unreliable-labels", Severity.WARNING, message, numbers={"structures": float(len(names))})
    kept = [f for f in findings if f.code not in ABOUT_ONE_STRUCTURE]
    return [*kept, one]


def place_mask(volume: Volume, mask: np.ndarray | None) -> Placed | None:
    """Return a body mask ``[k, j, i]`` as the checks take it, None if there is none."""
    if mask is None or not mask.any():
        return None
    return Placed(BODY, volume.grid, tuple(slice(0, n) for n in mask.shape), mask)


def _check_ct(
    volume: Volume, placed: Mapping[str, Placed], body: Placed | None, run: RunFacts, facts: ScanFacts
) -> list[Finding]:
    grid, hu = volume.grid, volume.values
    findings = check_field(grid, hu, body, placed) + check_metal(grid, hu, body, placed)
    if not is_clipped(hu):
        findings += check_arms(grid, hu, body) + check_posture(grid, hu, body, facts)
    if run.region is None:
        findings += check_phase(hu, placed, run.domain, run.model, facts)
    return findings


def _with_hint(region: Finding, placed: Mapping[str, Placed], body: Placed | None) -> Finding:
    hint = region_hint(placed, body)
    return replace(region, message=f"{region.message} {hint}") if hint else region
