"""Resections at 512 x 512 x 300: how fast figures follow the hand, and against the way it is done elsewhere.

    python benchmarks/planning.py [--small] [--repeats 3] [--drags 30] [--json FILE]

A liver-like twin of ellipsoids is made here. Measured on it, all in one run:

- drag: `ResectionPreview.at` for a handle that moved, against the goal of 100 ms; how far its figures lie from the
  exact ones and from the error it states; the exact evaluation of the same cuts;
- volumes: a cut painted into the label map as a barrier and region growing, against the side test, and on the ball of
  the project's known answers (R 50, plane x = 20) what the barrier loses;
- cut meshes: `vtkBooleanOperationPolyDataFilter` (curved) and `vtkClipClosedSurface` (plane) against manifold3d;
- margins: `vtkImplicitPolyDataDistance` asked point by point against `SurfaceDistance` and `measure_margin`.

Sides run in turns; figures are medians, ratios are ours over the peer's. On a machine that others use, CPU seconds and
ratios tell more than wall seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from surgtwin.domain.cut import BezierCut, CutSurface, PlaneCut, ShellCut
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Provenance, Revision, RevisionState, Twin, TwinImage
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.mesh.decimate import thinned
from surgtwin.mesh.deviation import poly_data
from surgtwin.mesh.extract import extract_meshes
from surgtwin.mesh.surface_distance import SurfaceDistance
from surgtwin.planning.cut_mesh import SolidOrgan, divide
from surgtwin.planning.margin import measure_margin
from surgtwin.planning.preview import ResectionPreview, preview_of
from surgtwin.planning.resection import CutOrgan, ResectionResult, cut_organ, evaluate_resection
from surgtwin.planning.split import split_tissue
from surgtwin.planning.start_cut import patch_of_plane
from surgtwin.planning.tissue import Tissue
from surgtwin.planning.twin_geometry import TwinGeometry

FULL, SMALL = (300, 512, 512), (75, 128, 128)
FULL_SPACING = (0.75, 0.75, 1.0)
CENTRE = np.array([0.0, 0.0, -550.0])
TUMOURS = ("tumour", "tumour 2")
PATIENT = PatientFigures(170, 70)
GOAL_MS = 100.0
MOST_TRIANGLES = 50_000
"""Of the organ that is cut: VTK's boolean takes minutes for more."""
ARMS = ((80.0, 10.0, 15.0), (-70.0, 25.0, 20.0), (15.0, -45.0, 30.0))
"""Where the vessel's three branches go from the liver's middle, mm."""


def liver_twin(shape: tuple[int, int, int]) -> Twin:
    """A liver of two ellipsoids (1.6 L), a vessel with three branches, and two tumours, on a grid off the origin."""
    spacing = np.asarray(FULL_SPACING) * FULL[1] / shape[1]
    size = np.asarray(shape[::-1])
    grid = Grid.from_axes(shape, CENTRE - spacing * (size - 1) / 2, np.eye(3), spacing)
    z, y, x = (c.astype(np.float32) for c in np.ogrid[: shape[0], : shape[1], : shape[2]])
    first = grid.to_lps((0, 0, 0)) - CENTRE
    x, y, z = (first[a] + spacing[a] * c for a, c in enumerate((x, y, z)))
    layer = np.zeros(shape, np.uint8)
    layer[_ellipsoid((x, y, z), (-30, 0, 0), (75, 65, 75)) | _ellipsoid((x, y, z), (45, -20, 15), (70, 45, 45))] = 1
    for arm in ARMS:
        for t in np.linspace(0, 1, 60):
            radius = 6.0 - 4.0 * t
            layer[_ellipsoid((x, y, z), tuple(t * np.asarray(arm)), (radius,) * 3)] = 2
    layer[_ellipsoid((x, y, z), (-70, 0, 0), (20, 20, 20))] = 3
    layer[_ellipsoid((x, y, z), (5, 20, 10), (12, 12, 12))] = 4
    return _twin(grid, layer, ("liver", "portal vein", *TUMOURS))


