"""Saving and loading a twin of a 512 x 512 x 400 CT against the bare disk, and kills without number.

    python benchmarks/store.py [--labels FILE.nii.gz] [--folder DIR] [--rounds 3]
    python benchmarks/store.py --many 1000       kill -9 while saving and changing, nothing acknowledged may be lost

The peer is what cannot be beaten: one file written with `tobytes` and fsync, read with `fromfile`, in the same run.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "store")]

from surgtwin.domain.geometry import Grid  # noqa: E402
from surgtwin.domain.labels import LabelMap  # noqa: E402
from surgtwin.domain.structure_table import structure_for  # noqa: E402
from surgtwin.domain.twin import Provenance, Revision, RevisionState, Side, Twin, TwinImage  # noqa: E402
from surgtwin.domain.volume import Modality, SourceInfo, Volume  # noqa: E402
from surgtwin.store.load import load_twin  # noqa: E402
from surgtwin.store.save import save_twin  # noqa: E402
from surgtwin.store.verify import verify_twin  # noqa: E402
from surgtwin.store.writer import TwinWriter  # noqa: E402

SHAPE = (400, 512, 512)
MEGABYTE = 1e6


def make_twin(labels_file: Path | None) -> Twin:
    grid = Grid.from_axes(SHAPE, (-180.0, -170.0, -600.0), np.eye(3), (0.7, 0.7, 1.0))
    values = np.random.default_rng(0).integers(-1000, 1500, SHAPE, dtype=np.int16)
    layer = _real_labels(labels_file) if labels_file else _ball_labels()
    structures = tuple(structure_for(int(v)) for v in np.unique(layer) if v)
    volume = Volume(grid, values, Modality.CT, SourceInfo("synthetic", ""))
    revision = Revision(1, None, "benchmark", RevisionState.ACCEPTED, "2026-01-01T00:00:00Z")
    provenance = Provenance("2026-01-01T00:00:00Z", "benchmark")
    images = (TwinImage("image-1", "primary", volume),)
    return Twin("case-0000-0000", images, LabelMap(grid, (layer,), structures), (), revision, provenance)


def _ball_labels() -> np.ndarray:
    layer = np.zeros(SHAPE, np.uint8)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    rng = np.random.default_rng(1)
    for label in range(1, 25):
        cz, cy, cx = rng.uniform(0.2, 0.8, 3) * SHAPE
        layer[(z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(20, 70) ** 2] = label
    return layer


def _real_labels(path: Path) -> np.ndarray:
    """A real label map blown up to the benchmark's size."""
    import nibabel

    small = np.asarray(nibabel.load(path).dataobj).astype(np.uint8).T
    index = [np.arange(n) * m // n for n, m in zip(SHAPE, small.shape, strict=True)]
    return np.ascontiguousarray(small[np.ix_(*index)])


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock and of the processor (the latter hardly feels a busy machine)."""
    start, busy = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - start, time.process_time() - busy


def bare_write(path: Path, values: np.ndarray) -> None:
    with path.open("wb") as file:
        values.tofile(file)
        file.flush()
        os.fsync(file.fileno())


def measure(folder: Path, labels_file: Path | None, rounds: int) -> None:
    twin = make_twin(labels_file)
    path, bare = folder / "bench.twin", folder / "bare.raw"
    times: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        steps: list[tuple[str, Callable[[], object]]] = [
            ("bare write", lambda: bare_write(bare, twin.primary.values)),
            ("save", lambda: save_twin(twin, path, overwrite=True)),
            ("bare read", lambda: np.fromfile(bare, np.int16)),
            ("load", lambda: load_twin(path)),
            ("verify", lambda: verify_twin(path)),
        ]
        for name, action in steps:
            times.setdefault(name, []).append(timed(action))
    with TwinWriter(path) as writer:
        for n in range(20):
            side = Side.LEFT if n % 2 else Side.RIGHT
            times.setdefault("acknowledged change", []).append(timed(lambda side=side: writer.set_side(side)))
    median = {name: statistics.median(wall for wall, _ in pairs) for name, pairs in times.items()}
    for name, pairs in times.items():
        busy = statistics.median(cpu for _, cpu in pairs)
        print(f"{name:22s} {median[name]:8.3f} s   processor {busy:6.3f} s")
    print(f"save / bare write      {median['save'] / median['bare write']:8.2f}")
    print(f"load / bare read       {median['load'] / median['bare read']:8.2f}")
    sizes = sorted(p.stat().st_size for p in (path / "blobs").rglob("*") if p.is_file())
    print(f"image {sizes[-1] / MEGABYTE:.1f} MB, label layer {sizes[-2] / MEGABYTE:.2f} MB (1 byte a voxel before)")


def kill_many(folder: Path, count: int) -> int:
    from kill_trial import run_trial

    rng = random.Random(0)
    bad = 0
    for n in range(count):
        faults = run_trial(folder / f"trial {n}", rng.uniform(0.0, 0.8))
        bad += bool(faults)
        if faults:
            print(f"trial {n}: {faults}")
    print(f"{count} kills, {bad} with something lost or damaged")
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        if given.many:
            return kill_many(Path(folder), given.many)
        measure(Path(folder), given.labels, given.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
