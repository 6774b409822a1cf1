"""Phantoms with liver tumours of all sizes in random places: ``python -m sample_data.lesion_cases OUT --count 8``.

Writes ``personN_image.nii.gz`` and ``personN_labels.nii.gz`` as `training_cases` does. Its seeds are above those of the
training phantoms, so that a model can be judged on people it has never seen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .anatomy import make_anatomy
from .deformation import Still
from .liver import Tumour, liver_shape
from .phantom import PhantomSpec, make_phantom
from .training_cases import vary, write_case
from .wall import wall_of

FIRST_SEED = 5000
DIAMETERS_MM = (6.0, 45.0)
MOST_TUMOURS = 7
DEEP_MM = 1.5
"""How far under the liver's surface a tumour lies at least."""
APART_MM = 4.0
PLACES_TRIED = 400
LIVER_BOX_MM = ((-140.0, 40.0), (-90.0, 80.0), (-35.0, 130.0))


def place_tumours(spec: PhantomSpec, rng: np.random.Generator) -> tuple[Tumour, ...]:
    """Return tumours that lie in that person's liver, the largest first, none touching another."""
    person = make_anatomy(spec.seed, spec.spread, (), Still()).person
    liver = liver_shape(wall_of(person), person)
    low, high = np.log(DIAMETERS_MM)
    radii = sorted(np.exp(rng.uniform(low, high, int(rng.integers(2, MOST_TUMOURS + 1)))) / 2, reverse=True)
    placed: list[Tumour] = []
    for radius in radii:
        centres = np.column_stack([rng.uniform(*side, PLACES_TRIED) for side in LIVER_BOX_MM])
        depth = -liver.distance(*(axis.astype(np.float32) for axis in centres.T))
        is_free = depth > radius + DEEP_MM
        for other in placed:
            gap = np.linalg.norm(centres - other.center, axis=1) - other.radius_mm - radius
            is_free &= gap > APART_MM
        if is_free.any():
            x, y, z = centres[int(np.argmax(is_free))]
            placed.append(Tumour((float(x), float(y), float(z)), float(radius)))
    return tuple(placed)


def lesion_case(seed: int) -> PhantomSpec:
    """Return the person of that seed in that seed's scanner, with tumours."""
    spec = vary(seed)
    return replace(spec, tumours=place_tumours(spec, np.random.default_rng([seed, 99])))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the cases from the command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.lesion_cases", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.count):
        name = f"person{seed}"
        if not (options.folder / f"{name}_labels.nii.gz").exists():
            write_case(make_phantom(lesion_case(seed)), options.folder, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
