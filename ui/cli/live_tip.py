"""`surgtwin live tip`: a tool's tip from a recording in which it was swung about its resting tip."""

from __future__ import annotations

import argparse

import numpy as np

from surgtwin.errors import SourceError
from surgtwin.live.sequence_file import Recording, read_sequence
from surgtwin.live.tool_tip import ToolTip, write_tool_tip
from surgtwin.registration.pivot import fit_pivot

from .console import say, write_json
from .input_steps import check_output_is_free


def run(options: argparse.Namespace) -> int:
    """Calibrate and write the tool's file, for `live listen --tool`."""
    check_output_is_free(options.output, force=options.force)
    fit = fit_pivot(poses_of(read_sequence(options.file), options.device))
    # A stylus's marker sits on its handle: the way from the tip to the marker is its shaft.
    shaft = (-fit.tip_mm[0], -fit.tip_mm[1], -fit.tip_mm[2])
    tip = ToolTip(fit.tip_mm, shaft, fit.tip_error_mm)
    write_tool_tip(options.output, tip)
    if options.json:
        told = {"tip_mm": list(tip.tip_mm), "shaft": list(tip.shaft), "tip_error_mm": fit.tip_error_mm}
        told |= {"rms_mm": fit.rms_mm, "turn_deg": list(fit.turn_deg), "poses": len(fit.residuals_mm)}
        write_json(told | {"left_out": fit.left_out, "written": str(options.output)})
        return 0
    x, y, z = fit.tip_mm
    say(f"tip {x:.2f} {y:.2f} {z:.2f} mm in the marker's frame, ± {fit.tip_error_mm:.2f} mm")
    say(f"{len(fit.residuals_mm)} poses, residual {fit.rms_mm:.2f} mm, {fit.left_out} left out")
    say(f"written: {options.output}")
    return 0


def poses_of(recording: Recording, device: str) -> np.ndarray:
    """Every pose (N, 4, 4) in which a device was seen. Raises SourceError naming the devices there are."""
    poses = [frame.matrices[device] for frame in recording.frames if device in frame.matrices]
    if not poses:
        raise SourceError(f"'{device}' was not seen in this recording; it holds: {', '.join(recording.names)}.")
    return np.array(poses)
