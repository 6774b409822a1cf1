"""Vessels inside the liver of a CT, without a network: proposals, to be confirmed by a person.

Bright tubes (`surgtwin.imaging.vesselness`) that hang on the labelled portal vein or cava, or are long enough not to be
noise; each branch goes to the portal tree, to the hepatic veins, or, where that is not clear, to neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import FloatArray, Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.volume import Modality, Volume
from surgtwin.errors import LabelError
from surgtwin.imaging.centreline import Branch, branches_of, skeleton_of
from surgtwin.imaging.resample import resample_values
from surgtwin.imaging.vesselness import vesselness
from surgtwin.progress import SILENT, Progress

from .liver_contrast import STEP_MM, LiverBox, Mask, Values, liver_box
from .vessel_trees import LONGEST_GAP_MM, STRAIGHT, Tree, assign_trees, top

RADII_MM = (1.3, 1.8, 2.6, 3.7, 5.2, 7.0)
LOWEST = 0.12
"""Share of the portal vein's contrast below which nothing is a vessel."""
LOWEST_PER_NOISE = 0.5
"""The same, as a share of the liver's noise: noise alone exceeds it in 1 of 100 voxels (measured on phantoms)."""
SURE = 2.0
"""A vessel somewhere answers this many times more than the least."""
LUMEN = 0.5
"""A vessel's edge lies where the contrast is this share of its middle's."""
SMOOTHING_MM = 0.7
TRUNK, TRUNK_SMOOTHING_MM = 0.45, 2.0
"""Contrast of a trunk, and the standard deviation of the Gaussian that it must exceed it after."""
TRUNK_REACH_MM, TRUNK_RIM_MM = 30.0, 4.0
"""Trunks are looked for no further from a labelled vein, and not so close to the liver's rim."""
ROOT_GAP_MM = 3.0
"""A branch that ends no further from a labelled vein hangs on it; one that points straight at it may end further."""
SPUR_RADII, SPUR_MM = 1.0, 2.5
"""A free piece no longer than this many radii and millimetres is a bump of the surface."""
LONE_MM = 15.0
"""A piece that hangs on nothing is kept from this length on."""
MIN_CONTRAST_HU = 12.0
COVER = 0.4
"""Share of a voxel of the image that a vessel has to fill."""


@dataclass(frozen=True, eq=False)
class VesselLine:
    """The middle line of one branch.

    Parameters
    ----------
    points_mm
        (N, 3) LPS mm.
    """

    tree: Tree
    points_mm: FloatArray
    radius_mm: float

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(np.diff(self.points_mm, axis=0), axis=1).sum())


@dataclass(frozen=True, eq=False)
class LiverVessels:
    """Vessels proposed inside a liver.

    Parameters
    ----------
    trees
        [k, j, i] uint8 on the image's grid: `Tree.PORTAL`, `Tree.HEPATIC`; 0 where `found` is True: which tree it is
        is not clear. The labelled portal vein and cava are not repeated.
    lines
        Middle lines of the branches.
    contrast_hu, noise_hu
        Portal blood over the liver, and the liver's noise on cubes of `STEP_MM`.
    findings
        Why there is nothing, if there is nothing.
    """

    grid: Grid
    trees: npt.NDArray[np.uint8]
    found: Mask
    lines: tuple[VesselLine, ...]
    contrast_hu: float
    noise_hu: float
    findings: tuple[Finding, ...] = ()

    @property
    def length_mm(self) -> dict[Tree, float]:
        """Of the middle lines of each tree."""
        return {t: sum(line.length_mm for line in self.lines if line.tree is t) for t in Tree}

    def mask(self, tree: Tree) -> Mask:
        """[k, j, i] voxels of one tree."""
        return np.asarray(self.found & (self.trees == tree))


def find_liver_vessels(volume: Volume, labels: LabelMap, progress: Progress = SILENT) -> LiverVessels:
    """The vessels inside the liver of a portal-venous CT.

    Parameters
    ----------
    labels
        On the volume's grid; liver, portal vein and inferior vena cava among them.

    Raises
    ------
    LabelError
        If one of these is missing or the image is no CT.
    Cancelled
        When asked to stop.
    """
    if volume.modality is not Modality.CT:
        raise LabelError(f"Vessels are looked for in CT images by their contrast; this one is {volume.modality.value}.")
    progress.update(0.0, "Preparing the liver")
    box = liver_box(volume, labels)
    if box.contrast_hu < MIN_CONTRAST_HU:
        return _nothing(volume.grid, box)
    response, _ = vesselness(
        box.contrast,
        STEP_MM,
        RADII_MM,
        noise=box.noise_hu / box.contrast_hu,
        progress=progress.part(0.15, 0.7, "Looking for vessels"),
    )
    progress.update(0.7, "Following vessels")
    lumen = vessel_lumen(box, response)
    progress.update(0.78)
    branches, trees = vessel_branches(box, lumen)
    progress.update(0.92, "Painting vessels")
    painted = _paint(lumen, branches, trees)
    found, on_image = _on_image(painted, box, volume.grid)
    progress.update(1.0)
    lines = tuple(
        VesselLine(tree, box.grid.to_lps(b.points[:, ::-1] / STEP_MM), b.radius_mm)
        for b, tree in zip(branches, trees, strict=True)
    )
    return LiverVessels(volume.grid, on_image, found, lines, box.contrast_hu, box.noise_hu)


