"""Client and server over real sockets, and with a foreign peer: nothing lost or false taken, back after a loss."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from surgtwin.errors import SourceError
from surgtwin.live.igtl_client import Arrival, IgtlClient, LinkState
from surgtwin.live.igtl_content import String
from surgtwin.live.igtl_image import Image
from surgtwin.live.igtl_poses import Transform
from surgtwin.live.igtl_server import QUEUED, IgtlServer
from surgtwin.live.openigtlink import Message, encode

WAIT_S = 20.0


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def transform(n: float = 1.0) -> Message:
    matrix = np.eye(4)
    matrix[0, 3] = n
    return Message("TRANSFORM", "tool", Transform(matrix))


class Box:
    """What arrived, and the states that were told."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.states: list[tuple[LinkState, str]] = []

    def changed(self, state: LinkState, why: str) -> None:
        self.states.append((state, why))

    @property
    def places(self) -> list[float]:
        return [float(a.message.content.matrix[0, 3]) for a in self.arrivals]


def test_every_message_of_a_fast_stream_arrives_in_order() -> None:
    box = Box()
    with IgtlServer(0) as server, IgtlClient("127.0.0.1", server.port, box.arrivals.append) as client:
        wait_for(lambda: server.peers)
        for n in range(1000):
            server.send(transform(n))
            while server.dropped == 0 and n - len(box.arrivals) > QUEUED // 2:
                time.sleep(0.001)
        wait_for(lambda: len(box.arrivals) == 1000)
        assert box.places == list(range(1000))
        assert client.health().received == 1000
        assert server.dropped == 0


def test_two_servers_and_two_clients_do_not_mix() -> None:
    boxes = Box(), Box()
    with (
        IgtlServer(0) as a,
        IgtlServer(0) as b,
        IgtlClient("127.0.0.1", a.port, boxes[0].arrivals.append),
        IgtlClient("127.0.0.1", b.port, boxes[1].arrivals.append),
    ):
        wait_for(lambda: a.peers and b.peers)
        a.send(transform(1))
        b.send(transform(2))
        wait_for(lambda: boxes[0].arrivals and boxes[1].arrivals)
    assert (boxes[0].places, boxes[1].places) == ([1.0], [2.0])


def test_a_client_sends_to_its_server() -> None:
    box = Box()
    with IgtlServer(0, arrived=box.arrivals.append) as server, IgtlClient("127.0.0.1", server.port, print) as client:
        wait_for(lambda: server.peers)
        client.send(Message("STRING", "note", String("hello")))
        wait_for(lambda: box.arrivals)
    assert box.arrivals[0].message.content == String("hello")


def test_without_a_connection_nothing_can_be_sent() -> None:
    with pytest.raises(SourceError, match="no connection"):
        IgtlClient("127.0.0.1", 1, print).send(transform())


