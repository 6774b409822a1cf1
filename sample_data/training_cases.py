"""Phantoms as training cases: ``python -m sample_data.training_cases OUT --count 24 --first-seed 100``.

Writes ``personN_image.nii.gz`` and ``personN_labels.nii.gz`` (the phantom's own label values), each another person,
scanned with other voxels, noise, blur and field of view. Seeds below 100 are left to tests and to the demonstration.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .phantom import Phantom, PhantomSpec, make_phantom

EXTENT_MM = (384.0, 288.0)
"""Field of view in plane and along the body."""


def vary(seed: int) -> PhantomSpec:
    """Return another person in another scanner for each seed."""
    rng = np.random.default_rng(seed)
    pixel = float(rng.uniform(1.4, 2.2))
    slices = float(rng.choice([2.0, 2.5, 3.0, 4.0, 5.0]))
    in_plane, along = EXTENT_MM[0] * float(rng.uniform(0.95, 1.1)), EXTENT_MM[1] * float(rng.uniform(0.8, 1.15))
    columns = round(in_plane / pixel)
    return PhantomSpec(
        shape=(round(along / slices), columns, columns),
        spacing_mm=(pixel, pixel, slices),
        center_mm=(float(rng.uniform(-15, 15)), float(rng.uniform(-5, 20)), float(rng.uniform(10, 55))),
        seed=seed,
        spread=float(rng.uniform(0.8, 1.6)),
        noise_hu=float(rng.uniform(5, 22)),
        blur_mm=float(rng.uniform(1.0, 2.0)),
        with_table=bool(rng.random() < 0.8),
    )


def write_case(phantom: Phantom, folder: Path, name: str) -> None:
    """Write image and labels as NIfTI."""
    _write(phantom.volume.values, phantom, folder / f"{name}_image.nii.gz")
    _write(phantom.labels.layers[0], phantom, folder / f"{name}_labels.nii.gz")


def _write(values: npt.NDArray[np.generic], phantom: Phantom, path: Path) -> None:
    import SimpleITK

    grid = phantom.volume.grid
    image = SimpleITK.GetImageFromArray(np.array(values))
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing)
    image.SetDirection(grid.direction.ravel().tolist())
    SimpleITK.WriteImage(image, str(path), useCompression=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the cases from the command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.training_cases", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--first-seed", type=int, default=100)
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.count):
        name = f"person{seed}"
        if not (options.folder / f"{name}_labels.nii.gz").exists():
            write_case(make_phantom(vary(seed)), options.folder, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
