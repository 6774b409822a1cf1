"""Both sides of the links that `benchmarks/live.py` measures: senders in a process of their own, receivers here."""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

from surgtwin.live.igtl_client import Arrival, IgtlClient
from surgtwin.live.igtl_image import Image
from surgtwin.live.igtl_poses import Transform
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.openigtlink import Message

WAIT_S = 20.0
IMAGE_SHAPE = (1, 512, 512)


@dataclass(frozen=True)
class Stream:
    """What is sent: `kind` "pose" or "image", so many, so often. The number of a message travels in its content."""

    kind: str
    count: int
    rate_hz: float


@dataclass(frozen=True)
class Received:
    """Number of a message -> s of the monotonic clock (one for all processes of a computer), at both ends."""

    sent_s: dict[int, float]
    arrived_s: dict[int, float]

    @property
    def latencies_ms(self) -> list[float]:
        return [(self.arrived_s[n] - self.sent_s[n]) * 1000.0 for n in self.arrived_s if n in self.sent_s]


def pose_of(n: int) -> np.ndarray:
    matrix = np.eye(4)
    matrix[0, 3] = n
    return matrix


def picture_of(n: int) -> np.ndarray:
    picture = np.zeros(IMAGE_SHAPE, np.uint8)
    picture[0, 0, :4] = np.frombuffer(np.uint32(n).tobytes(), np.uint8)
    return picture


def number_in(picture: np.ndarray) -> int:
    return int(np.frombuffer(picture.reshape(-1)[:4].tobytes(), np.uint32)[0])


def paced(stream: Stream, send: Callable[[int], None]) -> dict[int, float]:
    """Call `send` with every number when its time has come; when each was sent."""
    begin, sent = time.monotonic() + 0.05, {}
    for n in range(stream.count):
        wait = begin + n / stream.rate_hz - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        sent[n] = time.monotonic()
        send(n)
    return sent


def serve_ours(pipe: Connection, stream: Stream) -> None:
    with IgtlServer(0) as server:
        pipe.send(server.port)
        while not server.peers:
            time.sleep(0.001)

        def send(n: int) -> None:
            if stream.kind == "pose":
                server.send(Message("TRANSFORM", "tool", Transform(pose_of(n))))
            else:
                server.send(Message("IMAGE", "us", Image(picture_of(n), np.eye(4))))

        sent = paced(stream, send)
        server.drain()
        pipe.send(sent)
        pipe.recv()


def serve_pyigtl(pipe: Connection, stream: Stream) -> None:
    import pyigtl

    port = free_port()
    server = pyigtl.OpenIGTLinkServer(port=port, local_server=True)
    pipe.send(port)
    while not server.is_connected():
        time.sleep(0.001)

    def send(n: int) -> None:
        if stream.kind == "pose":
            server.send_message(pyigtl.TransformMessage(pose_of(n), device_name="tool"))
        else:
            server.send_message(pyigtl.ImageMessage(picture_of(n), device_name="us"))

    sent = paced(stream, send)
    time.sleep(1.0)
    pipe.send(sent)
    pipe.recv()
    server.stop()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def receive_ours(port: int, stream: Stream, pipe: Connection) -> Received:
    arrived: dict[int, float] = {}

    def note(arrival: Arrival) -> None:
        content = arrival.message.content
        if isinstance(content, Transform):
            arrived[round(float(content.matrix[0, 3]))] = arrival.arrived_s
        elif isinstance(content, Image):
            arrived[number_in(content.values)] = arrival.arrived_s

    with IgtlClient("127.0.0.1", port, note):
        sent = pipe.recv()
        end = time.monotonic() + 1.0
        while len(arrived) < stream.count and time.monotonic() < end:
            time.sleep(0.005)
    return Received(sent, arrived)


def receive_pyigtl(port: int, stream: Stream, pipe: Connection) -> Received:
    import pyigtl

    arrived: dict[int, float] = {}
    client = pyigtl.OpenIGTLinkClient("127.0.0.1", port)
    while not pipe.poll():
        message = client.wait_for_message("tool" if stream.kind == "pose" else "us", timeout=0.2)
        if message is not None:
            number = round(float(message.matrix[0, 3])) if stream.kind == "pose" else number_in(message.image)
            arrived.setdefault(number, time.monotonic())
    client.stop()
    return Received(pipe.recv(), arrived)


SIDES: dict[str, tuple[Callable[..., None], Callable[..., Received]]] = {
    "surgtwin": (serve_ours, receive_ours),
    "pyigtl": (serve_pyigtl, receive_pyigtl),
}


def through(side: str, stream: Stream) -> Received:
    """Send a stream from a process of its own and receive it here, both by the same program."""
    serve, receive = SIDES[side]
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=serve, args=(there, stream), daemon=True)
    process.start()
    try:
        received = receive(here.recv(), stream, here)
        here.send("enough")
        process.join(WAIT_S)
    finally:
        process.kill()
    return received
