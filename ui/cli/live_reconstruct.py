"""`surgtwin live reconstruct`: the tracked ultrasound pictures of a recording, put together into a volume."""

from __future__ import annotations

import argparse
from typing import Any

from surgtwin.domain.finding import finding_as_json
from surgtwin.formats.write_image import write_image
from surgtwin.live.compounding import Compound
from surgtwin.live.freehand import Freehand, FreehandSettings, reconstruct
from surgtwin.live.probe_calibration import read_probe_calibration
from surgtwin.live.sequence_file import read_sequence
from surgtwin.live.tool_tip import read_tracker_to_image

from .console import ProgressBar, say, write_json
from .input_steps import check_output_is_free, note_findings


def run(options: argparse.Namespace) -> int:
    """Read, put together, write; everything that was left out is told."""
    check_output_is_free(options.output, force=options.force)
    calibration = None if options.calibration is None else read_probe_calibration(options.calibration)
    way = None if options.lps_from_tracker is None else read_tracker_to_image(options.lps_from_tracker, "tracker")
    settings = FreehandSettings(
        reference=options.reference or "",
        lps_from_reference=None if way is None else way.transform.matrix,
        spacing_mm=options.spacing,
        compound=Compound(options.compound),
        fill_mm=options.fill,
        leave_blank_out=not options.keep_blank,
    )
    bar = ProgressBar()
    progress = bar.progress()
    try:
        recording = read_sequence(options.file)
        found = reconstruct(recording, calibration, settings, progress.part(0.05, 0.9))
        write_image(found.volume, options.output)
    finally:
        bar.close()
    told = freehand_json(found) | {"compound": options.compound, "written": str(options.output)}
    if options.json:
        write_json(told)
    else:
        _say(found, told)
    return 0


def freehand_json(found: Freehand) -> dict[str, Any]:
    """What a volume of pictures is made of, for scripts."""
    grid = found.volume.grid
    return {
        "frames": len(found.places.frames),
        "left_out": dict(found.places.left_out),
        "reference": found.places.reference,
        "size_ijk": list(grid.size_ijk),
        "spacing_mm": grid.spacing[0],
        "lps_from_ijk": grid.lps_from_ijk.tolist(),
        "voxels": {"seen": found.seen, "filled": found.filled, "unseen": found.unseen},
        "seen_ml": found.seen * grid.voxel_volume_ml,
        "filled_ml": found.filled * grid.voxel_volume_ml,
        "gap_mm": {"median": found.gap_mm[0], "max": found.gap_mm[1]},
        "findings": [finding_as_json(f) for f in found.volume.findings],
    }


def _say(found: Freehand, told: dict[str, Any]) -> None:
    size, gap = " x ".join(str(n) for n in told["size_ijk"]), told["gap_mm"]
    apart = f"{gap['median']:.1f} mm apart (at most {gap['max']:.1f})"
    say(f"{told['frames']} pictures in the frame {told['reference']}, {apart}")
    say(f"{size} voxels of {told['spacing_mm']:g} mm: {told['seen_ml']:.1f} ml seen, {told['filled_ml']:.1f} ml filled")
    note_findings(found.volume.findings)
    say(f"written: {told['written']}")
