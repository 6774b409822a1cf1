"""How fast and how surely live sources are followed, against pyigtl in the same run, and how well an update is.

    python benchmarks/live.py [--seconds 10] [--corrupt 10000] [--soak-hours 0] [--no-update] [--json FILE]

- latency: poses at 60 Hz and 512 x 512 images at 30 Hz from a process of their own, both sides in turns;
- poses at 1 kHz: how many arrive, how long the longest waits, whether memory grows;
- a volume of 256 x 256 x 128, from its last byte sent to its values at hand;
- corrupt frames over a socket between sound ones: how many were taken; the same for pyigtl;
- a peer that goes: when that is noticed, and when the next one is found;
- an update: a 128^3 phantom that breathes in and out, to warped surfaces; error at points inside against the phantom's
  own deformation, and folds.

On a machine that others use, ratios tell more than milliseconds.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.live_links import SIDES, Stream, free_port, pose_of, through
from surgtwin.live.freshness import PoseSlot, TimedPose
from surgtwin.live.health import HealthMeter
from surgtwin.live.igtl_client import Arrival, IgtlClient, LinkState
from surgtwin.live.igtl_image import Image
from surgtwin.live.igtl_poses import Transform
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.openigtlink import HEADER_BYTES, Message, decode, encode

GOALS = {"pose": 1.5, "image": 3.0}
VOLUME = (128, 256, 256)
HOUR_OF_POSES = 60 * 60 * 60


def latencies(seconds: float) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for kind, rate_hz in (("pose", 60.0), ("image", 30.0)):
        stream, found = Stream(kind, int(seconds * rate_hz), rate_hz), {}
        for side in SIDES:
            received = through(side, stream)
            found[side] = figures(received.latencies_ms) | {"received": len(received.arrived_s), "sent": stream.count}
        ratio = found["surgtwin"]["p95_ms"] / found["pyigtl"]["p95_ms"]
        told[kind] = found | {"p95_ratio": ratio, "goal_p95_ms": GOALS[kind]}
    return told


def figures(values_ms: list[float]) -> dict[str, float]:
    values = values_ms or [float("nan")]
    median, p95 = np.percentile(values, [50, 95])
    return {"median_ms": float(median), "p95_ms": float(p95), "max_ms": float(max(values))}


def thousand_a_second(seconds: float) -> dict[str, Any]:
    stream, told = Stream("pose", int(1000 * seconds), 1000.0), {}
    for side in SIDES:
        before = psutil.Process().memory_info().rss
        received = through(side, stream)
        grown = psutil.Process().memory_info().rss - before
        share = len(received.arrived_s) / stream.count
        told[side] = {"share_received": share, "memory_grown_mb": grown / 2**20} | figures(received.latencies_ms)
    return told


def volume_ms(rounds: int = 5) -> dict[str, float]:
    """From the last byte handed to the network to the values, checked and on their grid."""
    values = np.random.default_rng(0).integers(-1000, 1000, VOLUME).astype(np.int16)
    data = encode(Message("IMAGE", "CT", Image(values, np.diag([0.8, 0.8, 1.5, 1.0]))))
    arrived: list[float] = []
    come = threading.Event()

    def note(arrival: Arrival) -> None:
        arrived.append(time.monotonic())
        come.set()

    found = []
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, IgtlClient("127.0.0.1", listener.getsockname()[1], note):
        connection, _ = listener.accept()
        with connection:
            for _ in range(rounds):
                come.clear()
                connection.sendall(data)
                sent = time.monotonic()
                come.wait(20.0)
                found.append((arrived[-1] - sent) * 1000.0)
    return figures(found)


def corrupt(count: int) -> dict[str, Any]:
    """Damaged frames between sound ones over a socket, then what a damaged header does."""
    rng, taken = np.random.default_rng(1), []
    sound = [encode(Message("TRANSFORM", "tool", Transform(pose_of(n)))) for n in range(count)]
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, IgtlClient("127.0.0.1", listener.getsockname()[1], taken.append) as client:
        connection, _ = listener.accept()
        with connection:
            for frame in sound:
                connection.sendall(damaged_body(frame, rng) + frame)
            end = time.monotonic() + 20.0
            while len(taken) < count and time.monotonic() < end:
                time.sleep(0.01)
        refused = sum(client.health().refused.values())
    places = [a.message.content.matrix[0, 3] for a in taken if isinstance(a.message.content, Transform)]
    return {
        "sound_received": len(places),
        "corrupt_sent": count,
        "corrupt_taken": len(taken) - sum(bool(p == n) for n, p in enumerate(places)),
        "refused": refused,
        "headers_taken": sum(is_taken(damaged_header(frame, rng)) for frame in sound),
        "pyigtl_taken": corrupt_to_pyigtl(sound[:200], rng),
    }


def damaged_body(frame: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(frame)
    for at in rng.integers(HEADER_BYTES, len(data), int(rng.integers(1, 4))):
        data[at] ^= int(rng.integers(1, 256))
    # Two flips of one byte could undo each other.
    return bytes(data) if data != frame else bytes(data[:-1] + bytes([data[-1] ^ 1]))


def damaged_header(frame: bytes, rng: np.random.Generator) -> bytes:
    """A flip in version, kind, size or CRC; the protocol has no check of the device's name and the time."""
    data = bytearray(frame)
    at = int(rng.choice([*range(14), *range(42, HEADER_BYTES)]))
    data[at] ^= int(rng.integers(1, 256))
    return bytes(data)


