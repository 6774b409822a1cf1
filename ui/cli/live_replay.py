"""`surgtwin live replay`: a recording of tracked tools and ultrasound, played as an OpenIGTLink server."""

from __future__ import annotations

import argparse
import threading

from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.replay import Replay, ReplayEvent
from surgtwin.live.sequence_file import Recording, read_sequence

from .live_events import EventLines, stop_after


def run(options: argparse.Namespace) -> int:
    """Play until the recording, the time given, or the person's patience ends."""
    recording = read_sequence(options.file)
    lines = EventLines(is_json=options.json)

    def told(event: ReplayEvent) -> None:
        lines.write(event.kind, f"frame {event.frame}: {event.name} {event.kind}", frame=event.frame, name=event.name)

    replay = Replay(recording, told)
    stop, joined = threading.Event(), threading.Event()

    def on_joined(peer: str) -> None:
        lines.write("connected", f"{peer} is connected", peer=peer)
        joined.set()

    with IgtlServer(options.port, host=options.host, joined=on_joined) as server, stop_after(options.seconds, stop):
        _say_start(lines, recording, options.host, server.port)
        while not (options.now or joined.wait(0.1) or stop.is_set()):
            continue
        sent = replay.play(server.send, stop, speed=options.speed, loop=options.loop)
        server.drain()
        lines.write("stopped", f"{sent} frames sent", frames=sent, dropped=server.dropped)
    return 0


def _say_start(lines: EventLines, recording: Recording, host: str, port: int) -> None:
    count, seconds = len(recording.frames), recording.duration_s
    images = 0 if recording.images is None else sum(f.has_image for f in recording.frames)
    lines.write(
        "listening",
        f"{host}:{port}  {count} frames in {seconds:.1f} s, {images} images, of {', '.join(recording.names)}",
        host=host,
        port=port,
        frames=count,
        duration_s=seconds,
        images=images,
        transforms=list(recording.names),
    )
