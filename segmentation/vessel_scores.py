"""How well the liver's vessels are found on phantoms, whose every branch is known.

`python -m segmentation.vessel_scores` writes the table.

Each phantom is another person; only what a network would know is given: the liver as one piece, the portal stem, the
cava. The middle lines that are asked for are those of branches outside the given stem.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import InputError

from .liver_vessels import LiverVessels, find_liver_vessels
from .vessel_trees import Tree

if TYPE_CHECKING:
    from sample_data.phantom import Phantom
    from sample_data.vessel_truth import CentreLines

BANDS_MM = ((1.4, 3.0), (3.0, 4.0), (4.0, 6.0), (6.0, 30.0))
LEAST_MM = 3.0
"""Branches from this diameter on are asked for."""
NEAR_MM = 2.0
"""A middle line is found where a found voxel is this near, or half a slice where slices are further apart."""
FIELD_MM = (225.0, 185.0, 180.0)
"""Field of view about the liver: other organs only cost time."""
CENTER_MM = (-40.0, -8.0, 46.0)
PIXEL_MM = 1.2
BLUR_MM = 1.4
FIRST_SEED = 100


@dataclass(frozen=True)
class VesselScore:
    """Lengths in mm, of one phantom or several together.

    Parameters
    ----------
    asked, found
        Middle line per band of `BANDS_MM`, and how much of it was found.
    right, wrong
        Of what was found from `LEAST_MM` on: given to its tree, given to the other; the rest is unassigned.
    proposed, true
        Middle line proposed, and how much of it lies in a vessel.
    """

    asked: tuple[float, ...]
    found: tuple[float, ...]
    right: float
    wrong: float
    proposed: float
    true: float

    def __add__(self, other: VesselScore) -> VesselScore:
        return VesselScore(
            tuple(a + b for a, b in zip(self.asked, other.asked, strict=True)),
            tuple(a + b for a, b in zip(self.found, other.found, strict=True)),
            self.right + other.right,
            self.wrong + other.wrong,
            self.proposed + other.proposed,
            self.true + other.true,
        )

    def recall(self, band: int) -> float | None:
        """Share of the middle line of one band that was found; None if there is none."""
        return self.found[band] / self.asked[band] if self.asked[band] else None

    @property
    def recall_from_least(self) -> float | None:
        """The same of all branches of `LEAST_MM` and more."""
        asked, found = (sum(v[n] for n, (low, _) in enumerate(BANDS_MM) if low >= LEAST_MM) for v in _both(self))
        return found / asked if asked else None

    @property
    def precision(self) -> float | None:
        return self.true / self.proposed if self.proposed else None


def _both(score: VesselScore) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return score.asked, score.found


def score_vessels(vessels: LiverVessels, lines: CentreLines, asked: npt.NDArray[np.bool_]) -> VesselScore:
    """Compare what was found with the true middle lines.

    Parameters
    ----------
    asked
        (N,) which of the lines' samples are to be found; all of them count as vessel.
    """
    near_mm = max(NEAR_MM, max(vessels.grid.spacing) / 2)
    hit, tree = _hits(vessels, lines, near_mm)
    hit &= asked
    own = np.where(lines.is_portal, int(Tree.PORTAL), int(Tree.HEPATIC))
    counted = hit & (lines.diameter_mm >= LEAST_MM)
    proposed, true = _proposed(vessels, lines, near_mm)

    def length(which: npt.NDArray[np.bool_]) -> float:
        return float(lines.length_mm[which].sum())

    in_band = [(lines.diameter_mm >= low) & (lines.diameter_mm < high) for low, high in BANDS_MM]
    return VesselScore(
        tuple(length(asked & band) for band in in_band),
        tuple(length(hit & band) for band in in_band),
        length(counted & (tree == own)),
        length(counted & (tree != own) & (tree != int(Tree.UNASSIGNED))),
        proposed,
        true,
    )


def _hits(
    vessels: LiverVessels, lines: CentreLines, near_mm: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Whether a found voxel is near each sample, and the tree of the nearest one."""
    voxels = np.argwhere(vessels.found)
    if not len(voxels):
        return np.zeros(len(lines.points_mm), dtype=bool), np.zeros(len(lines.points_mm), dtype=np.int64)
    distance, nearest = cKDTree(vessels.grid.to_lps(voxels[:, ::-1])).query(lines.points_mm)
    return distance <= near_mm, vessels.trees[tuple(voxels[nearest].T)].astype(np.int64)


def _proposed(vessels: LiverVessels, lines: CentreLines, near_mm: float) -> tuple[float, float]:
    """Length of the proposed middle lines, and of what of it lies in a true vessel or near its middle."""
    truth = cKDTree(lines.points_mm)
    total, true = 0.0, 0.0
    for line in vessels.lines:
        distance, nearest = truth.query(line.points_mm)
        inside = distance <= np.maximum(lines.diameter_mm[nearest] / 2, near_mm)
        total += line.length_mm
        true += line.length_mm * float(inside.mean())
    return total, true


