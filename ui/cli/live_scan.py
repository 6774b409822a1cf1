"""`surgtwin live scan`: a scan of the twin after a known motion, as files, or sent over OpenIGTLink."""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path
from typing import Any

from surgtwin.dicom.write import write_series
from surgtwin.domain.volume import Volume
from surgtwin.errors import InputError
from surgtwin.formats.write_image import IMAGE_ENDINGS, write_image
from surgtwin.live.igtl_image import Image
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.openigtlink import Message
from surgtwin.live.scan_simulator import Contrast, ScanSettings, SimulatedScan, simulate_scan
from surgtwin.live.scan_truth import truth_of, write_truth
from surgtwin.store.load import load_twin

from .console import ProgressBar, say, write_json
from .live_events import EventLines, stop_after

SERIES = "Simulated scan"


def run(options: argparse.Namespace) -> int:
    """Make the scan and its truth; write it, or send it to whoever joins until the time is over."""
    for path in (options.output, options.truth):
        if path is not None and path.exists() and not (options.force and path.is_file()):
            raise InputError(f"{path} exists. Give another name{', or --force' if path.is_file() else ''}.")
    twin = load_twin(options.twin, revision=options.revision)
    bar = ProgressBar()
    try:
        scan = simulate_scan(twin, settings_of(options), bar.progress())
    finally:
        bar.close()
    if options.truth is not None:
        write_truth(options.truth, truth_of(twin, scan), twin.revision.number)
    if options.output is None:
        return _send(options, scan)
    _write(scan.volume, options.output)
    told = scan_json(scan) | {"written": str(options.output), "truth": str(options.truth) if options.truth else None}
    if options.json:
        write_json(told)
    else:
        size = " x ".join(str(n) for n in told["size_ijk"])
        say(f"{told['modality']} of {size} voxels; what moved most went {told['most_mm']:.1f} mm")
        say(f"written: {options.output}")
    return 0


def settings_of(options: argparse.Namespace) -> ScanSettings:
    """What the options ask of the scanner."""
    name, _, amount = options.motion.partition(":")
    try:
        amount_mm = float(amount) if amount else 7.0
    except ValueError:
        raise InputError(f"'{options.motion}' is no motion like breathing:7.") from None
    return ScanSettings(
        name,
        amount_mm,
        options.shift,
        options.turn,
        options.noise,
        options.shown,
        Contrast(options.contrast),
        options.spacing,
        options.seed,
    )


def scan_json(scan: SimulatedScan) -> dict[str, Any]:
    """What was scanned, for scripts."""
    grid = scan.volume.grid
    return {
        "motion": scan.settings.motion,
        "most_mm": float(scan.truth.lengths_mm.max()),
        "contrast": scan.settings.contrast.value,
        "modality": scan.volume.modality.value,
        "size_ijk": list(grid.size_ijk),
        "spacing_mm": list(grid.spacing),
        "seed": scan.settings.seed,
    }


def _write(volume: Volume, path: Path) -> None:
    """A folder of DICOM files unless the name ends as an image file's does."""
    if path.name.lower().endswith(IMAGE_ENDINGS):
        write_image(volume, path)
    else:
        write_series(volume, path, description=SERIES)


def _send(options: argparse.Namespace, scan: SimulatedScan) -> int:
    """To every peer that joins, as one IMAGE message."""
    lines, stop, wanted = EventLines(is_json=options.json), threading.Event(), threading.Event()
    message = Image(scan.volume.values, scan.volume.grid.lps_from_ijk)

    def joined(peer: str) -> None:
        lines.write("connected", f"{peer} is connected", peer=peer)
        wanted.set()

    with IgtlServer(options.port, host=options.host, joined=joined) as server, stop_after(options.seconds, stop):
        about = {"host": options.host, "port": server.port, "device": options.device, **scan_json(scan)}
        lines.write("listening", f"{options.host}:{server.port}  {options.device}, sent to whoever joins", **about)
        sent = 0
        while not stop.is_set():
            if not wanted.wait(0.1):
                continue
            wanted.clear()
            server.send(Message(Image.KIND, options.device, message, time.time()))
            sent += 1
            lines.write("sent", f"{options.device} sent", device=options.device)
            if options.once:
                stop.set()
        server.drain()
        lines.write("stopped", f"{sent} scans sent", scans=sent, dropped=server.dropped)
    return 0
