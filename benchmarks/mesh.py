"""Surfaces of 24 organs against pyvista's `contour_labels`, and 90 % decimation against vtkQuadricDecimation.

    python benchmarks/mesh.py [--small] [--repeats 3] [--json FILE]

Goals 6 and 7 of the project's performance table. Both sides run in turns within this one run; the figures are medians
and their ratios. Ours fills in every mesh's quality (checked topology, measured deviation); the peers measure nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.mesh import OrganMesh
from surgtwin.mesh.decimate import decimate, thinned
from surgtwin.mesh.extract import extract_meshes
from surgtwin.mesh.measure import measure

ORGANS = 24
FULL, SMALL = (300, 512, 512), (75, 128, 128)
SPACING = (0.75, 0.75, 1.0)
VESSEL_RADIUS_VOXELS = 3.0


def synthetic_organs(shape: tuple[int, int, int]) -> LabelMap:
    """22 ellipsoids of many sizes, some touching, and two vessels of 3 voxels' radius (a torus and a wavy tube)."""
    rng = np.random.default_rng(7)
    labels = np.zeros(shape, dtype=np.uint8)
    scale = np.array(shape, dtype=float)
    for label in range(1, ORGANS - 1):
        radii = rng.uniform(0.06, 0.19, 3) * scale
        centre = rng.uniform(0.18, 0.82, 3) * scale
        box = tuple(
            slice(max(int(c - r) - 1, 0), min(int(c + r) + 2, n)) for c, r, n in zip(centre, radii, shape, strict=True)
        )
        k, j, i = np.ogrid[box]
        inside = sum(((x - c) / r) ** 2 for x, c, r in zip((k, j, i), centre, radii, strict=True)) < 1
        view = labels[box]
        view[inside & (view == 0)] = label
    _add_vessels(labels, scale)
    grid = Grid.from_axes(shape, (-190.0, -150.0, -700.0), np.eye(3), SPACING)
    names = tuple(Structure(n, f"organ {n}", (200, 120, 80)) for n in range(1, ORGANS + 1) if np.any(labels == n))
    return LabelMap(grid, (labels,), names)