def vessel_lumen(box: LiverBox, response: Values) -> Mask:
    """Everything in the liver that is part of a bright tube; the labelled veins are left out."""
    least = max(LOWEST, LOWEST_PER_NOISE * box.noise_hu / box.contrast_hu)
    smooth = ndimage.gaussian_filter(box.contrast, SMOOTHING_MM / STEP_MM, truncate=3.0)
    middle = ndimage.maximum_filter(response, 5)
    tubes = (response > least) & (smooth > LUMEN * middle)
    weak = box.liver & (tubes | _trunks(box))
    pieces, count = ndimage.label(weak, structure=np.ones((3, 3, 3)))
    strongest = ndimage.maximum(response, pieces, np.arange(count + 1))
    kept = np.asarray(strongest) > SURE * least
    kept[0] = False
    return np.asarray(kept[pieces])


def _trunks(box: LiverBox) -> Mask:
    """What is bright over a width that noise cannot be: where trunks meet, they are no tubes.

    Only about the labelled veins and off the liver's rim, where the heart or a bright organ shines in.
    """
    import edt

    cube = (STEP_MM,) * 3
    wide = ndimage.gaussian_filter(box.contrast, TRUNK_SMOOTHING_MM / STEP_MM, truncate=3.0)
    veins = box.portal | box.cava
    inside = edt.edt(box.liver | veins, anisotropy=cube, black_border=False) > TRUNK_RIM_MM
    near = edt.edt(~veins, anisotropy=cube, black_border=False)
    return np.asarray((wide > TRUNK) & ((inside & (near <= TRUNK_REACH_MM)) | (near <= TRUNK_RIM_MM)))


def vessel_branches(box: LiverBox, lumen: Mask) -> tuple[list[Branch], list[Tree]]:
    """The branches worth keeping, and the tree of each."""
    branches = middle_lines(box, lumen)
    roots = {tree: _touching(branches, vein) for tree, vein in ((Tree.PORTAL, box.portal), (Tree.HEPATIC, box.cava))}
    trees, reached = assign_trees(branches, roots)
    long_enough = _in_long_pieces(branches)
    kept = [n for n in range(len(branches)) if reached[n] or long_enough[n]]
    return [branches[n] for n in kept], [trees[n] for n in kept]


def middle_lines(box: LiverBox, lumen: Mask) -> list[Branch]:
    """Branches of the middle lines outside the labelled veins, bumps taken off, what they split joined again.

    The labelled veins are thinned together with the rest, and then cut out: so the lines run up to them.
    """
    import edt

    veins = box.portal | box.cava
    whole = lumen | veins
    radius = edt.edt(whole, anisotropy=(STEP_MM,) * 3, black_border=False)
    lines = skeleton_of(whole) & ~veins
    # Where a line was cut at a labelled vein it ends, but is no bump.
    cut = lines & ndimage.binary_dilation(veins, structure=np.ones((3, 3, 3)))
    for _ in range(2):
        branches = branches_of(lines, radius, STEP_MM)
        used = np.bincount([n for b in branches for n in b.nodes]) if branches else np.zeros(0, dtype=int)
        for b in branches:
            is_free = (used[b.nodes[0]] == 1) != (used[b.nodes[1]] == 1) and not _holds(b, cut)
            if is_free and b.length_mm < SPUR_RADII * b.radius_mm + SPUR_MM:
                _erase(lines, b, used)
        lines = skeleton_of(lines)
    return branches_of(lines, radius, STEP_MM)


def _holds(branch: Branch, marked: Mask) -> bool:
    index = np.rint(branch.points[[0, -1]] / STEP_MM).astype(int)
    return bool(marked[tuple(index.T)].any())


def _erase(lines: Mask, spur: Branch, used: npt.NDArray[np.int64]) -> None:
    """Take a spur's voxels out, but not the junction it comes from."""
    points = spur.points[:-1] if used[spur.nodes[1]] > 1 else spur.points[1:]
    index = np.rint(points / STEP_MM).astype(int)
    lines[tuple(index.T)] = False


