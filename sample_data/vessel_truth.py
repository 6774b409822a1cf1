"""The middle lines of a phantom's liver vessels: every branch with its tree and its diameter, as it was painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from surgtwin.errors import InputError

from .labelling import HEPATIC, PORTAL, PORTAL_BRANCHES
from .phantom import Phantom
from .shapes import Capsule

STEP_MM = 0.5
"""Distance of the samples along a middle line."""
TREES = {HEPATIC: False, PORTAL: True, PORTAL_BRANCHES: True}
"""Label -> whether it belongs to the portal tree."""


@dataclass(frozen=True, eq=False)
class CentreLines:
    """Samples of the middle lines of both trees, evenly along them.

    Parameters
    ----------
    points_mm
        (N, 3) LPS mm in the phantom's scanner frame.
    diameter_mm
        (N,) of the branch there.
    length_mm
        (N,) of the piece that a sample stands for.
    is_portal
        (N,) True in the portal tree, False in the hepatic veins.
    """

    points_mm: npt.NDArray[np.float64]
    diameter_mm: npt.NDArray[np.float64]
    length_mm: npt.NDArray[np.float64]
    is_portal: npt.NDArray[np.bool_]


def liver_vessel_lines(phantom: Phantom) -> CentreLines:
    """The middle lines of the portal stem, its branches and the hepatic veins.

    They are those of the shapes painted: also where a branch leaves the liver, or another one covers it.

    Raises
    ------
    InputError
        If the phantom is deformed: its branches then are no tubes of a known radius.
    """
    if phantom.spec.deformation.max_mm:
        raise InputError("Middle lines are known for a phantom at rest only; this one is deformed.")
    parts = [
        (*_sampled(paint.shape, phantom), TREES[paint.label])
        for paint in phantom.anatomy.paints
        if paint.label in TREES and isinstance(paint.shape, Capsule)
    ]
    points, radii, lengths = (np.concatenate([part[n] for part in parts]) for n in range(3))
    is_portal = np.repeat([part[3] for part in parts], [len(part[1]) for part in parts])
    return CentreLines(points, 2 * radii, lengths, is_portal)


def _sampled(
    piece: Capsule, phantom: Phantom
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Points (LPS mm), radii and lengths along a capsule's axis. The body's build stretches both alike, on average."""
    build = phantom.anatomy.build
    ends = np.array([build.patient_from_anatomy(p) for p in (piece.a, piece.b)])
    length = float(np.linalg.norm(ends[1] - ends[0]))
    count = max(1, round(length / STEP_MM))
    share = (np.arange(count) + 0.5) / count
    points = ends[0] + share[:, None] * (ends[1] - ends[0]) + np.asarray(phantom.spec.origin_mm)
    stretch = float(np.cbrt(np.prod(build.scale)))
    radii = (piece.r0 + share * (piece.r1 - piece.r0)) * stretch
    return points, radii, np.full(count, length / count)
