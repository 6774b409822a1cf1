"""`surgtwin live surface`: an organ is carried to where points of its surface were seen."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from surgtwin.domain.geometry import FloatArray
from surgtwin.errors import FormatError
from surgtwin.live.surface_update import propose_surface_update
from surgtwin.pipeline.take_in import keep_proposed
from surgtwin.store.writer import TwinWriter

from .author import author
from .console import ProgressBar, write_json
from .live_update import say_taken_in, taken_in_json

LARGEST_BYTES = 50_000_000


def run(options: argparse.Namespace) -> int:
    """Carry the organ and keep that as a revision; a gate that is not passed is part of the answer."""
    points = read_points(options.points)
    bar = ProgressBar()
    progress = bar.progress()
    try:
        with TwinWriter(options.twin) as writer:
            base = writer.twin
            update = propose_surface_update(base, options.organ, points, progress=progress.part(0.0, 0.6))
            cause = f"points on the {options.organ}'s surface carried it along"
            taken = keep_proposed(
                writer,
                update.twin,
                cause,
                accept=options.accept,
                by=author(options.by),
                progress=progress.part(0.6, 1.0),
            )
    finally:
        bar.close()
    if options.json:
        told = taken_in_json(taken)
        told["registration"] |= {
            "moved_structures": list(update.members),
            "residual_mm": update.fit.residual_mm,
            "rigid_residual_mm": update.fit.rigid_residual_mm,
        }
        write_json(told)
    else:
        say_taken_in(taken)
    return 0


def read_points(path: Path) -> FloatArray:
    """(N, 3) LPS mm from a CSV file: rows of x, y, z; a first row of words is a heading.

    Raises
    ------
    FormatError
        Naming the row that is not three finite numbers.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise FormatError(f"{path.name} is larger than {LARGEST_BYTES // 1_000_000} MB; these are no points.")
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} can't be read as a list of points: {error}.") from error
    points = []
    for n, row in enumerate(rows, start=1):
        if not any(cell.strip() for cell in row):
            continue
        try:
            x, y, z = (float(cell) for cell in row)
        except ValueError as error:
            if n == 1:
                continue
            raise FormatError(
                f"Row {n} of {path.name} is not three numbers x,y,z in LPS mm: {','.join(row)[:60]}"
            ) from error
        points.append((x, y, z))
    found = np.array(points, dtype=np.float64).reshape(-1, 3)
    if not np.all(np.isfinite(found)):
        raise FormatError(f"{path.name} holds numbers that are not finite.")
    return found
