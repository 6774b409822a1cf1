"""The liver's vessels as proposals on a twin: structures in a layer of their own, for a person to confirm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.labels import Colour, LabelMap, Structure
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Volume
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import SILENT, Progress

from .liver_contrast import find_structure
from .liver_vessels import LiverVessels, find_liver_vessels
from .proposals import PROPOSAL_CODE, Proposals, with_proposals
from .twin_proposals import ProposalKind, propose_on_twin
from .vessel_trees import Tree

KIND = "liver_vessels"
NO_TREE = "no-vessel-tree"
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
VESSELS = ProposalKind(KIND, lambda name: name in NAMES.values(), frozenset({"no-vessel-contrast", NO_TREE}))


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

    def propose(volume: Volume, labels: LabelMap, part: Progress) -> Proposals:
        return as_proposals(find_liver_vessels(volume, labels, part), labels)

    return propose_on_twin(twin, VESSELS, propose, progress)


def add_liver_vessels(segmentation: Segmentation, volume: Volume, progress: Progress = SILENT) -> Segmentation:
    """Return the segmentation with the liver's vessels as proposals in a layer of their own.

    Raises
    ------
    LabelError, Cancelled
        As `find_liver_vessels`.
    """
    labels = segmentation.labels
    return with_proposals(segmentation, as_proposals(find_liver_vessels(volume, labels, progress), labels), KIND)


def as_proposals(vessels: LiverVessels, labels: LabelMap) -> Proposals:
    """The vessels as structures that are part of the liver, each with a finding that asks for a person."""
    liver = find_structure(labels, "liver")
    layer = np.zeros(vessels.grid.shape, dtype=np.uint8)
    structures: list[Structure] = []
    findings = list(vessels.findings)
    for tree, name in NAMES.items():
        mask = vessels.mask(tree)
        if not mask.any():
            findings += [_missing(tree)] if vessels.found.any() and tree is not Tree.UNASSIGNED else []
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


def _missing(tree: Tree) -> Finding:
    message = (
        f"No '{NAMES[tree]}' is proposed: in this phase of contrast it may be as bright as the liver. That does not "
        "mean that there is none."
    )
    return Finding(NO_TREE, Severity.INFO, message, structure=NAMES[tree])


def _finding(vessels: LiverVessels, tree: Tree) -> Finding:
    length = vessels.length_mm[tree]
    if tree is Tree.UNASSIGNED:
        what = f"{length / 10:.0f} cm of vessel in the liver may belong to the portal vein or to the hepatic veins"
    else:
        what = f"'{NAMES[tree]}' ({length / 10:.0f} cm) is proposed from the image's brightness alone"
    message = f"{what}. A person has to look at it and confirm it; thin branches are missing."
    return Finding(PROPOSAL_CODE, Severity.INFO, message, numbers={"length_mm": length}, structure=NAMES[tree])
