"""python -m sample_data OUT: write a phantom as a DICOM series, with its true label map and volumes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from surgtwin.errors import SurgTwinError
from surgtwin.progress import Progress

from .deformation import parse
from .files import write_phantom
from .phantom import SIZES, PhantomSpec, make_phantom

REFERENCE_STEP_MM = 2.0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sample_data", description=__doc__)
    parser.add_argument(
        "out", type=Path, help="new folder for dicom/, truth_labels.nii.gz, truth_body.nii.gz, truth.json"
    )
    parser.add_argument("--size", choices=sorted(SIZES), default="small")
    parser.add_argument("--seed", type=int, default=1, help="which person (default 1)")
    parser.add_argument("--spread", type=float, default=1.0, help="0: the average person; 1: people differ as usual")
    parser.add_argument("--oblique", type=float, nargs=3, default=(0, 0, 0), metavar=("RX", "RY", "RZ"), help="degrees")
    parser.add_argument("--axes", default="LPS", help="directions of the i, j and k axes, e.g. LPS, LPI, LIP")
    parser.add_argument("--tilt", type=float, default=0.0, help="gantry tilt in degrees")
    parser.add_argument("--shape", type=int, nargs=3, metavar=("K", "J", "I"))
    parser.add_argument("--spacing", type=float, nargs=3, metavar=("I", "J", "K"), help="mm")
    parser.add_argument("--noise", type=float, help="standard deviation in HU")
    parser.add_argument("--deform", default="none", help="breathing:MM or insufflation:MM")
    parser.add_argument("--reference-step", type=float, default=REFERENCE_STEP_MM, help="mm; 0 leaves integration out")
    return parser


def spec_from(options: argparse.Namespace) -> PhantomSpec:
    base = SIZES[options.size]
    return replace(
        base,
        seed=options.seed,
        spread=options.spread,
        rotation_deg=tuple(options.oblique),
        axes=options.axes,
        gantry_tilt_deg=options.tilt,
        shape=tuple(options.shape) if options.shape else base.shape,
        spacing_mm=tuple(options.spacing) if options.spacing else base.spacing_mm,
        noise_hu=base.noise_hu if options.noise is None else options.noise,
        deformation=parse(options.deform),
        reference_step_mm=options.reference_step or None,
    )


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    progress = Progress(_show if sys.stderr.isatty() else None)
    try:
        phantom = make_phantom(spec_from(options), progress.part(0.0, 0.8))
        written = write_phantom(phantom, options.out, progress.part(0.8, 1.0))
    except SurgTwinError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"Wrote {len(written)} files to {options.out}.")
    return 0


def _show(fraction: float, stage: str) -> None:
    print(f"\r{fraction:4.0%} {stage:<32}", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