def _ellipsoid(xyz: tuple[Any, ...], centre: Any, radii: Any) -> NDArray[np.bool_]:
    """Slabs that hold nothing are skipped: the benchmark's own start should not take minutes."""
    squares = [((c - m) / r) ** 2 for c, m, r in zip(xyz, centre, radii, strict=True)]
    inside = np.zeros(np.broadcast_shapes(*(s.shape for s in squares)), dtype=bool)
    rows = np.flatnonzero(squares[2].ravel() <= 1)
    if len(rows):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        inside[part] = squares[0] + squares[1] + squares[2][part] <= 1
    return inside


def ball_twin() -> Twin:
    """The ball of the known answers: R 50, 1 mm voxels."""
    grid = Grid.from_axes((112, 112, 112), (-55.2, -55.6, -55.3), np.eye(3), (1.0, 1.0, 1.0))
    k, j, i = np.indices(grid.shape)
    inside = (grid.to_lps(np.stack((i, j, k), -1)) ** 2).sum(-1) <= 2500.0
    return _twin(grid, inside.astype(np.uint8), ("liver",))


def _twin(grid: Grid, layer: NDArray[np.uint8], names: tuple[str, ...]) -> Twin:
    structures = tuple(
        replace(structure_for(n + 1, name), part_of="liver" if name in TUMOURS else "") for n, name in enumerate(names)
    )
    labels = LabelMap(grid, (layer,), structures)
    volume = Volume(grid, np.zeros(grid.shape, np.int16), Modality.CT, SourceInfo("synthetic", "0"))
    now = "2026-01-01T00:00:00+00:00"
    return Twin(
        "case-1",
        (TwinImage("image-1", "primary", volume),),
        labels,
        extract_meshes(labels),
        Revision(1, None, "built", RevisionState.ACCEPTED, now),
        Provenance(now, "benchmark"),
    )


def resection(surface: CutSurface) -> Resection:
    return Resection("A", "liver", surface, includes=("portal vein",), targets=TUMOURS)


PLANE = PlaneCut((-25.0, 0.0, -550.0), (-1.0, 0.25, 0.1))


def bent_patch(tissue: Tissue) -> BezierCut:
    net = patch_of_plane(PLANE, tissue).control_points_mm.copy()
    net[1:3, 1:3] += 25.0 * np.asarray(PLANE.normal)
    return BezierCut(net)


def dragged(kind: str, patch: BezierCut, count: int) -> list[CutSurface]:
    """The cuts that a hand makes of one: a handle of the patch, the plane's point, the shell's distance."""
    steps = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    if kind == "shell":
        return [ShellCut(("tumour",), 10.0 + 4.0 * float(np.sin(t))) for t in steps]
    if kind == "plane":
        return [replace(PLANE, point_mm=(-25.0 + 12.0 * float(np.sin(t)), 0.0, -550.0)) for t in steps]
    cuts: list[CutSurface] = []
    for t in steps:
        net = patch.control_points_mm.copy()
        net[1, 2] += 20.0 * np.sin(t) * np.asarray(PLANE.normal) + 10.0 * np.cos(t) * np.array([0.0, 0.0, 1.0])
        cuts.append(BezierCut(net))
    return cuts


@dataclass(frozen=True)
class Timing:
    """Medians over the repeats."""

    wall_s: float
    cpu_s: float


def timed(call: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = call()
    return time.perf_counter() - wall, time.process_time() - cpu, made


def in_turns(sides: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, Timing], dict[str, Any]]:
    """What each side took, run in turns, and what it made last."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    made: dict[str, Any] = {}
    for _ in range(repeats):
        for name, side in sides.items():
            wall, cpu, made[name] = timed(side)
            taken[name].append((wall, cpu))
    return {n: Timing(*(statistics.median(c) for c in zip(*t, strict=True))) for n, t in taken.items()}, made


def against(timings: dict[str, Timing], peer: str) -> dict[str, Any]:
    """Seconds of every side, and ours over the peer's."""
    ours, theirs = timings["ours"], timings[peer]
    seconds = {name: asdict(t) for name, t in timings.items()}
    return {"seconds": seconds, "ratio": {"wall": ours.wall_s / theirs.wall_s, "cpu": ours.cpu_s / theirs.cpu_s}}


