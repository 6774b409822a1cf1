"""Liver lesions as proposals, in a layer of their own, for a person to confirm: on a segmentation or on a twin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.structure_table import match, structure_for
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Volume
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import SILENT, Progress

from .lesion_candidates import FoundLesion
from .lesion_finder import LESION_NAME, LIVER_NAME, LesionFinder, LesionResult, liver_of
from .proposals import PROPOSAL_CODE, Proposals, with_proposals
from .twin_proposals import ProposalKind, propose_on_twin

NONE_PROPOSED = "no-lesion-proposed"
KIND = ProposalKind("liver_lesions", lambda name: name.startswith(f"{LESION_NAME} "), frozenset({NONE_PROPOSED}))


def add_liver_lesions(
    segmentation: Segmentation, volume: Volume, finder: LesionFinder, progress: Progress = SILENT
) -> Segmentation:
    """Return the segmentation with the lesions as proposals in a layer of their own.

    Raises
    ------
    ModelError
        As `LesionFinder.find`.
    """
    return with_proposals(segmentation, propose_lesions(volume, segmentation.labels, finder, progress), KIND.key)


def with_liver_lesions(twin: Twin, finder: LesionFinder, progress: Progress = SILENT) -> Twin:
    """The twin with the lesions found inside its liver as proposals; earlier proposals of them are replaced.

    Raises
    ------
    ModelError, LabelError
        As `LesionFinder.find` and `propose_on_twin`.
    """

    def propose(volume: Volume, organs: LabelMap, part: Progress) -> Proposals:
        return propose_lesions(volume, organs, finder, part)

    return propose_on_twin(twin, KIND, propose, progress)


def propose_lesions(volume: Volume, organs: LabelMap, finder: LesionFinder, progress: Progress = SILENT) -> Proposals:
    """Return what the finder finds, ready to join the organs."""
    return as_proposals(finder.find(volume, organs, progress), finder, liver_of(organs))


def as_proposals(result: LesionResult, finder: LesionFinder, liver: Structure) -> Proposals:
    """Return the lesions as structures (part of the liver), each with a finding that asks for a person."""
    lesion = match("lesion")
    structures = []
    for found in result.lesions:
        row = structure_for(found.number, found.name, layer=1, origin="network")
        code = lesion.code if lesion is not None else row.code
        structures.append(replace(row, code=code, part_of=liver.name))
    model = finder.model
    told = {
        "name": model.name,
        "version": model.version,
        "sha256": model.sha256(),
        "licence": model.licence,
        "least_confidence": finder.least_confidence,
        "lesions": [lesion_facts(found) for found in result.lesions],
    }
    method = f"network {model.name} {model.version}".strip()
    return Proposals(result.labels, tuple(structures), method, tuple(findings_of(result.lesions)), told)


def lesion_facts(found: FoundLesion) -> dict[str, Any]:
    """Return a lesion as plain data."""
    return {
        "name": found.name,
        "centre_lps_mm": list(found.centre_mm),
        "longest_diameter_mm": found.diameter_mm,
        "volume_ml": found.volume_ml,
        "confidence": found.confidence,
    }


def findings_of(lesions: tuple[FoundLesion, ...]) -> list[Finding]:
    """Return one finding per lesion, or one that says what it means that there is none."""
    if not lesions:
        message = "No liver lesion is proposed. The network misses some: this does not mean that there is none."
        return [Finding(NONE_PROPOSED, Severity.INFO, message, structure=LIVER_NAME)]
    return [
        Finding(
            PROPOSAL_CODE,
            Severity.WARNING,
            f"Proposed, to be confirmed by a person: {lesion.name}, {lesion.diameter_mm:.0f} mm across, "
            f"{lesion.volume_ml:.1f} mL, confidence {lesion.confidence:.2f}.",
            where_mm=lesion.centre_mm,
            numbers={
                "longest_diameter_mm": lesion.diameter_mm,
                "volume_ml": lesion.volume_ml,
                "confidence": lesion.confidence,
            },
            structure=lesion.name,
        )
        for lesion in lesions
    ]
