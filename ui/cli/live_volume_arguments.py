"""What the `surgtwin live` commands take that make volumes. One function an action."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Actions = Any
AddCommand = Callable[..., argparse.ArgumentParser]
COMPOUNDS = ("mean", "max", "last")


def add_reconstruct(actions: Actions, command: AddCommand) -> None:
    """`surgtwin live reconstruct`."""
    p = command(actions, "reconstruct", "live_reconstruct", "put tracked ultrasound pictures together into a volume")
    p.add_argument("file", type=Path, metavar="RECORDING", help="a sequence file, .igs.mha or .igs.nrrd")
    p.add_argument(
        "-o", "--output", type=Path, required=True, metavar="VOLUME.nrrd", help="or .mha, .nii.gz; for surgtwin add"
    )
    p.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help="how a picture lies to the probe's marker: a PLUS device set (XML), or a JSON 4 x 4 from pixels to mm",
    )
    p.add_argument("--reference", metavar="NAME", help="frame of the volume (default: Reference, else Tracker)")
    p.add_argument(
        "--lps-from-tracker",
        type=Path,
        metavar="FILE",
        help="how that frame lies to the patient's image, as live register writes it (default: RAS)",
    )
    p.add_argument("--spacing", type=float, metavar="MM", help="of the voxels (default: the calibration's, else 0.5)")
    p.add_argument("--compound", choices=COMPOUNDS, default="mean", help="where pictures overlap (default mean)")
    p.add_argument("--fill", type=float, metavar="MM", help="fill holes from so far (default 3 voxels; 0 fills none)")
    p.add_argument("--keep-blank", action="store_true", help="pixels that are 0 in every picture count as black tissue")
    p.add_argument("--force", action="store_true", help="replace an existing file")
