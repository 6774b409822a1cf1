"""Traces a vessel: from its mask to its graph, with roots where it comes into an organ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..domain.geometry import FloatArray, Grid
from ..errors import PlanError
from ..imaging.resample import cropped_grid
from .tissue import bounding_box
from .vessel_graph import VesselEdge, VesselGraph, VesselNode
from .vessel_pruning import nodes_of, pruned, renumbered
from .vessel_skeleton import Piece, Wall, directions, pieces_of, settled, wall_of
from .vessel_tree import components, find_roots, piece_length_mm, rooted

Mask = NDArray[np.bool_]
GRAIN_STEPS = 2.0
"""A bump of less than this many cubes, or of less than a voxel, is the grid's own roughness."""
LONE_MM = 15.0
"""A piece that hangs on nothing is as likely noise if it is shorter: a whole territory would hang on it."""
SMALLEST_VOXELS = 8
"""Smaller pieces of a vessel are noise of the segmentation."""
RING_POINTS = 16
ENCLOSED = 2 / 3
"""A vessel runs inside an organ where at least this share of what lies around it is the organ."""


def trace_vessel(mask: Mask, grid: Grid, vessel: str, organ: Mask | None = None) -> VesselGraph:
    """The graph of a vessel; the same mask always gives the same graph.

    Parameters
    ----------
    mask
        [k, j, i] on `grid`, True in the vessel.
    organ
        [k, j, i]: the organ that it feeds or drains; where the vessel runs outside it, there are its roots.

    Raises
    ------
    PlanError
        If the mask is empty, or nothing in it is large enough to be a vessel.
    """
    box = bounding_box(mask if organ is None else mask | organ)
    if box is not None:
        mask, organ, grid = mask[box], None if organ is None else organ[box], _grid_of(box, grid)
    mask = _without_specks(mask)
    if not mask.any():
        raise PlanError(f"'{vessel}' has no voxel, or only specks of less than {SMALLEST_VOXELS}; no vessel to follow.")
    wall = wall_of(mask, grid)
    pieces = renumbered(pruned(pieces_of(wall), max(GRAIN_STEPS * wall.step_mm, *grid.spacing)))
    graph = _graph(pieces, wall, vessel)
    outside = np.zeros(len(graph.nodes), dtype=bool)
    depth = np.zeros(len(graph.nodes))
    if organ is not None:
        around = organ | mask
        depth = _depth_mm(np.array([n.point_mm for n in graph.nodes]), around, grid)
        enclosed = [enclosed_share(e.points_mm, e.radius_mm, around, grid) for e in graph.edges]
        for edge, share in zip(graph.edges, enclosed, strict=True):
            for node, at in zip(edge.nodes, (slice(0, 6), slice(-6, None)), strict=True):
                outside[node] |= bool(np.median(share[at]) < ENCLOSED)
    graph, kept = _without_scraps(graph, outside)
    return rooted(graph, find_roots(graph, outside[kept], depth[kept]))


def _grid_of(box: tuple[slice, slice, slice], grid: Grid) -> Grid:
    """The part of a grid in a box [k, j, i]."""
    k, j, i = box
    return cropped_grid(grid, (i.start, j.start, k.start), (i.stop, j.stop, k.stop))


def _without_scraps(graph: VesselGraph, is_outside: Mask) -> tuple[VesselGraph, list[int]]:
    """The graph without short pieces that hang on nothing, if others come in from outside the organ; nodes kept."""
    pieces = components(graph)
    if not any(is_outside[piece].any() for piece in pieces):
        return graph, list(range(len(graph.nodes)))
    kept = sorted(node for p in pieces if is_outside[p].any() or piece_length_mm(graph, p) >= LONE_MM for node in p)
    number = {node: n for n, node in enumerate(kept)}
    edges = tuple(
        replace(e, nodes=(number[e.nodes[0]], number[e.nodes[1]])) for e in graph.edges if e.nodes[0] in number
    )
    return replace(graph, nodes=tuple(graph.nodes[n] for n in kept), edges=edges), kept


def _depth_mm(points_mm: FloatArray, organ: Mask, grid: Grid) -> FloatArray:
    """How deep (N,) points lie inside an organ, to half a voxel; 0 outside."""
    import edt

    box = ndimage.find_objects(organ.astype(np.uint8))[0]
    depth = edt.edt(np.pad(organ[box], 1), anisotropy=grid.spacing[::-1])
    low = np.array([s.start - 1 for s in box])
    kji = grid.to_ijk(points_mm)[:, ::-1] - low
    return np.asarray(ndimage.map_coordinates(depth, kji.T, order=1, mode="nearest"), dtype=np.float64)


