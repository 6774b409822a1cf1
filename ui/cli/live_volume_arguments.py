"""What the `surgtwin live` commands take that make volumes. One function an action."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Actions = Any
AddCommand = Callable[..., argparse.ArgumentParser]
COMPOUNDS = ("mean", "max", "last")
CONTRASTS = ("ct", "cone-beam", "mr")


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


def add_scan(actions: Actions, command: AddCommand, add_server: Callable[[argparse.ArgumentParser], None]) -> None:
    """`surgtwin live scan` and `surgtwin live score`."""
    text = "a scan that was never made: the twin's image after a known motion, as files or over OpenIGTLink"
    p = command(actions, "scan", "live_scan", text, json=False)
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("-o", "--output", type=Path, metavar="DIR|FILE", help="a DICOM series, or .nrrd, .mha, .nii.gz")
    p.add_argument("--truth", type=Path, metavar="TRUTH.json", help="keep where everything truly went, for live score")
    p.add_argument(
        "--motion", default="breathing:7", metavar="KIND:MM", help="breathing, insufflation, lift or none (breathing:7)"
    )
    p.add_argument("--shift", type=place, default=(0.0, 0.0, 0.0), metavar="X,Y,Z", help="of the table, LPS mm")
    p.add_argument("--turn", type=float, default=0.0, metavar="DEG", help="of the patient about the long axis")
    p.add_argument("--noise", type=float, default=15.0, metavar="SD", help="in the image's units (default 15)")
    p.add_argument("--shown", type=float, default=1.0, metavar="SHARE", help="of each side of the image (default 1)")
    p.add_argument("--contrast", choices=CONTRASTS, default="ct", help="what kind of scanner it is (default ct)")
    p.add_argument("--spacing", type=float, metavar="MM", help="of the scan's voxels; the image's own if not given")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed gives the same noise (default 1)")
    p.add_argument("--revision", type=int, metavar="N", help="of the twin; the current one if not given")
    p.add_argument("--device", default="Scan", metavar="NAME", help="over OpenIGTLink, without -o (default Scan)")
    p.add_argument("--once", action="store_true", help="end when the first peer has it")
    p.add_argument("--force", action="store_true", help="replace existing files")
    add_server(p)
    p = command(actions, "score", "live_score", "how near a revision came to the truth of a simulated scan")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("truth", type=Path, metavar="TRUTH.json")
    p.add_argument("--revision", type=int, metavar="N", help="that the scan carried; the current one if not given")


def place(text: str) -> tuple[float, float, float]:
    """Three numbers "X,Y,Z" in mm, for argparse."""
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not X,Y,Z in mm") from None
    return (x, y, z)
