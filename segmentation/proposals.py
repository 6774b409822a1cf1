"""Structures that the program proposes and a person confirms: tumours, vessels. They overlap the organs' layer.

A proposal is told from an organ by its method, which begins with ``PROPOSED``, and by a finding ``proposal`` of its
own; it counts as confirmed when a person accepts it on the twin, like any structure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from surgtwin.domain.finding import Finding
from surgtwin.domain.label_layers import smallest_type
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.errors import LabelError
from surgtwin.pipeline.ports import Segmentation

PROPOSAL = "proposed, to be confirmed by a person"
PROPOSED = "proposed"
"""What the method of every proposal begins with."""
PROPOSAL_CODE = "proposal"


@dataclass(frozen=True)
class Proposals:
    """What was proposed, on the grid of the label map it is to join.

    Parameters
    ----------
    layer
        ``[k, j, i]`` labels.
    structures
        Of this layer; their ``layer`` number is set when they join.
    method
        How they were found, e.g. "network ct_liver_lesions 1.0".
    """

    layer: npt.NDArray[Any]
    structures: tuple[Structure, ...]
    method: str
    findings: tuple[Finding, ...]
    model: Mapping[str, Any]


def with_proposals(segmentation: Segmentation, proposals: Proposals, kind: str) -> Segmentation:
    """Return the segmentation with the proposals as a further layer.

    Parameters
    ----------
    kind
        Under which the model goes to the provenance, e.g. "liver_lesions".

    Raises
    ------
    LabelError
        If the label map has a structure of the same name already, or another grid.
    """
    labels = segmentation.labels
    findings = (*segmentation.findings, *proposals.findings)
    told = {**segmentation.model, kind: dict(proposals.model)} if proposals.model else segmentation.model
    if not proposals.structures:
        return replace(segmentation, findings=findings, model=told)
    clash = sorted({s.name for s in labels.structures} & {s.name for s in proposals.structures})
    if clash:
        raise LabelError(f"The label map has {', '.join(clash)} already; proposals would take the same names.")
    joined = _joined(labels, proposals)
    methods = {s.name: f"{PROPOSAL}: {proposals.method}" for s in proposals.structures}
    return replace(
        segmentation, labels=joined, methods={**segmentation.methods, **methods}, findings=findings, model=told
    )


def _joined(labels: LabelMap, proposals: Proposals) -> LabelMap:
    number = len(labels.layers)
    added = tuple(replace(s, layer=number) for s in proposals.structures)
    layers = (*labels.layers, smallest_type(proposals.layer))
    return LabelMap(labels.grid, layers, (*labels.structures, *added))


def is_proposal(name: str, methods: Mapping[str, str]) -> bool:
    """Whether a structure of that name was proposed, by the methods that the provenance keeps."""
    return methods.get(name, "").startswith(PROPOSED)


def proposed_names(structures: Sequence[Structure], methods: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the proposals among some structures, in their order."""
    return tuple(s.name for s in structures if is_proposal(s.name, methods))