def _without_specks(mask: Mask) -> Mask:
    import cc3d

    return np.asarray(cc3d.dust(np.ascontiguousarray(mask), threshold=SMALLEST_VOXELS, connectivity=26) > 0)


def _graph(pieces: Sequence[Piece], wall: Wall, vessel: str) -> VesselGraph:
    """The graph of pieces, their lines settled and led on to the vessel's open ends; not yet turned, without names."""
    nodes = nodes_of(pieces)
    ends = [sum(node in p.nodes for p in pieces) + sum(p.nodes == (node, node) for p in pieces) for node in nodes]
    edges = []
    for piece in pieces:
        is_open = [ends[n] == 1 for n in piece.nodes]
        balls = [0.0 if open_end else nodes[n].radius_mm for open_end, n in zip(is_open, piece.nodes, strict=True)]
        line = settled(piece, wall, (balls[0], balls[1]))
        if is_open[1]:
            line = _led_on(line, wall)
        if is_open[0]:
            line = _led_on(line.turned(), wall).turned()
        edges.append(VesselEdge("", line.nodes, line.points_mm, line.radius_mm))
    at = {n: (e.points_mm[i], e.radius_mm[i]) for e in edges for n, i in zip(e.nodes, (0, -1), strict=True)}
    made = []
    for n in range(len(nodes)):
        x, y, z = (float(v) for v in at[n][0])
        made.append(VesselNode((x, y, z), float(at[n][1]) if ends[n] == 1 else nodes[n].radius_mm))
    return VesselGraph(vessel, tuple(made), tuple(edges), ())


def _led_on(line: Piece, wall: Wall) -> Piece:
    """The line led straight on from its last point to the wall; what the end narrows counts as wide as before.

    A skeleton stops about a radius short of a flat end, and its rest bends into a corner of it.
    """
    points, radius = line.points_mm, line.radius_mm
    from_end = line.length_mm - np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))))
    # What lies within a radius of the skeleton's end is bent; it is laid anew, straight.
    own = float(np.median(radius[from_end <= max(3.0 * radius[-1], 4 * wall.step_mm)]))
    keep = max(2, int((from_end > own).sum()))
    points, radius = points[:keep], radius[:keep]
    behind = points[max(0, keep - 1 - max(2, round(2.0 * own / wall.step_mm)))]
    ahead = points[-1] - behind
    length = float(np.linalg.norm(ahead))
    if length <= 0:
        return line
    reach = float(from_end[keep - 1]) + 4.0 * own + 3.0 * wall.step_mm
    steps = np.arange(1, int(reach / (0.25 * wall.step_mm)) + 1) * 0.25 * wall.step_mm
    way = points[-1] + steps[:, None] * (ahead / length)
    out = np.flatnonzero(wall.depth_at(way) <= 0)
    stop = int(out[0]) if len(out) else len(way)
    if stop == 0:
        return replace(line, points_mm=points, radius_mm=radius)
    added = np.concatenate((way[3:stop:4], way[stop - 1 : stop])) if stop % 4 else way[3:stop:4]
    return replace(
        line,
        points_mm=np.concatenate((points, added)),
        radius_mm=np.concatenate((radius, np.full(len(added), radius[-1]))),
    )


def enclosed_share(points_mm: FloatArray, radius_mm: FloatArray, organ: Mask, grid: Grid) -> FloatArray:
    """How much (N,) of what lies just outside a vessel's wall is organ, from 0 to 1, along its course.

    Parameters
    ----------
    organ
        [k, j, i] on `grid`: the organ and the vessel itself, so that its own side branches count as inside.
    """
    along = directions(points_mm)
    helper = np.eye(3)[np.abs(along).argmin(1)]
    first = np.cross(along, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    reach = radius_mm + max(grid.spacing)
    share = np.zeros(len(points_mm))
    for angle in np.linspace(0.0, 2 * np.pi, RING_POINTS, endpoint=False):
        place = points_mm + reach[:, None] * (np.cos(angle) * first + np.sin(angle) * second)
        kji = grid.to_ijk(place)[:, ::-1].T
        share += ndimage.map_coordinates(organ.view(np.uint8), kji, order=0, mode="constant", cval=0)
    return share / RING_POINTS
