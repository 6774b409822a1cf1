"""A recorded sweep of a spine phantom put together, against the reconstruction that the recorder's makers keep of it.

    python benchmarks/live_freehand.py FOLDER [--picture FILE.png]

FOLDER holds SpinePhantomFreehand.igs.mha and SpinePhantomFreehandReconstructed.mha (PlusToolkit/PlusLibData). The
probe's calibration is that of the makers' own device set for it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from surgtwin.formats.registry import read_volume
from surgtwin.live.compounding import Compound
from surgtwin.live.freehand import Freehand, FreehandSettings, reconstruct
from surgtwin.live.probe_calibration import ProbeCalibration
from surgtwin.live.sequence_file import read_sequence

PROBE_FROM_IMAGE = np.array(
    [
        [-0.00157821, 0.0785919, -0.00803285, 15.3978],
        [-0.0839128, 0.00372697, 0.0153803, 49.5705],
        [0.0159024, 0.00714276, 0.0803604, -8.63446],
        [0, 0, 0, 1],
    ]
)


def made(folder: Path, how: Compound) -> tuple[Freehand, float]:
    """The volume under the makers' conditions, and the processor's seconds for it."""
    recording = read_sequence(folder / "SpinePhantomFreehand.igs.mha")
    calibration = ProbeCalibration({("Image", "Probe"): PROBE_FROM_IMAGE}, clip=(0, 0, 820, 616))
    settings = FreehandSettings(lps_from_reference=np.eye(4), spacing_mm=0.5, compound=how, leave_blank_out=False)
    begin = time.process_time()
    found = reconstruct(recording, calibration, settings)
    return found, time.process_time() - begin


def compared(found: Freehand, theirs: np.ndarray) -> dict[str, Any]:
    """Where their volume shows something."""
    ours, shown = found.volume.values.astype(float), theirs > 0
    return {
        "same_grid": ours.shape == theirs.shape,
        "correlation": float(np.corrcoef(ours[shown], theirs[shown])[0, 1]),
        "mean_difference_grey_levels": float(np.abs(ours - theirs)[shown].mean()),
        "share_shown_too": float(np.mean(ours[shown] > 0)),
        "voxels": {"seen": found.seen, "filled": found.filled, "unseen": found.unseen},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--picture", type=Path, help="ours and theirs side by side, in three planes")
    options = parser.parse_args()
    theirs = read_volume(options.folder / "SpinePhantomFreehandReconstructed.mha").values.astype(float)
    told: dict[str, Any] = {}
    for how in Compound:
        found, seconds = made(options.folder, how)
        told[how.value] = compared(found, theirs) | {"processor_seconds": seconds, "frames": len(found.places.frames)}
        if how is Compound.MEAN and options.picture is not None:
            _draw(found.volume.values, theirs, options.picture)
    print(json.dumps(told, indent=2))


def _draw(ours: np.ndarray, theirs: np.ndarray, path: Path) -> None:
    from PIL import Image

    rows = []
    for values in (ours, theirs):
        k, j, i = (n // 2 for n in values.shape)
        planes = (values[k], values[:, j], values[:, :, i])
        height = max(p.shape[0] for p in planes)
        rows.append(np.hstack([np.pad(p, ((0, height - p.shape[0]), (0, 4))) for p in planes]))
    Image.fromarray(np.vstack(rows).astype(np.uint8)).resize((1200, 640)).save(path)


if __name__ == "__main__":
    main()
