"""Proposals on a twin that exists already: earlier ones of the same kind are replaced, accepted ones never."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from surgtwin.domain.labels import LabelMap
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Volume
from surgtwin.errors import LabelError
from surgtwin.mesh.extract import extract_meshes
from surgtwin.pipeline.build_twin import mesh_findings, said_once
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import SILENT, Progress

from .proposals import Proposals, is_proposal, with_proposals

SEARCH_SHARE = 0.7

Propose = Callable[[Volume, LabelMap, Progress], Proposals]


@dataclass(frozen=True)
class ProposalKind:
    """What is proposed together.

    Parameters
    ----------
    key
        Under which its model goes to the provenance.
    owns
        Whether a structure's name is one of this kind.
    finding_codes
        Of findings about the search as a whole, which belong to no structure.
    """

    key: str
    owns: Callable[[str], bool]
    finding_codes: frozenset[str] = frozenset()


def propose_on_twin(twin: Twin, kind: ProposalKind, propose: Propose, progress: Progress = SILENT) -> Twin:
    """The twin with what ``propose`` finds in its image, with surfaces; earlier proposals of the kind are replaced.

    Raises
    ------
    LabelError
        If a person has accepted an earlier proposal, or the twin has structures of the same names from elsewhere.
    Cancelled
        When asked to stop.
    """
    bare = without_proposals(twin, kind)
    volume = bare.image(bare.labels_on).volume
    proposals = propose(volume, bare.labels, progress.part(0.0, SEARCH_SHARE))
    known = bare.provenance
    after = with_proposals(Segmentation(bare.labels, known.methods, known.model, bare.findings), proposals, kind.key)
    added = {s.name for s in after.labels.structures} - {s.name for s in bare.labels.structures}
    part = progress.part(SEARCH_SHARE, 1.0, "Making surfaces")
    meshes = extract_meshes(after.labels, progress=part, names=added) if added else ()
    about = [f for f in mesh_findings(after.labels, (*bare.meshes, *meshes)) if f.structure in added]
    return replace(
        bare,
        labels=after.labels,
        meshes=(*bare.meshes, *meshes),
        provenance=replace(known, methods=after.methods, model=after.model),
        findings=said_once((*after.findings, *about)),
    )


def without_proposals(twin: Twin, kind: ProposalKind) -> Twin:
    """The twin as it was before this kind was proposed.

    Raises
    ------
    LabelError
        If a person has accepted one of them.
    """
    known = twin.provenance
    old = {s.name for s in twin.structures if kind.owns(s.name) and is_proposal(s.name, known.methods)}
    confirmed = sorted(old & twin.accepted)
    if confirmed:
        raise LabelError(
            f"A person has accepted {', '.join(confirmed)}; new proposals would replace what was looked at. Take the "
            "acceptance back first if they are to be found again."
        )
    if not old and kind.key not in known.model:
        return twin
    return replace(
        twin,
        labels=_without(twin.labels, old),
        meshes=tuple(m for m in twin.meshes if m.name not in old),
        findings=tuple(f for f in twin.findings if f.structure not in old and f.code not in kind.finding_codes),
        provenance=replace(
            known,
            methods={name: how for name, how in known.methods.items() if name not in old},
            model={key: value for key, value in known.model.items() if key != kind.key},
        ),
    )


def _without(labels: LabelMap, names: set[str]) -> LabelMap:
    """A label map without some structures; layers that held nothing else go, those behind them move up."""
    kept = [s for s in labels.structures if s.name not in names]
    emptied = {labels.structure(name).layer for name in names} - {s.layer for s in kept} - {0}
    number = {old: new for new, old in enumerate(n for n in range(len(labels.layers)) if n not in emptied)}
    layers = []
    for old in number:
        gone = [s.label for s in labels.structures if s.name in names and s.layer == old]
        layer = labels.layers[old]
        layers.append(np.where(np.isin(layer, gone), 0, layer).astype(layer.dtype) if gone else layer)
    return LabelMap(labels.grid, tuple(layers), tuple(replace(s, layer=number[s.layer]) for s in kept))
