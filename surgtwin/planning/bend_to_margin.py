"""A cut bent until it passes its targets at a wanted distance, and left as it was elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..domain.cut import BezierCut
from ..domain.geometry import FloatArray
from ..domain.plan_values import checked_length
from ..errors import PlanError
from .bezier import evaluate_patch
from .start_cut import clearance_mm

SAMPLES = 25
"""Points along u and v of the patch that are held at their distance."""
STEPS, SETTLED_MM, EXACT_MM = 60, 0.05, 1e-3
MOST_POINTS = 1000
"""Of the targets' surfaces, evenly thinned, while the patch is bent; at the end all are looked at."""


def bent_to_margin(cut: BezierCut, targets_mm: FloatArray, distance_mm: float) -> BezierCut:
    """The patch with its least distance to the targets as wanted, the targets on the resected side.

    Where a target lies over the patch it is moved along its normal until a ball of the wanted radius about each of the
    target's points touches it; towards the targets as well if it was farther off than wanted.

    Parameters
    ----------
    targets_mm
        (N, 3) LPS points of the targets' surfaces.

    Raises
    ------
    PlanError
        If there are no points.
    """
    distance = checked_length(distance_mm, "distance_mm")
    if not len(targets_mm):
        raise PlanError("there is no target to keep a distance from.", "targets")
    points = targets_mm[:: max(1, len(targets_mm) // MOST_POINTS)]
    net = np.array(cut.control_points_mm)
    t = np.linspace(0.0, 1.0, SAMPLES)
    weights = _weights(t)
    for _ in range(STEPS):
        patch = evaluate_patch(net, t[:, None], t[None, :])
        normals = (-patch.normals if cut.flip else patch.normals).reshape(-1, 3)
        back = _way_back(patch.points_mm.reshape(-1, 3), normals, points, distance)
        worst = int(back.argmax())
        if not np.isfinite(back[worst]) or abs(float(back[worst])) < SETTLED_MM:
            break
        # The least change of the net that moves this one point; the others follow smoothly.
        share = weights[worst] / float(weights[worst] @ weights[worst])
        net -= back[worst] * share.reshape(4, 4, 1) * normals[worst]
    return replace(cut, control_points_mm=_settled(net, cut.flip, targets_mm, distance))


def _way_back(patch: FloatArray, normals: FloatArray, targets: FloatArray, distance: float) -> FloatArray:
    """How far (P,) each point must move against its normal; -inf where no target lies over it."""
    back = np.full(len(patch), -np.inf)
    for target in np.array_split(targets, max(1, len(targets) // 250)):
        offset = target[None] - patch[:, None]
        height = np.einsum("ptc,pc->pt", offset, normals)
        aside = np.einsum("ptc,ptc->pt", offset, offset) - height**2
        reach = distance**2 - aside
        needed = np.where(reach > 0, np.sqrt(np.maximum(reach, 0.0)) - height, -np.inf)
        back = np.maximum(back, needed.max(1))
    return back


def _settled(net: FloatArray, flip: bool, targets: FloatArray, distance: float) -> FloatArray:
    """The net moved as a whole by what bending left over, so that the distance is never short."""
    normal = np.cross(net[3].mean(0) - net[0].mean(0), net[:, 3].mean(0) - net[:, 0].mean(0))
    normal = normal / np.linalg.norm(normal) * (-1.0 if flip else 1.0)
    for _ in range(STEPS):
        missing = distance - clearance_mm(net, targets)
        if missing < EXACT_MM:
            break
        net = net - missing * normal
    return net


def _weights(t: FloatArray) -> FloatArray:
    """(samples, 16): the share of each control point in each sample."""
    s = 1.0 - t
    b = np.stack((s**3, 3 * t * s**2, 3 * t**2 * s, t**3), -1)
    return np.asarray(np.einsum("ai,bj->abij", b, b).reshape(len(t) ** 2, 16))
