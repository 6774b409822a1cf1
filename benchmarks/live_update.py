"""How long an arrived image takes to become warped surfaces, and how true they are: the phantom's own deformation."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sample_data.deformation import Breathing, Deformation, Still, apply
from sample_data.phantom import PhantomSpec, make_phantom
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Volume
from surgtwin.live.update import UpdateSettings, propose_update
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.ports import Segmentation

SHAPE, SPACING_MM = (128, 128, 128), (2.9, 2.9, 2.4)
NOISE_HU = 12.0
POINTS = 20_000
GOALS = {"seconds": 2.5, "mean_mm": 0.35, "p95_mm": 0.9}
CASES: dict[str, Deformation] = {
    "still": Still(),
    "breathing 4 mm": Breathing(4.0),
    "breathing 7 mm": Breathing(7.0),
    "breathing -7 mm": Breathing(-7.0),
}


def phantom(deformation: Deformation, seed: int) -> tuple[Volume, LabelMap]:
    """The same person each time, with noise of its own."""
    made = make_phantom(
        PhantomSpec(shape=SHAPE, spacing_mm=SPACING_MM, deformation=deformation, noise_hu=0.0, reference_step_mm=None)
    )
    noise = np.random.default_rng(seed).normal(0.0, NOISE_HU, SHAPE)
    return replace(made.volume, values=(made.volume.values + noise).astype(np.int16)), made.labels


def update_figures() -> dict[str, Any]:
    """For each deformation: seconds to the proposed revision, and errors at points inside the organs, mm."""
    volume, labels = phantom(Still(), 1)
    methods = {s.name: "the phantom's truth" for s in labels.structures}
    twin = build_twin(volume, lambda v, p: Segmentation(labels, methods))
    points, origin = inside(labels), np.asarray(PhantomSpec().origin_mm)
    told: dict[str, Any] = {"goals": GOALS, "structures": len(twin.meshes)}
    for seed, (name, deformation) in enumerate(CASES.items(), start=2):
        arrived, _ = phantom(deformation, seed)
        told[name] = one_update(twin, arrived, points, apply(deformation, points - origin) + origin)
    return told


def inside(labels: LabelMap) -> NDArray[np.float64]:
    """Voxel centres inside organs, without the body around them, drawn evenly."""
    k, j, i = np.nonzero(labels.layers[0])
    chosen = np.random.default_rng(0).choice(len(k), min(POINTS, len(k)), replace=False)
    return labels.grid.to_lps(np.stack([i[chosen], j[chosen], k[chosen]], axis=-1))


def one_update(twin: Twin, arrived: Volume, points: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    proposed = propose_update(twin, arrived, UpdateSettings())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    registration = proposed.registration
    if registration is None:
        raise RuntimeError("an update without a registration")
    off = np.linalg.norm(registration.field.moved(points) - truth, axis=1)
    before = np.linalg.norm(points - truth, axis=1)
    warp = time.perf_counter()
    for mesh in twin.meshes:
        registration.field.moved(mesh.vertices_mm)
    return {
        "seconds": wall,
        "processor_seconds": cpu,
        "warping_all_surfaces_ms": (time.perf_counter() - warp) * 1000.0,
        "mean_before_mm": float(before.mean()),
        "mean_mm": float(off.mean()),
        "p95_mm": float(np.percentile(off, 95)),
        "stated_error_mm": registration.error_mm(),
        "gates_failed": [g.name for g in registration.gates if not g.is_passed],
    }
