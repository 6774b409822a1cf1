"""Needles and instruments of a plan as surfaces and lines, where they are worst."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.trajectory import Trajectory
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.tool_path import ToolPathResult
from surgtwin.report.shown import TOOL_COLOUR
from surgtwin.report.tool_paths import worst_pass

CAPSULE_SIDES = (24, 24)
TRACE_MM = 0.7
"""Radius of the line that a tip draws."""
SAME_POINT_MM = 1e-6


@dataclass(frozen=True, eq=False)
class ToolShape:
    """Capsules in LPS mm: axes from `starts_mm` (C, 3) to `ends_mm` (C, 3), and radii (C,)."""

    starts_mm: FloatArray
    ends_mm: FloatArray
    radii_mm: FloatArray

    def inside(self, points_mm: FloatArray) -> FloatArray:
        """How deep points (N, 3) lie in the nearest capsule, mm; negative outside."""
        depth = np.full(len(points_mm), -np.inf)
        for start, end, radius in zip(self.starts_mm, self.ends_mm, self.radii_mm, strict=True):
            along = end - start
            t = np.clip((points_mm - start) @ along / max(float(along @ along), SAME_POINT_MM), 0.0, 1.0)
            depth = np.maximum(depth, radius - np.linalg.norm(points_mm - start - t[:, None] * along, axis=1))
        return depth

    def meshes(self) -> list[OrganMesh]:
        return [
            capsule_mesh(start, end, float(radius))
            for start, end, radius in zip(self.starts_mm, self.ends_mm, self.radii_mm, strict=True)
        ]


def needle_shape(trajectory: Trajectory) -> ToolShape:
    """A needle from its tip at the target to the end of its tool, at least to the entry."""
    entry, target = np.asarray(trajectory.entry_mm), np.asarray(trajectory.target_mm)
    length = max(trajectory.tool.length_mm, trajectory.length_mm)
    end = target + (entry - target) / trajectory.length_mm * length
    return ToolShape(target[None], end[None], np.array([trajectory.tool.radius_mm]))


def instrument_shape(result: ToolPathResult) -> ToolShape:
    """An instrument at the time when its path is worst."""
    motion, worst = result.timeline.motion, worst_pass(result)
    time = result.judgement.time_s if worst is None else worst.time_s
    pose = 0 if time is None else int(np.abs(motion.times_s - time).argmin())
    starts, ends = result.instrument.axes_at(motion.lps_from_tool[pose : pose + 1])
    return ToolShape(starts[0], ends[0], result.instrument.radii_mm)


def tip_trace(result: ToolPathResult) -> FloatArray:
    """(P, 3) LPS mm: where the tip is at each key pose."""
    return np.array([pose.tip_mm for pose in result.path.poses], dtype=np.float64)


def tool_meshes(evaluation: PlanEvaluation) -> list[OrganMesh]:
    """All needles and instruments of a plan, and the lines that the instruments' tips draw."""
    shapes = [needle_shape(t) for t in evaluation.plan.trajectories]
    for result in evaluation.tool_paths:
        tips = tip_trace(result)
        if len(tips) > 1:
            shapes.append(ToolShape(tips[:-1], tips[1:], np.full(len(tips) - 1, TRACE_MM)))
        shapes.append(instrument_shape(result))
    return [mesh for shape in shapes for mesh in shape.meshes()]


def capsule_mesh(start: FloatArray, end: FloatArray, radius: float) -> OrganMesh:
    """A capsule's surface, LPS mm."""
    from trimesh.creation import capsule
    from trimesh.geometry import align_vectors

    along = end - start
    length = float(np.linalg.norm(along))
    shape = capsule(height=length, radius=radius, count=CAPSULE_SIDES)
    turn = np.eye(3) if length < SAME_POINT_MM else np.asarray(align_vectors([0, 0, 1], along / length))[:3, :3]
    # The library lays the capsule's axis from the origin upwards, or about its middle, depending on its version.
    vertices = np.asarray(shape.vertices, dtype=np.float64)
    vertices[:, 2] += length / 2 - (vertices[:, 2].max() + vertices[:, 2].min()) / 2
    return OrganMesh("tool", vertices @ turn.T + start, np.asarray(shape.faces, dtype=np.int32), TOOL_COLOUR)