def _touching(branches: Sequence[Branch], vein: Mask) -> list[tuple[int, int, float]]:
    """(branch, node, gap in mm) of the ends that lie at a labelled vein."""
    rim = np.argwhere(vein & ~ndimage.binary_erosion(vein)) * STEP_MM
    if not len(rim) or not branches:
        return []
    tree = cKDTree(rim)
    used = Counter(node for b in branches for node in b.nodes)
    found = []
    for n, b in enumerate(branches):
        for node, tip in zip(b.nodes, (b.points[0], b.points[-1]), strict=True):
            gap, nearest = tree.query(tip)
            ahead = float(np.dot(rim[nearest] - tip, -b.leaving(node)))
            if gap <= ROOT_GAP_MM or (used[node] == 1 and gap <= LONGEST_GAP_MM and ahead >= gap * STRAIGHT):
                found.append((n, node, float(gap)))
    return found


def _in_long_pieces(branches: Sequence[Branch]) -> list[bool]:
    """Whether each branch is in a connected piece that is long enough not to be noise."""
    owner: dict[int, int] = {}
    for b in branches:
        owner[top(owner, b.nodes[0])] = top(owner, b.nodes[1])
    pieces = [top(owner, b.nodes[0]) for b in branches]
    length: dict[int, float] = {}
    for piece, b in zip(pieces, branches, strict=True):
        length[piece] = length.get(piece, 0.0) + b.length_mm
    return [length[piece] >= LONE_MM for piece in pieces]


def _paint(lumen: Mask, branches: Sequence[Branch], trees: Sequence[Tree]) -> npt.NDArray[np.uint8]:
    """[k, j, i] 0 nothing, 1 + tree: each voxel of the lumen near a branch takes its tree."""
    painted = np.zeros(lumen.shape, dtype=np.uint8)
    if not branches:
        return painted
    points = np.concatenate([b.points for b in branches])
    owner = np.repeat(np.arange(len(branches)), [len(b.points) for b in branches])
    voxels = np.argwhere(lumen)
    distance, nearest = cKDTree(points).query(voxels * STEP_MM)
    radii = np.array([b.radius_mm for b in branches])[owner[nearest]]
    near = distance <= 1.5 * radii + STEP_MM
    values = np.array([1 + int(t) for t in trees], dtype=np.uint8)[owner[nearest]]
    painted[tuple(voxels[near].T)] = values[near]
    return painted


def _on_image(painted: npt.NDArray[np.uint8], box: LiverBox, grid: Grid) -> tuple[Mask, npt.NDArray[np.uint8]]:
    """What was painted, on the image's grid: whether a voxel holds enough of a vessel, and of which tree most."""
    width = [max(1, round(s / STEP_MM)) for s in grid.spacing[::-1]]
    start, stop = _covered(grid, box.grid)
    part = tuple(slice(start[a], stop[a]) for a in (2, 1, 0))
    target = Grid((stop[2] - start[2], stop[1] - start[1], stop[0] - start[0]), _shifted(grid, start))
    shares = []
    for tree in (Tree.UNASSIGNED, Tree.PORTAL, Tree.HEPATIC):
        share = (painted == 1 + int(tree)).astype(np.float32)
        share = ndimage.uniform_filter(share, width) if max(width) > 1 else share
        shares.append(resample_values(share, box.grid, target, order=1, outside=0.0))
    stacked = np.stack(shares)
    found = np.zeros(grid.shape, dtype=bool)
    trees = np.zeros(grid.shape, dtype=np.uint8)
    found[part] = stacked.sum(axis=0) >= COVER
    trees[part] = np.where(found[part], stacked.argmax(axis=0), 0)
    return found, trees


def _covered(grid: Grid, inner: Grid) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """First and one past the last voxel (i, j, k) of `grid` that a smaller grid covers."""
    corners = grid.to_ijk(inner.corners())
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, grid.size_ijk)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, low + 1, grid.size_ijk)
    return (int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2]))


def _shifted(grid: Grid, start: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    matrix = grid.lps_from_ijk.copy()
    matrix[:3, 3] = grid.to_lps(start)
    return matrix


def _nothing(grid: Grid, box: LiverBox) -> LiverVessels:
    message = (
        f"The portal vein is only {box.contrast_hu:.0f} HU brighter than the liver; {MIN_CONTRAST_HU:g} HU are needed "
        "to follow vessels. Use a portal-venous series."
    )
    finding = Finding("no-vessel-contrast", Severity.WARNING, message, numbers={"contrast_hu": box.contrast_hu})
    empty = np.zeros(grid.shape, dtype=np.uint8)
    return LiverVessels(grid, empty, empty.astype(bool), (), box.contrast_hu, box.noise_hu, (finding,))