def bench_drag(geometry: TwinGeometry, patch: BezierCut, drags: int, repeats: int) -> dict[str, Any]:
    """Milliseconds for each cut that a drag makes, and the preview's distance from the exact figures."""
    wall, cpu, preview = timed(lambda: preview_of(geometry, resection(PLANE)))
    figures: dict[str, Any] = {"preparation_s": {"wall": wall, "cpu": cpu}}
    for kind in ("plane", "bezier", "shell"):
        cuts = dragged(kind, patch, drags)
        first = timed(lambda cut=cuts[0]: preview.at(cut))[0]
        times = [timed(lambda cut=cut: preview.at(cut))[:2] for cut in cuts]
        walls, cpus = ([1000.0 * t[n] for t in times] for n in (0, 1))
        exact, far = bench_exact(geometry, preview, cuts[:: max(1, drags // repeats)][:repeats])
        figures[kind] = {
            "first_ms": 1000.0 * first,
            "wall_ms": {"median": statistics.median(walls), "p95": float(np.percentile(walls, 95))},
            "cpu_ms": {"median": statistics.median(cpus), "p95": float(np.percentile(cpus, 95))},
            "exact_s": asdict(exact),
            "farthest_from_exact": far,
        }
    return figures


def bench_exact(
    geometry: TwinGeometry, preview: ResectionPreview, cuts: list[CutSurface]
) -> tuple[Timing, dict[str, float]]:
    """Seconds of the exact evaluation, and the largest difference of the preview from it."""
    times, ml, share, mm = [], 0.0, 0.0, 0.0
    for cut in cuts:
        wall, cpu, exact = timed(lambda cut=cut: evaluated(geometry, cut)[1])
        times.append((wall, cpu))
        rough = preview.at(cut)
        off = abs(rough.resected_ml - exact.resected.ml)
        ml, share = max(ml, off), max(share, off / rough.error_ml)
        for near, truth in zip(rough.margins, exact.margins, strict=True):
            if near.min_mm is not None and truth.min_mm is not None:
                mm = max(mm, abs(near.min_mm - truth.min_mm))
    timing = Timing(*(statistics.median(column) for column in zip(*times, strict=True)))
    return timing, {"resected_ml": ml, "share_of_stated_error": share, "margin_mm": mm}


def evaluated(geometry: TwinGeometry, surface: CutSurface) -> tuple[CutOrgan, ResectionResult]:
    cut = cut_organ(geometry, resection(surface))
    return cut, evaluate_resection(geometry, cut, PATIENT)


def by_painted_barrier(tissue: Tissue, plane: PlaneCut) -> dict[str, float]:
    """Resected, remnant and barrier volume when voxels the plane passes through are painted and regions grown."""
    import cc3d

    value = plane.plane.signed_distance(tissue.points_mm())
    steps = np.abs(np.asarray(plane.normal) @ tissue.grid.lps_from_ijk[:3, :3]).sum()
    open_ = tissue.mask(np.abs(value) > steps / 2.0)
    parts = cc3d.connected_components(open_, connectivity=6)
    label_of = parts[tuple(tissue.ijk.T[::-1])]
    grown = [np.bincount(label_of[(value > 0) == side], minlength=2)[1:].sum() for side in (True, False)]
    painted = int((label_of == 0).sum())
    ml = tissue.grid.voxel_volume_ml
    return {"resected_ml": grown[0] * ml, "remnant_ml": grown[1] * ml, "lost_ml": painted * ml}


def bench_volumes(geometry: TwinGeometry, repeats: int) -> dict[str, Any]:
    """The side test against the painted barrier, on the twin and on the ball of the known answers."""
    tissue = geometry.organ_tissue(resection(PLANE))
    side = geometry.side(PLANE, tissue)
    seconds, made = in_turns(
        {
            "ours": lambda: split_tissue(tissue, side),
            "painted barrier": lambda: by_painted_barrier(tissue, PLANE),
        },
        repeats,
    )
    figures = against(seconds, "painted barrier") | {"barrier": made["painted barrier"]}
    figures["ours"] = {"resected_ml": made["ours"].resected_ml, "remnant_ml": made["ours"].remnant_ml, "lost_ml": 0.0}
    ball = TwinGeometry(ball_twin())
    cut = PlaneCut((20.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    tissue = ball.tissue(("liver",))
    painted, ours = by_painted_barrier(tissue, cut), split_tissue(tissue, ball.side(cut, tissue))
    truth = 113.097336
    figures["ball_of_known_answer"] = {
        "truth_ml": truth,
        "ours_ml": ours.resected_ml,
        "ours_off_percent": 100.0 * abs(ours.resected_ml / truth - 1.0),
        "barrier_lost_ml": painted["lost_ml"],
        "barrier_lost_percent_of_piece": 100.0 * painted["lost_ml"] / truth,
        "barrier_sum_off_ml": tissue.volume_ml - painted["resected_ml"] - painted["remnant_ml"],
        "our_sum_off_ml": tissue.volume_ml - ours.resected_ml - ours.remnant_ml,
    }
    return figures


def by_vtk_boolean(organ: Any, cutter: Any) -> list[Any]:
    """Both parts, as the side test gives both."""
    from vtkmodules.vtkFiltersGeneral import vtkBooleanOperationPolyDataFilter

    parts = []
    for operation in ("SetOperationToIntersection", "SetOperationToDifference"):
        filter_ = vtkBooleanOperationPolyDataFilter()
        getattr(filter_, operation)()
        filter_.SetInputData(0, organ)
        filter_.SetInputData(1, cutter)
        filter_.Update()
        parts.append(filter_.GetOutput())
    return parts


def by_vtk_clip(organ: Any, cut: PlaneCut) -> list[Any]:
    """Both parts, capped."""
    from vtkmodules.vtkCommonDataModel import vtkPlane, vtkPlaneCollection
    from vtkmodules.vtkFiltersGeneral import vtkClipClosedSurface

    parts = []
    for sign in (1.0, -1.0):
        plane = vtkPlane()
        plane.SetOrigin(cut.point_mm)
        plane.SetNormal(*(sign * c for c in cut.normal))
        planes = vtkPlaneCollection()
        planes.AddItem(plane)
        filter_ = vtkClipClosedSurface()
        filter_.SetClippingPlanes(planes)
        filter_.SetInputData(organ)
        filter_.Update()
        parts.append(filter_.GetOutput())
    return parts


def bench_meshes(geometry: TwinGeometry, patch: BezierCut, repeats: int) -> dict[str, Any]:
    """Closed cut meshes of a plane and of a patch; our solid is made once, as the program keeps it."""
    from surgtwin.planning.cut_mesh import _cutting_solid, _mesh

    tissue = geometry.organ_tissue(resection(PLANE))
    mesh = geometry.tissue_mesh(tissue)
    if len(mesh.triangles) > MOST_TRIANGLES:
        few = 1.0 - MOST_TRIANGLES / len(mesh.triangles)
        vertices, triangles = thinned(mesh.vertices_mm, mesh.triangles, few) or (mesh.vertices_mm, mesh.triangles)
        mesh = OrganMesh(mesh.name, vertices, triangles, mesh.colour)
    build = timed(lambda: SolidOrgan.of(mesh))
    solid, organ = build[2], poly_data(mesh.vertices_mm, mesh.triangles)
    figures: dict[str, Any] = {"triangles": len(mesh.triangles), "our_solid_once_s": build[0]}
    for kind, surface in (("plane", PLANE), ("bezier", patch)):
        side = geometry.side(surface, tissue)
        ours = lambda side=side: divide(solid, side, (200, 60, 60))  # noqa: E731
        if kind == "plane":
            peer, name = (lambda: by_vtk_clip(organ, PLANE)), "vtkClipClosedSurface"
        else:
            cutter = _mesh(_cutting_solid(side, mesh)[0], "cutter", (0, 0, 0))
            cutting = poly_data(cutter.vertices_mm, cutter.triangles)
            peer, name = (lambda cutting=cutting: by_vtk_boolean(organ, cutting)), "vtkBooleanOperationPolyDataFilter"
        seconds, made = in_turns({"ours": ours, name: peer}, repeats)
        split = split_tissue(tissue, side)
        parts = made["ours"]
        figures[kind] = against(seconds, name) | {
            "our_sum_off_ml": parts.resected.volume_ml + parts.remnant.volume_ml - mesh.volume_ml,
            "our_resected_off_voxels_percent": 100.0 * (parts.resected.volume_ml / split.resected_ml - 1.0),
            "peer_resected_ml": vtk_volume_ml(made[name][0]),
            "our_resected_ml": parts.resected.volume_ml,
        }
    return figures


def vtk_volume_ml(mesh: Any) -> float:
    from vtkmodules.vtkFiltersCore import vtkMassProperties, vtkTriangleFilter

    triangles = vtkTriangleFilter()
    triangles.SetInputData(mesh)
    mass = vtkMassProperties()
    mass.SetInputConnection(triangles.GetOutputPort())
    mass.Update()
    return float(mass.GetVolume()) / 1000.0


def by_vtk_distance(surface: Any, points: NDArray[np.float64]) -> NDArray[np.float64]:
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    distance = vtkImplicitPolyDataDistance()
    distance.SetInput(surface)
    return np.array([distance.EvaluateFunction(*point) for point in points])


def bench_margins(geometry: TwinGeometry, patch: BezierCut, repeats: int) -> dict[str, Any]:
    """Distances of every point of the cut from a tumour's surface, and all figures of the margin, against VTK's
    distances alone."""
    cut, _ = evaluated(geometry, patch)
    points = cut.split.surface.points_mm
    tumour, terms = geometry.surface("tumour"), geometry.error_terms("tumour")
    mesh = geometry.surface("tumour").mesh
    surface = poly_data(mesh.vertices_mm, mesh.triangles)
    seconds, made = in_turns(
        {
            "ours": lambda: measure_margin("tumour", tumour, cut.split.surface, cut.side, 10.0, terms),
            "our distances alone": lambda: SurfaceDistance(mesh).at(points),
            "vtkImplicitPolyDataDistance": lambda: by_vtk_distance(surface, points),
        },
        repeats,
    )
    return against(seconds, "vtkImplicitPolyDataDistance") | {
        "points": len(points),
        "triangles": len(mesh.triangles),
        "largest_difference_mm": float(np.abs(made["our distances alone"] - made["vtkImplicitPolyDataDistance"]).max()),
    }


def goals(figures: dict[str, Any]) -> dict[str, bool]:
    drag, ball = figures["drag"], figures["volumes"]["ball_of_known_answer"]
    kinds = ("plane", "bezier", "shell")
    return {
        f"a dragged cut within {GOAL_MS:.0f} ms (median)": all(drag[k]["wall_ms"]["median"] <= GOAL_MS for k in kinds),
        f"a dragged cut within {GOAL_MS:.0f} ms (95th percentile)": all(
            drag[k]["wall_ms"]["p95"] <= GOAL_MS for k in kinds
        ),
        "the preview keeps to the error it states": all(
            drag[k]["farthest_from_exact"]["share_of_stated_error"] <= 1.0 for k in kinds
        ),
        "resected and remnant add up": abs(ball["our_sum_off_ml"]) < 1e-9,
        "closed cut <= 0.05 of vtkBooleanOperationPolyDataFilter": figures["meshes"]["bezier"]["ratio"]["wall"] <= 0.05,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="128 x 128 x 75 instead of 512 x 512 x 300")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--drags", type=int, default=30, help="cuts in one drag")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    geometry = TwinGeometry(liver_twin(SMALL if arguments.small else FULL))
    tissue = geometry.organ_tissue(resection(PLANE))
    patch = bent_patch(tissue)
    figures: dict[str, Any] = {
        "grid": list(geometry.twin.labels.grid.shape),
        "organ_ml": tissue.volume_ml,
        "voxels": len(tissue),
        "drag": bench_drag(geometry, patch, arguments.drags, arguments.repeats),
        "volumes": bench_volumes(geometry, arguments.repeats),
        "meshes": bench_meshes(geometry, patch, arguments.repeats),
        "margins": bench_margins(geometry, patch, arguments.repeats),
    }
    print(json.dumps(figures, indent=2))
    for goal, is_met in goals(figures).items():
        print(f"{'met   ' if is_met else 'missed'} {goal}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