def _add_vessels(labels: NDArray[np.uint8], scale: NDArray[np.float64]) -> None:
    turn = np.linspace(0, 2 * np.pi, 20000)
    ring = np.stack((0.5 + 0 * turn, 0.5 + 0.3 * np.sin(turn), 0.5 + 0.3 * np.cos(turn)), axis=1) * scale
    wave = np.stack((0.05 + 0.9 * turn / 2 / np.pi, 0.5 + 0.1 * np.sin(3 * turn), 0.15 + 0.05 * np.cos(4 * turn)), 1)
    reach = int(VESSEL_RADIUS_VOXELS) + 1
    offsets = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), -1).reshape(-1, 3)
    for label, line in ((ORGANS - 1, ring), (ORGANS, wave * scale)):
        for point in line[:: max(1, 20000 // int(4 * scale.max()))]:
            near = np.round(point).astype(int) + offsets
            near = near[((near - point) ** 2).sum(axis=1) < VESSEL_RADIUS_VOXELS**2]
            near = near[((near >= 0) & (near < labels.shape)).all(axis=1)]
            labels[tuple(near.T)] = label


def by_pyvista(labels: LabelMap) -> Any:
    import pyvista

    image = pyvista.ImageData(dimensions=labels.grid.size_ijk, spacing=labels.grid.spacing)
    image.point_data["labels"] = np.asarray(labels.layers[0]).ravel()
    return image.contour_labels(scalars="labels", boundary_style="all")


def by_skimage(labels: LabelMap) -> list[Any]:
    from scipy.ndimage import find_objects
    from skimage.measure import marching_cubes

    boxes = find_objects(labels.layers[0])
    return [
        marching_cubes(np.pad(labels.layers[0][boxes[s.label - 1]] == s.label, 1).astype(np.float32), 0.5)
        for s in labels.structures
    ]


def by_vtk_decimation(mesh: OrganMesh) -> Any:
    from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

    from surgtwin.mesh.deviation import poly_data

    filter_ = vtkQuadricDecimation()
    filter_.SetInputData(poly_data(mesh.vertices_mm, mesh.triangles))
    filter_.SetTargetReduction(0.9)
    filter_.Update()
    return filter_.GetOutput()


@dataclass(frozen=True)
class Timing:
    """Medians over the repeats. On a machine that others use, CPU seconds tell more than wall seconds."""

    wall_s: float
    cpu_s: float


def in_turns(sides: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, Timing], dict[str, Any]]:
    """What each side took, run in turns, and what it made last."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    made: dict[str, Any] = {}
    for _ in range(repeats):
        for name, side in sides.items():
            wall, cpu = time.perf_counter(), time.process_time()
            made[name] = side()
            taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {n: Timing(*(statistics.median(column) for column in zip(*t, strict=True))) for n, t in taken.items()}, made


def ratios(timings: dict[str, Timing], ours: str, peer: str) -> dict[str, float]:
    a, b = timings[ours], timings[peer]
    return {"wall": a.wall_s / b.wall_s, "cpu": a.cpu_s / b.cpu_s}


def bench_extraction(labels: LabelMap, repeats: int) -> tuple[dict[str, Any], tuple[OrganMesh, ...]]:
    sides: dict[str, Callable[[], Any]] = {
        "ours": lambda: extract_meshes(labels),
        "pyvista contour_labels": lambda: by_pyvista(labels),
    }
    try:
        import skimage  # noqa: F401
    except ImportError:
        print("skimage is not installed: left out.")
    else:
        sides["skimage, cropped, unsmoothed"] = lambda: by_skimage(labels)
    seconds, made = in_turns(sides, repeats)
    meshes: tuple[OrganMesh, ...] = made["ours"]
    qualities = [m.quality for m in meshes if m.quality is not None]
    errors = [abs(q.volume_ml / q.label_volume_ml - 1) for q in qualities]
    return {
        "organs": len(meshes),
        "triangles": sum(len(m.triangles) for m in meshes),
        "pyvista_triangles": int(made["pyvista contour_labels"].n_cells),
        "seconds": {name: asdict(t) for name, t in seconds.items()},
        "ratio_to_pyvista": ratios(seconds, "ours", "pyvista contour_labels"),
        "closed_and_manifold": sum(q.is_watertight and q.is_manifold and q.volume_ml > 0 for q in qualities),
        "volume_error_median": statistics.median(errors),
        "volume_error_max": max(errors),
        "vessel_volume_error": max(errors[-2:]),
        "deviation_max_mm": max(q.deviation_max_mm for q in qualities),
    }, meshes


def bench_decimation(mesh: OrganMesh, repeats: int) -> dict[str, Any]:
    sides: dict[str, Callable[[], Any]] = {
        "ours": lambda: thinned(mesh.vertices_mm, mesh.triangles, 0.9),
        "ours with measured deviation": lambda: decimate(mesh, 0.9),
        "vtkQuadricDecimation": lambda: by_vtk_decimation(mesh),
    }
    seconds, made = in_turns(sides, repeats)
    thin: OrganMesh = made["ours with measured deviation"]
    quality = thin.quality or measure(thin, mesh.volume_ml)
    return {
        "triangles": len(mesh.triangles),
        "triangles_left": len(thin.triangles),
        "seconds": {name: asdict(t) for name, t in seconds.items()},
        "ratio_to_vtk": ratios(seconds, "ours", "vtkQuadricDecimation"),
        "ratio_with_deviation": ratios(seconds, "ours with measured deviation", "vtkQuadricDecimation"),
        "volume_change": abs(thin.volume_ml / mesh.volume_ml - 1),
        "closed_and_manifold": quality.is_watertight and quality.is_manifold,
        "deviation_added_max_mm": quality.deviation_max_mm - (mesh.quality.deviation_max_mm if mesh.quality else 0.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="128 x 128 x 75 instead of 512 x 512 x 300")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    labels = synthetic_organs(SMALL if arguments.small else FULL)
    extraction, meshes = bench_extraction(labels, arguments.repeats)
    largest = max(meshes, key=lambda m: len(m.triangles))
    figures = {"extraction": extraction, "decimation": bench_decimation(largest, arguments.repeats)}
    print(json.dumps(figures, indent=2))
    goals = {
        "6 time <= 0.25": extraction["ratio_to_pyvista"]["wall"] <= 0.25,
        "6 all closed": extraction["closed_and_manifold"] == extraction["organs"],
        "6 volume <= 0.5 %": extraction["volume_error_max"] <= 0.005,
        "7 time <= 0.15": figures["decimation"]["ratio_to_vtk"]["wall"] <= 0.15,
        "7 volume <= 0.1 %": figures["decimation"]["volume_change"] <= 0.001,
    }
    for goal, is_met in goals.items():
        print(f"{'met   ' if is_met else 'missed'} {goal}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
