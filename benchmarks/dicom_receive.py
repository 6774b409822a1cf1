"""Slices of 512 x 512 a second that the DICOM receiver makes durable before it answers; with --kills none may be lost.

    python benchmarks/dicom_receive.py [--slices 200] [--peer] [--kills 100]

The sender is DCMTK's `storescu`, the peer (--peer) DCMTK's `storescp`, which syncs nothing; both on the loopback.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from surgtwin.dicom.write import write_series  # noqa: E402
from surgtwin.domain.content_hash import content_sha256  # noqa: E402
from surgtwin.domain.geometry import Grid  # noqa: E402
from surgtwin.domain.volume import Modality, SourceInfo, Volume  # noqa: E402
from tests.live.dicom_peers import PATIENT, files_in, receiving  # noqa: E402

SENDERS = (1, 2)


def make_series(folder: Path, slices: int) -> Path:
    """A series of noise, 0.5 MB a slice."""
    grid = Grid.from_axes((slices, 512, 512), (0.0, 0.0, 0.0), np.eye(3), (0.8, 0.8, 1.0))
    values = np.random.default_rng(1).integers(-1000, 2000, grid.shape, dtype=np.int16)
    source = SourceInfo("synthetic", content_sha256(grid, values))
    write_series(Volume(grid, values, Modality.CT, source, PATIENT), folder)
    return folder


def send(port: int, folders: list[Path], called: str) -> float:
    """Seconds that one `storescu` a folder takes, all at once."""
    start = time.perf_counter()
    command = ["storescu", "-aec", called, "--max-send-pdu", "131072", "+sd", "127.0.0.1", str(port)]
    running = [subprocess.Popen([*command, str(folder)]) for folder in folders]
    if any(process.wait() for process in running):
        raise SystemExit("storescu failed")
    return time.perf_counter() - start


def measure(folder: Path, series: list[Path], slices: int) -> None:
    """Our receiver with one sender, and with several."""
    for count in SENDERS:
        inbox = folder / f"inbox-{count}"
        with receiving(inbox) as running:
            process = psutil.Process(running.process.pid)
            before = sum(process.cpu_times()[:2])
            seconds = send(running.port, series[:count], "SURGTWIN")
            busy_ms = 1000.0 * (sum(process.cpu_times()[:2]) - before) / (count * slices)
        if len(files_in(inbox)) != count * slices:
            raise SystemExit("slices are missing")
        rate = f"{count * slices / seconds:6.1f} slices/s, durable"
        print(f"{count} sender{'s' if count > 1 else ' '}  {rate}; {busy_ms:.1f} ms of processor time each")
        shutil.rmtree(inbox)


def measure_peer(folder: Path, series: Path, slices: int) -> None:
    """DCMTK's own receiver, which answers before anything is synced."""
    kept = folder / "storescp"
    kept.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(["storescp", "-od", str(kept), "--max-pdu", "131072", str(port)])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
                break
            except OSError:
                time.sleep(0.05)
        print(f"storescp  {slices / send(port, [series], 'ANY'):6.1f} slices/s, not synced")
    finally:
        server.terminate()
        server.wait()


def kill_often(folder: Path, times: int) -> None:
    """kill -9 while a series arrives: raises AssertionError if an acknowledged instance is not there afterwards."""
    from tests.live.test_dicom_kill import test_nothing_acknowledged_is_lost_by_a_kill as trial

    for number in range(times):
        place = folder / f"kill-{number}"
        place.mkdir()
        trial(place, number)
        shutil.rmtree(place)
    print(f"killed {times} times, nothing acknowledged was lost")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--kills", type=int, default=0)
    options = parser.parse_args()
    if shutil.which("storescu") is None:
        raise SystemExit("storescu is not installed (Debian package dcmtk)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.kills:
            kill_often(folder, options.kills)
            return
        series = [make_series(folder / f"series-{n}", options.slices) for n in range(max(SENDERS))]
        measure(folder, series, options.slices)
        if options.peer:
            measure_peer(folder, series[0], options.slices)


if __name__ == "__main__":
    main()
