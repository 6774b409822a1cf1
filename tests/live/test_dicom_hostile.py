"""Peers that stall, flood, lie about sizes or talk nonsense: they are cut off, and the next sender is served."""

from __future__ import annotations

import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import numpy as np
import psutil
import pytest
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification
from pynetdicom.presentation import build_context

from surgtwin.live.dicom_guard import ConnectionCredit
from tests.live.dicom_peers import PATIENCE_S, Running, files_in, instances, receiving, send

STALL_S = 1.0
MIB = 2**20
P_DATA = 0x04


@pytest.fixture
def running(tmp_path) -> Iterator[Running]:
    with receiving(tmp_path / "inbox", stall_s=STALL_S, object_bytes=MIB) as found:
        yield found


def connect(port: int) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    peer.settimeout(PATIENCE_S)
    return peer


def is_cut_off(peer: socket.socket) -> bool:
    """Waits until the other side closes; what it says before is read over."""
    try:
        while peer.recv(65536):
            continue
    except ConnectionError:
        pass
    return True


def associate_request() -> bytes:
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = "HOSTILE", "SURGTWIN"
    context = build_context("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")
    context.context_id = 1
    request.presentation_context_definition_list = [context]
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received, implementation.implementation_class_uid = 16384, "1.2.3.4"
    request.user_information = [length, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return bytes(pdu.encode())


def associated(port: int) -> socket.socket:
    peer = connect(port)
    peer.sendall(associate_request())
    assert peer.recv(65536)[0] == 0x02, "the association was not accepted"
    return peer


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BBL", kind, 0, len(body) if length is None else length) + body


def value(control: int, data: bytes) -> bytes:
    return struct.pack(">LBB", len(data) + 2, 1, control) + data


def memory_of(running: Running) -> int:
    return int(psutil.Process(running.process.pid).memory_info().rss)


def assert_serves(running: Running) -> None:
    assert send(running.port, instances(2)) == [0, 0]


def assert_served_in_the_end(running: Running) -> None:
    """Connections are limited in number a second, so the next sender may have to try again."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            assert_serves(running)
        except AssertionError:
            continue
        return
    pytest.fail("nobody is served any more")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        os.urandom(64) + b"\0" * 64,
        pdu(0x01, b"\0" * 10, length=0xFFFFFFFF),
        pdu(0x01, b"\0" * 10, length=300 * MIB),
        pdu(0x01, b"\xff" * 200),
        pdu(0x05, b"", length=2**31),
        pdu(P_DATA, value(2, b"x" * 100)),
        pdu(0x77, b"\0" * 4),
    ],
)
def test_nonsense_instead_of_a_request_is_cut_off(running, sent) -> None:
    before = memory_of(running)
    with connect(running.port) as peer:
        peer.sendall(sent)
        assert is_cut_off(peer)
    assert memory_of(running) < before + 64 * MIB
    assert_serves(running)


@pytest.mark.parametrize("sent", [b"", b"\x01\0", pdu(0x01, b"\0" * 20, length=400)])
def test_a_peer_that_stalls_before_the_association_is_cut_off(running, sent) -> None:
    with connect(running.port) as peer:
        peer.sendall(sent)
        assert is_cut_off(peer)
    assert_serves(running)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        pdu(P_DATA, b"\0\0\1\0\1\2abc", length=266),
        pdu(P_DATA, b"", length=64 * MIB),
        pdu(P_DATA, struct.pack(">LBB", 0xFFFFFF, 1, 0) + b"x" * 20),
        pdu(P_DATA, struct.pack(">LBB", 0, 1, 0) + b"x" * 20),
        pdu(P_DATA, value(3, b"\0\0\0\0\4\0\0\0\xff\xff\xff\xff")),
        pdu(P_DATA, value(2, b"data before any command")),
        pdu(P_DATA, value(1, b"c" * 20_000)),
    ],
)
def test_a_peer_that_stalls_or_lies_within_the_association_is_cut_off(running, sent) -> None:
    with associated(running.port) as peer:
        peer.sendall(sent)
        assert is_cut_off(peer)
    assert_serves(running)
    assert len(files_in(running.inbox)) == 2


@pytest.mark.parametrize("seed", range(3))
def test_requests_and_messages_with_flipped_bytes_end_nothing_but_themselves(running, seed) -> None:
    rng = random.Random(seed)
    whole = associate_request() + pdu(P_DATA, value(3, b"\0" * 40)) + pdu(P_DATA, value(2, b"x" * 300))
    pid = running.process.pid
    for _ in range(8):
        damaged = bytearray(whole)
        for _ in range(rng.randrange(1, 12)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        with connect(running.port) as peer:
            with suppress(ConnectionError):
                peer.sendall(damaged[: rng.randrange(1, len(damaged) + 1)])
                peer.shutdown(socket.SHUT_WR)
            assert is_cut_off(peer)
    assert_served_in_the_end(running)
    assert running.process.pid == pid and files_in(running.inbox) != []


def test_an_object_without_end_is_cut_off_within_the_limit(running) -> None:
    before = memory_of(running)
    piece = pdu(P_DATA, value(0, b"x" * 100_000))
    with associated(running.port) as peer:
        sent = 0
        with pytest.raises(OSError):
            for _ in range(2000):
                peer.sendall(piece)
                sent += len(piece)
    assert sent < 64 * MIB
    assert memory_of(running) < before + 64 * MIB
    assert "larger than" in running.wait_for("turned away")["reason"]
    assert_serves(running)


def test_commands_that_are_never_answered_do_not_pile_up(running) -> None:
    """A sender that never reads and floods requests is slowed down or cut off; memory stays where it was."""
    before = memory_of(running)
    fields = ((0x0002, b"1.2.840.10008.1.1\0"), (0x0100, b"\x30\0"), (0x0110, b"\1\0"), (0x0800, b"\1\1"))
    echo = b"".join(struct.pack("<HHL", 0, element, len(data)) + data for element, data in fields)
    with associated(running.port) as peer:
        peer.settimeout(STALL_S)
        try:
            for _ in range(20_000):
                peer.sendall(pdu(P_DATA, value(3, echo)))
        except OSError:
            pass
    assert memory_of(running) < before + 64 * MIB
    assert_serves(running)


def test_connections_beyond_the_limit_are_closed_and_do_not_lock_others_out_for_ever(tmp_path) -> None:
    # Few may connect, and the silent ones stay long enough that a slow computer, too, connects one too many.
    few = receiving(tmp_path / "inbox", stall_s=10 * STALL_S, associations=1)
    with few as running, ExitStack() as stack:
        peers = [stack.enter_context(connect(running.port)) for _ in range(40)]
        assert "connections" in running.wait_for("turned away")["reason"]
        for peer in peers:
            assert is_cut_off(peer)
        assert_served_in_the_end(running)


def test_an_address_that_tries_all_the_time_is_let_in_as_fast_as_credit_grows() -> None:
    credit = ConnectionCredit(3.0, 5.0)
    let_in = [n for n in range(1000) if credit.spend("a", n * 0.01)]
    assert let_in[:3] == [0, 1, 2]
    assert len(let_in) == pytest.approx(3 + 10 * 5, abs=1)
    assert max(np.diff(let_in)) <= 21
    assert credit.spend("b", 9.99)


def test_a_datasets_bytes_are_not_looked_into_beyond_its_head(tmp_path) -> None:
    """Sequences nested thousands deep are kept or refused, and kill nothing."""

    def nest(ds, k):
        ds.PixelData = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 2000

    with receiving(tmp_path) as running:
        assert send(running.port, instances(1, nest)) == [0]
        assert_serves(running)
