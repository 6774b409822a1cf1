"""MLLP over real sockets: whole frames are answered, broken and hostile ones are not taken."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from surgtwin.errors import SourceError
from surgtwin.live.mllp import END, START, FrameReader, MllpHandlers, MllpLimits, MllpServer
from tests.live.test_igtl_link import wait_for


class Peer:
    """A sender; `told` and `messages` are what the listener made of it."""

    def __init__(self, **limits) -> None:
        self.messages: list[bytes] = []
        self.told: list[tuple[str, str]] = []
        handlers = MllpHandlers(self._answer, lambda kind, host, text: self.told.append((kind, text)))
        self._server = MllpServer("127.0.0.1", 0, handlers, MllpLimits(**limits))

    def __enter__(self) -> Peer:
        self.socket = socket.create_connection(("127.0.0.1", self._server.port), timeout=30)
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()
        self._server.stop()

    def _answer(self, message: bytes, host: str) -> bytes:
        self.messages.append(message)
        return b"ACK " + message

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                break
            data += more
        return data

    def refusal(self) -> str:
        wait_for(lambda: any(kind == "refused" for kind, _ in self.told))
        return next(text for kind, text in self.told if kind == "refused")


def test_messages_are_answered_in_order_however_they_are_cut() -> None:
    with Peer() as peer:
        stream = START + b"one" + END + START + b"two" + END
        for n in range(len(stream)):
            peer.socket.sendall(stream[n : n + 1])
        wanted = START + b"ACK one" + END + START + b"ACK two" + END
        assert peer.read(len(wanted)) == wanted
        assert peer.messages == [b"one", b"two"]


def test_a_message_that_ends_within_its_frame_is_not_taken() -> None:
    with Peer() as peer:
        peer.socket.sendall(START + b"half")
        peer.socket.shutdown(socket.SHUT_WR)
        assert "ended within a message" in peer.refusal() and not peer.messages


def test_bytes_outside_a_frame_end_the_connection() -> None:
    with Peer() as peer:
        peer.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert "outside an MLLP frame" in peer.refusal() and not peer.messages
        assert peer.read(1) == b""


def test_too_large_a_message_ends_the_connection_before_it_is_kept() -> None:
    with Peer(message_bytes=1000) as peer:
        peer.socket.sendall(START + b"x" * 2000)
        assert "more than 1000 bytes" in peer.refusal() and not peer.messages


def test_a_sender_that_dawdles_is_left() -> None:
    with Peer(message_s=0.3) as peer:
        peer.socket.sendall(START + b"slow")
        assert "did not arrive whole" in peer.refusal() and not peer.messages


def test_only_those_that_may_connect_are_heard() -> None:
    with Peer(networks=(ipaddress.ip_network("10.0.0.0/8"),)) as peer:
        assert "not among those" in peer.refusal()
        assert peer.read(1) == b""


def test_more_connections_than_there_may_be_are_turned_away() -> None:
    with Peer(connections=1) as peer:
        wait_for(lambda: bool(peer.told))
        with socket.create_connection(peer.socket.getpeername(), timeout=30):
            assert "open already" in peer.refusal()


def test_a_listener_that_others_reach_needs_to_know_who_may_send() -> None:
    handlers = MllpHandlers(lambda message, host: b"")
    for host in ("0.0.0.0", "::", "example.org"):
        with pytest.raises(SourceError, match="--allow"):
            MllpServer(host, 0, handlers)


def test_a_frame_may_hold_the_bytes_that_end_others() -> None:
    assert FrameReader(100).feed(START + b"a\x1cb\rc" + END) == [b"a\x1cb\rc"]
