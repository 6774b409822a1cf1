"""Small labelled CTs on the disk, to train on in tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_cases(folder: Path, count: int = 3, value_step: int = 1) -> None:
    """Small CTs stored in RAS order: the spleen is on the patient's left."""
    import SimpleITK

    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for n in range(count):
        labels = np.zeros((12, 24, 30), dtype=np.uint8)
        labels[3:9, 8:16, 3:12] = 2 * value_step
        labels[4:8, 10:18, 20:27] = 1 * value_step
        image = np.where(labels > 0, 120, -60) + rng.normal(0, 15, labels.shape)
        for name, values in (("image", image.astype(np.int16)), ("labels", labels)):
            file = SimpleITK.GetImageFromArray(np.ascontiguousarray(values[:, ::-1, ::-1]))
            file.SetSpacing((2.0, 2.0, 4.0))
            file.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
            SimpleITK.WriteImage(file, str(folder / f"c{n}_{name}.nii.gz"))
