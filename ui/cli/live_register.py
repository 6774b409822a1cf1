"""`surgtwin live register`: how the tracker lies to the image, from paired points and from points on an organ."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np

from surgtwin.domain.geometry import FloatArray
from surgtwin.errors import FormatError, PlanError
from surgtwin.live.tool_tip import write_tracker_to_image
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.registration.landmarks import PairedPointFit, fit_points
from surgtwin.registration.surface_icp import SurfaceFit, fit_to_surface
from surgtwin.store.load import load_twin

from .console import say, write_json
from .input_steps import check_output_is_free

LARGEST_BYTES = 10_000_000


def run(options: argparse.Namespace) -> int:
    """Register and write the file, for `live listen --lps-from-tracker`."""
    check_output_is_free(options.output, force=options.force)
    pairs = read_numbers(options.pairs, 6)
    paired = fit_points(pairs[:, :3], pairs[:, 3:])
    told: dict[str, Any] = {"pairs": len(pairs), "fre_mm": paired.fre_mm, "residuals_mm": paired.residuals_mm.tolist()}
    fit: PairedPointFit | SurfaceFit = paired
    if options.surface is not None:
        if options.twin is None or options.organ is None:
            raise PlanError("--surface needs --twin and --organ, whose surface the points are on.")
        mesh = TwinGeometry(load_twin(options.twin)).surface(options.organ).mesh
        felt = read_numbers(options.surface, 3)
        fit = fit_to_surface(felt, mesh, fit.transform)
        told |= {"points": len(felt), "points_used": fit.used, "surface_rms_mm": fit.rms_mm}
    target = fit.points_mm.mean(axis=0) if options.target is None else np.asarray(options.target)
    tre_mm = float(fit.tre_mm(target))
    write_tracker_to_image(options.output, fit.transform.matrix, tre_mm)
    told |= {"target_mm": target.tolist(), "tre_mm": tre_mm, "written": str(options.output)}
    if options.json:
        write_json(told | {"matrix": fit.transform.matrix.tolist()})
        return 0
    say(f"{told['pairs']} pairs, residual {told['fre_mm']:.2f} mm (says nothing of the error at a target)")
    if options.surface is not None:
        say(f"{told['points_used']} of {told['points']} points on {options.organ}, {told['surface_rms_mm']:.2f} mm")
    x, y, z = target
    say(f"predicted error {tre_mm:.2f} mm at {x:.1f} {y:.1f} {z:.1f}")
    say(f"written: {options.output}")
    return 0


def read_numbers(path: Path, count: int) -> FloatArray:
    """(N, count) from rows of a CSV file; a first row of words is a header, a first column of words names the rows.

    Raises
    ------
    FormatError
        If the file can't be read, is too large, or a row does not hold so many finite numbers.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise FormatError(f"'{path.name}' is too large to be a list of points.")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream) if row and not row[0].lstrip().startswith("#")]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"'{path.name}' can't be read as CSV: {error}.") from error
    found = [_numbers(row, count) for row in rows]
    if found and found[0] is None:
        found = found[1:]
    bad = next((n for n, values in enumerate(found) if values is None), None)
    if bad is not None or not found:
        which = "it is empty" if bad is None else f"point {bad + 1} is something else"
        raise FormatError(f"'{path.name}': rows of {count} finite numbers are needed; {which}.")
    return np.array(found, dtype=np.float64)


def _numbers(row: list[str], count: int) -> list[float] | None:
    cells = row[1:] if len(row) == count + 1 else row
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        return None
    return values if len(values) == count and np.all(np.isfinite(values)) else None