def phantom_case(seed: int, noise_hu: float, slice_mm: float) -> Phantom:
    """A person of their own, scanned about the liver; no tumour cuts a vessel.

    Raises
    ------
    InputError
        If the phantom's generator is not there: it comes with the source tree.
    """
    try:
        from sample_data.phantom import PhantomSpec, make_phantom
    except ModuleNotFoundError as error:
        raise InputError("The phantom's generator comes with the source tree; run this there.") from error
    i, j, k = (round(size / step) for size, step in zip(FIELD_MM, (PIXEL_MM, PIXEL_MM, slice_mm), strict=True))
    return make_phantom(
        PhantomSpec(
            shape=(k, j, i),
            spacing_mm=(PIXEL_MM, PIXEL_MM, slice_mm),
            center_mm=CENTER_MM,
            seed=seed,
            noise_hu=noise_hu,
            blur_mm=BLUR_MM,
            tumours=(),
            with_table=False,
        )
    )


def known_labels(phantom: Phantom) -> LabelMap:
    """What a network would find: the liver with all that is inside it, portal stem, cava, the other organs as one."""
    from sample_data.labelling import CAVA, IN_LIVER, LIVER, PORTAL

    truth = phantom.labels.layers[0]
    labels = np.where(truth > 0, 1, 0).astype(np.uint8)
    labels[np.isin(truth, (LIVER, *IN_LIVER))] = LIVER
    for kept in (CAVA, PORTAL):
        labels[truth == kept] = kept
    names = {1: "other organs", LIVER: "liver", CAVA: "inferior vena cava", PORTAL: "portal and splenic vein"}
    return LabelMap(phantom.labels.grid, (labels,), tuple(structure_for(v, n) for v, n in names.items()))


def score_phantom(phantom: Phantom) -> VesselScore:
    """Find the vessels of a phantom and compare them with its truth."""
    from sample_data.labelling import HEPATIC, LIVER, PORTAL_BRANCHES
    from sample_data.vessel_truth import liver_vessel_lines

    lines = liver_vessel_lines(phantom)
    grid = phantom.volume.grid
    index = np.rint(grid.to_ijk(lines.points_mm)).astype(int)
    inside = np.all((index >= 0) & (index < grid.size_ijk), axis=1)
    asked = np.zeros(len(index), dtype=bool)
    there = phantom.labels.layers[0][tuple(index[inside].T[::-1])]
    # On thick slices the voxel of a thin branch's middle may be called liver; outside it is no branch to be found.
    asked[inside] = np.isin(there, (LIVER, HEPATIC, PORTAL_BRANCHES))
    return score_vessels(find_liver_vessels(phantom.volume, known_labels(phantom)), lines, asked)


def table(
    noises_hu: Sequence[float],
    slices_mm: Sequence[float],
    seeds: Sequence[int],
    say: Callable[[str], None],
) -> None:
    """Say one row per noise level and slice distance, all persons together."""
    bands = " | ".join(f"{low:g}-{high:g} mm" if high < 30 else f"{low:g} mm +" for low, high in BANDS_MM)
    say(f"| noise HU | slices mm | recall {bands} | recall {LEAST_MM:g} mm + | precision | right tree | wrong tree |")
    say("|---" * (len(BANDS_MM) + 6) + "|")
    for noise in noises_hu:
        for slices in slices_mm:
            scores = [score_phantom(phantom_case(seed, noise, slices)) for seed in seeds]
            total = scores[0]
            for score in scores[1:]:
                total = total + score
            say(f"| {noise:g} | {slices:g} | {_cells(total)} |")


def _cells(score: VesselScore) -> str:
    found = sum(f for f, (low, _) in zip(score.found, BANDS_MM, strict=True) if low >= LEAST_MM)
    shares = [score.recall(n) for n in range(len(BANDS_MM))]
    shares += [score.recall_from_least, score.precision]
    shares += [score.right / found, score.wrong / found] if found else [None, None]
    return " | ".join("-" if share is None else f"{share:.2f}" for share in shares)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table to the standard output."""
    parser = argparse.ArgumentParser(prog="python -m segmentation.vessel_scores", description=__doc__)
    parser.add_argument("--noise", type=float, nargs="+", default=[8.0, 14.0, 20.0], metavar="HU")
    parser.add_argument("--slices", type=float, nargs="+", default=[1.25, 2.5, 5.0], metavar="MM")
    parser.add_argument("--people", type=int, default=4, help=f"phantoms per row, seeds from {FIRST_SEED} on")
    options = parser.parse_args(arguments)
    seeds = range(FIRST_SEED, FIRST_SEED + options.people)

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    table(options.noise, options.slices, seeds, say)
    return 0


if __name__ == "__main__":
    sys.exit(main())
