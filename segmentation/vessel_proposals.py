"""The liver's vessels as proposals on a twin: structures in a layer of their own, for a person to confirm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.labels import Colour, LabelMap, Structure
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Twin
from surgtwin.errors import LabelError
from surgtwin.mesh.extract import extract_meshes
from surgtwin.pipeline.build_twin import mesh_findings, said_once
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import SILENT, Progress

from .liver_contrast import find_structure
from .liver_vessels import LiverVessels, find_liver_vessels
from .proposals import PROPOSAL_CODE, Proposals, is_proposal, with_proposals
from .vessel_trees import Tree

KIND = "liver_vessels"
NAMES: dict[Tree, str] = {
    Tree.PORTAL: "portal vein branches",
    Tree.HEPATIC: "hepatic vein",
    Tree.UNASSIGNED: "liver vessel (unassigned)",
}
COLOURS: dict[Tree, Colour] = {
    Tree.PORTAL: (158, 108, 214),
    Tree.HEPATIC: (64, 156, 255),
    Tree.UNASSIGNED: (170, 170, 170),
}
"""Both trees are veins, which the table gives one colour; they must be told apart at a glance."""
TABLE_NAME = {Tree.PORTAL: "portal vein", Tree.HEPATIC: "hepatic vein"}
METHOD = "classical: bright tubes in the liver, given to the trees by turns and radii at junctions"
SEARCH_SHARE = 0.7


def with_liver_vessels(twin: Twin, progress: Progress = SILENT) -> Twin:
    """The twin with the vessels found inside its liver as proposals; earlier proposals of them are replaced.

    Raises
    ------
    LabelError
        If liver, portal vein or cava are not labelled, the image is no CT, a person has accepted an earlier proposal,
        or the twin has structures of the same names from elsewhere.
    Cancelled
        When asked to stop.
    """
    bare = without_vessel_proposals(twin)
    volume = bare.image(bare.labels_on).volume
    vessels = find_liver_vessels(volume, bare.labels, progress.part(0.0, SEARCH_SHARE))
    known = bare.provenance
    before = Segmentation(bare.labels, known.methods, known.model, bare.findings)
    after = with_proposals(before, as_proposals(vessels, bare.labels), KIND)
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


def as_proposals(vessels: LiverVessels, labels: LabelMap) -> Proposals:
    """The vessels as structures that are part of the liver, each with a finding that asks for a person."""
    liver = find_structure(labels, "liver")
    layer = np.zeros(vessels.grid.shape, dtype=np.uint8)
    structures: list[Structure] = []
    findings = list(vessels.findings)
    for tree, name in NAMES.items():
        mask = vessels.mask(tree)
        if not mask.any():
            continue
        label = len(structures) + 1
        layer[mask] = label
        known = structure_for(label, TABLE_NAME.get(tree, name), origin="classical")
        part_of = liver.name if liver is not None else ""
        structures.append(replace(known, name=name, colour=COLOURS[tree], part_of=part_of))
        findings.append(_finding(vessels, tree))
    told = {
        "lengths_mm": {NAMES[tree]: vessels.length_mm[tree] for tree in NAMES},
        "contrast_hu": vessels.contrast_hu,
        "noise_hu": vessels.noise_hu,
    }
    return Proposals(layer, tuple(structures), METHOD, tuple(findings), told)


def without_vessel_proposals(twin: Twin) -> Twin:
    """The twin as it was before vessels were proposed.

    Raises
    ------
    LabelError
        If a person has accepted one of them.
    """
    methods = twin.provenance.methods
    old = {s.name for s in twin.structures if s.name in NAMES.values() and is_proposal(s.name, methods)}
    confirmed = sorted(old & twin.accepted)
    if confirmed:
        raise LabelError(
            f"A person has accepted {', '.join(confirmed)}; new proposals would replace what was looked at. Take the "
            "acceptance back first if they are to be found again."
        )
    if not old and KIND not in twin.provenance.model:
        return twin
    kept_model = {key: value for key, value in twin.provenance.model.items() if key != KIND}
    return replace(
        twin,
        labels=_without(twin.labels, old),
        meshes=tuple(m for m in twin.meshes if m.name not in old),
        findings=tuple(f for f in twin.findings if f.structure not in old and f.code != "no-vessel-contrast"),
        provenance=replace(
            twin.provenance,
            methods={name: how for name, how in methods.items() if name not in old},
            model=kept_model,
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


def _finding(vessels: LiverVessels, tree: Tree) -> Finding:
    length = vessels.length_mm[tree]
    if tree is Tree.UNASSIGNED:
        what = f"{length / 10:.0f} cm of vessel in the liver may belong to the portal vein or to the hepatic veins"
    else:
        what = f"'{NAMES[tree]}' ({length / 10:.0f} cm) is proposed from the image's brightness alone"
    message = f"{what}. A person has to look at it and confirm it; thin branches are missing."
    return Finding(PROPOSAL_CODE, Severity.INFO, message, numbers={"length_mm": length}, structure=NAMES[tree])