def is_taken(frame: bytes) -> bool:
    """Whether a frame is read as a pose."""
    from surgtwin.errors import SourceError

    try:
        return decode(frame).content is not None
    except SourceError:
        return False


def corrupt_to_pyigtl(frames: list[bytes], rng: np.random.Generator) -> dict[str, int]:
    import pyigtl

    taken, port = 0, free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        client = pyigtl.OpenIGTLinkClient("127.0.0.1", port)
        connection, _ = listener.accept()
        with connection:
            for frame in frames:
                connection.sendall(damaged_body(frame, rng))
                taken += client.wait_for_message("tool", timeout=0.1) is not None
        client.stop()
    return {"corrupt_sent": len(frames), "corrupt_taken": taken}


def peer_gone() -> dict[str, float]:
    states: list[tuple[float, LinkState]] = []
    server = IgtlServer(0)
    with IgtlClient("127.0.0.1", server.port, lambda a: None, lambda s, why: states.append((time.monotonic(), s))):
        until(lambda: any(s is LinkState.OPEN for _, s in states))
        gone = time.monotonic()
        server.stop()
        until(lambda: states[-1][1] is not LinkState.OPEN)
        noticed = next(t for t, s in states if s is LinkState.CLOSED)
        busy, wall = psutil.Process().cpu_times(), time.monotonic()
        time.sleep(2.0)
        after = psutil.Process().cpu_times()
        share = (after.user + after.system - busy.user - busy.system) / (time.monotonic() - wall)
        with IgtlServer(server.port):
            back = time.monotonic()
            until(lambda: states[-1][1] is LinkState.OPEN)
            found = states[-1][0] - back
    return {"noticed_s": noticed - gone, "found_again_s": found, "cpu_share_meanwhile": share}


def until(condition: Any) -> None:
    while not condition():
        time.sleep(0.002)


def soak(hours: float) -> dict[str, float]:
    """So many hours of poses at 60 Hz, decoded and kept, as fast as they go."""
    slot, meter = PoseSlot(), HealthMeter()
    frame, marks = encode(Message("TRANSFORM", "tool", Transform(np.eye(4)))), []
    count = int(hours * HOUR_OF_POSES)
    for n in range(count):
        now = n / 60.0
        message = decode(frame)
        if isinstance(message.content, Transform):
            slot.put(TimedPose(message.content.matrix, now, now))
        meter.received(now, now, now, "tool")
        if n in (count // 10, count - 1):
            marks.append(psutil.Process().memory_info().rss)
    return {"hours": hours, "memory_growth": marks[-1] / marks[0] - 1.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--corrupt", type=int, default=10_000)
    parser.add_argument("--soak-hours", type=float, default=0.0)
    parser.add_argument("--no-update", action="store_true")
    parser.add_argument("--no-links", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    told: dict[str, Any] = {}
    if not options.no_links:
        told["latency"] = latencies(options.seconds)
        told["1 kHz"] = thousand_a_second(options.seconds)
        told["volume 256 x 256 x 128"] = volume_ms()
        told["corrupt frames"] = corrupt(options.corrupt)
        told["peer gone"] = peer_gone()
    if options.soak_hours > 0:
        told["soak"] = soak(options.soak_hours)
    if not options.no_update:
        from benchmarks.live_update import update_figures

        told["update"] = update_figures()
    text = json.dumps(told, indent=2)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