def serve(send: Callable[[socket.socket], None]) -> tuple[int, socket.socket]:
    """A hand-made server: calls `send` with every connection, on a thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                send(connection)

    threading.Thread(target=work, daemon=True).start()
    return listener.getsockname()[1], listener


def test_messages_in_pieces_and_together_are_read_whole() -> None:
    data = encode(transform(1)) + encode(transform(2)) + encode(transform(3))

    def in_pieces(connection: socket.socket) -> None:
        for at in range(0, len(data), 7):
            connection.sendall(data[at : at + 7])
            time.sleep(0.002)
        time.sleep(0.3)

    box = Box()
    port, listener = serve(in_pieces)
    with listener, IgtlClient("127.0.0.1", port, box.arrivals.append):
        wait_for(lambda: len(box.arrivals) >= 3)
    assert box.places[:3] == [1.0, 2.0, 3.0]


def test_a_damaged_message_is_counted_and_the_next_one_read() -> None:
    damaged = bytearray(encode(transform(1)))
    damaged[-1] ^= 1
    hold = threading.Event()

    def send(connection: socket.socket) -> None:
        connection.sendall(bytes(damaged) + encode(transform(2)))
        hold.wait(WAIT_S)

    box = Box()
    port, listener = serve(send)
    with listener, IgtlClient("127.0.0.1", port, box.arrivals.append) as client:
        wait_for(lambda: box.arrivals)
        health = client.health()
        hold.set()
    assert box.places == [2.0]
    assert sum(health.refused.values()) == 1
    assert "CRC" in next(iter(health.refused))


def test_bytes_that_are_no_openigtlink_end_in_a_new_connection() -> None:
    turns = iter([b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n" + b"x" * 100, encode(transform(5))])
    hold = threading.Event()

    def send(connection: socket.socket) -> None:
        data = next(turns, None)
        if data is None:
            hold.wait(WAIT_S)
            return
        connection.sendall(data)
        hold.wait(0.5)

    box = Box()
    port, listener = serve(send)
    with listener, IgtlClient("127.0.0.1", port, box.arrivals.append, box.changed):
        wait_for(lambda: box.arrivals)
        hold.set()
    assert box.places == [5.0]
    assert any("no OpenIGTLink" in why for state, why in box.states if state is LinkState.CLOSED)


def test_a_server_that_goes_is_noticed_and_found_again() -> None:
    box = Box()
    server = IgtlServer(0)
    port = server.port
    with IgtlClient("127.0.0.1", port, box.arrivals.append, box.changed):
        wait_for(lambda: server.peers)
        server.stop()
        wait_for(lambda: box.states and box.states[-1][0] is not LinkState.OPEN)
        assert any(why for state, why in box.states if state is LinkState.CLOSED)
        with IgtlServer(port) as again:
            wait_for(lambda: again.peers)
            again.send(transform(7))
            wait_for(lambda: box.arrivals)
    assert box.places == [7.0]
    assert box.states[-1] == (LinkState.CLOSED, "")


def test_a_peer_that_reads_nothing_costs_the_others_nothing() -> None:
    box = Box()
    with IgtlServer(0) as server, socket.create_connection(("127.0.0.1", server.port)) as deaf:
        wait_for(lambda: server.peers == 1)
        with IgtlClient("127.0.0.1", server.port, box.arrivals.append):
            wait_for(lambda: server.peers == 2)
            picture = Message("IMAGE", "us", Image(np.zeros((1, 512, 512), dtype=np.uint8), np.eye(4)))
            for n in range(120):
                server.send(picture)
                wait_for(lambda n=n: len(box.arrivals) > n)
            assert len(box.arrivals) == 120
            assert server.dropped > 0
        deaf.close()


def test_a_taken_port_is_said_to_be_taken() -> None:
    with IgtlServer(0) as server, pytest.raises(SourceError, match=f"Port {server.port}"):
        IgtlServer(server.port)


def test_a_foreign_peer_is_understood_and_understands() -> None:
    pyigtl = pytest.importorskip("pyigtl")
    matrix = np.array([[0, -1, 0, 4], [1, 0, 0, -5], [0, 0, 1, 6], [0, 0, 0, 1]], dtype=float)
    voxels = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    place = matrix @ np.diag([2.0, 3.0, 4.0, 1.0])
    port = free_port()
    theirs = pyigtl.OpenIGTLinkServer(port=port, local_server=True)
    box = Box()
    try:
        with IgtlClient("127.0.0.1", port, box.arrivals.append) as client:
            wait_for(theirs.is_connected)
            theirs.send_message(pyigtl.TransformMessage(matrix, device_name="T"), wait=True)
            theirs.send_message(pyigtl.ImageMessage(voxels, ijk_to_world_matrix=place, device_name="I"), wait=True)
            theirs.send_message(pyigtl.PointMessage(positions=[[1, 2, 3]], names=["p"], device_name="P"), wait=True)
            wait_for(lambda: len(box.arrivals) == 3)
            client.send(Message("TRANSFORM", "back", Transform(matrix)))
            client.send(Message("IMAGE", "picture", Image(voxels, place)))
            sent_back = theirs.wait_for_message("back", timeout=WAIT_S)
            picture = theirs.wait_for_message("picture", timeout=WAIT_S)
    finally:
        theirs.stop()
    found = {a.message.kind: a.message.content for a in box.arrivals}
    assert found["TRANSFORM"].matrix == pytest.approx(matrix)
    assert np.array_equal(found["IMAGE"].values, voxels)
    assert found["IMAGE"].lps_from_ijk == pytest.approx(place)
    assert found["POINT"].points[0].position_mm == pytest.approx([1, 2, 3])
    assert sent_back.matrix == pytest.approx(matrix)
    assert np.array_equal(picture.image, voxels)
    assert picture.ijk_to_world_matrix == pytest.approx(place)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
