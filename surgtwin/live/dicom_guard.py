"""pynetdicom's server with bounds on what a peer may do before and during an association.

pynetdicom 3.0 reads as many bytes as a PDU's length field claims, waits without end for them, shakes hands over TLS in
the thread that accepts, and queues messages without a bound. Here lengths, times, numbers and addresses are limited.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

MIB = 2**20
MAX_ASSOCIATE_BYTES = 256 * 1024
"""An association request with 128 contexts of 16 syntaxes takes less than half."""
MAX_COMMAND_BYTES = 16 * 1024
"""The command set of a message; real ones take some hundred bytes."""
_PDU_HEADER, _P_DATA = 6, 0x04
_SHORT_PDUS = frozenset({0x03, 0x05, 0x06, 0x07})
_MAX_SHORT = 64
_LAST, _COMMAND = 0x02, 0x01
_DRAIN_S = 0.1
MOST_HOSTS = 1000
"""Addresses that are remembered; beyond, all begin anew."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class PeerLimits:
    """What peers may do.

    Parameters
    ----------
    networks
        Addresses that may connect; empty: all that reach the port.
    connections
        Open at once, associations and those on their way to one.
    connections_a_second
        From one address, beyond a first burst of as many as may be open.
    object_bytes, total_bytes
        Of one object, and of all that are in memory.
    pdu_bytes, pdu_s
        Largest PDU of an association, and the time for one to arrive whole or to be sent.
    """

    networks: tuple[Network, ...] = ()
    connections: int = 12
    connections_a_second: float = 5.0
    object_bytes: int = 1024 * MIB
    total_bytes: int = 2048 * MIB
    pdu_bytes: int = 256 * 1024
    pdu_s: float = 30.0


class PeerError(OSError):
    """A peer went beyond a limit; its connection is closed."""


class MemoryBudget:
    """Bytes of objects that are in memory, over all associations."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Raises PeerError if that is more than there may be."""
        with self._lock:
            if self._taken + size > self._most:
                raise PeerError(f"objects of more than {self._most // MIB} MiB were sent at once")
            self._taken += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._taken -= size


class ConnectionCredit:
    """How many connections each address may still make; what it has left grows with time (a token bucket).

    Parameters
    ----------
    most, a_second
        What an address begins with and never has more of, and how fast it grows.
    """

    def __init__(self, most: float, a_second: float) -> None:
        self._most, self._a_second = most, a_second
        self._left: dict[str, tuple[float, float]] = {}

    def spend(self, host: str, now_s: float) -> bool:
        """Whether an address may connect now.

        One that is refused pays nothing: a sender that tries again and again is let in as soon as there is credit.
        """
        if len(self._left) > MOST_HOSTS:
            self._left.clear()
        left, since = self._left.get(host, (self._most, now_s))
        left = min(self._most, left + (now_s - since) * self._a_second)
        may = left >= 1.0
        self._left[host] = (left - 1.0 if may else left, now_s)
        return may


class GuardedSocket(AssociationSocket):
    """The connection of one association, its PDUs checked before they are read."""

    def __init__(self, plain: AssociationSocket, limits: PeerLimits, budget: MemoryBudget, told: Callable[[str], None]):
        # pynetdicom makes the plain one itself, and making a second would announce the connection twice.
        self.__dict__.update(plain.__dict__)
        self._limits, self._budget, self._told = limits, budget, told
        self._body_is_next, self._pdu_type = False, 0
        self._held = self._object_bytes = self._command_bytes = 0
        self._end = 0.0
        self._lock = threading.Lock()

    @property
    def ready(self) -> bool:
        """False too while a message waits to be served: the peer has to wait, not our memory to grow."""
        return self.assoc.dimse.msg_queue.empty() and super().ready

    def recv(self, nr_bytes: int) -> bytearray:
        """Exactly `nr_bytes` of one PDU, or fewer if the peer closed. Raises OSError beyond the limits."""
        try:
            return self._header(nr_bytes) if not self._body_is_next else self._body(nr_bytes)
        except PeerError as fault:
            self._told(str(fault))
            self._shutdown_socket()
            raise
        except TimeoutError:
            self._told(f"a message did not arrive within {self._limits.pdu_s:g} s")
            self._shutdown_socket()
            raise

    def served(self, size: int) -> None:
        """An object of `size` bytes is kept, or was refused: its memory is free again."""
        with self._lock:
            size = min(size, self._held)
            self._held -= size
        self._budget.give_back(size)

    def _header(self, size: int) -> bytearray:
        self._end = time.monotonic() + self._limits.pdu_s
        data = self._read(size)
        if len(data) == _PDU_HEADER:
            self._pdu_type, length = data[0], int.from_bytes(data[2:6], "big")
            if length > self._most_of(self._pdu_type):
                raise PeerError(f"a message of {length} bytes was announced")
            self._body_is_next = 0x01 <= self._pdu_type <= 0x07
        return data

    def _most_of(self, pdu_type: int) -> int:
        if pdu_type == _P_DATA:
            return self._limits.pdu_bytes
        return _MAX_SHORT if pdu_type in _SHORT_PDUS - {0x03} else MAX_ASSOCIATE_BYTES

    def _body(self, size: int) -> bytearray:
        self._body_is_next = False
        data = self._read(size)
        if self._pdu_type == _P_DATA and len(data) == size:
            self._count(data)
        return data

    def _count(self, body: bytearray) -> None:
        """Walk the PDU's values (PS3.8, 9.3.5), which must fill it exactly; add up what belongs to one message."""
        at = 0
        while at < len(body):
            length = int.from_bytes(body[at : at + 4], "big")
            if length < 2 or at + 4 + length > len(body):
                raise PeerError("a message is malformed")
            control = body[at + 5]
            if control & _COMMAND:
                self._command_bytes += length - 2
            else:
                self._hold(length - 2)
            if self._command_bytes > MAX_COMMAND_BYTES:
                raise PeerError("a command is too long")
            if self._object_bytes > self._limits.object_bytes:
                raise PeerError(f"an object is larger than {self._limits.object_bytes // MIB} MiB")
            if control & _LAST:
                self._command_bytes = 0
                self._object_bytes = 0 if not control & _COMMAND else self._object_bytes
            at += 4 + length

    def _hold(self, size: int) -> None:
        self._budget.take(size)
        with self._lock:
            self._held += size
        self._object_bytes += size

    def _read(self, size: int) -> bytearray:
        data = bytearray(size)
        view, have = memoryview(data), 0
        sock = cast(socket.socket, self.socket)
        while have < size:
            sock.settimeout(max(self._end - time.monotonic(), 0.001))
            got = sock.recv_into(view[have:])
            if not got:
                break
            have += got
        view.release()
        sock.settimeout(self._limits.pdu_s)
        return data[:have]

    def _shutdown_socket(self) -> None:
        """Close in any case; pynetdicom leaves the socket open where shutting down fails."""
        self.served(self._held)
        sock = self.socket
        if sock is None:
            return
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        finally:
            sock.close()


class _Handler(RequestHandler):
    server: GuardedServer

    def setup(self) -> None:
        self.request.settimeout(self.server.limits.pdu_s)
        if self.server.tls is not None:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)

    def _create_association(self) -> Association:
        association = super()._create_association()
        host = str(self.client_address[0])
        plain = cast(AssociationSocket, association.dul.socket)
        association.dul.socket = GuardedSocket(
            plain, self.server.limits, self.server.budget, lambda fault: self.server.told(host, fault)
        )
        return association


class GuardedServer(ThreadedAssociationServer):
    """Accepts connections within the limits.

    Parameters
    ----------
    told
        Called with a peer's address and a reason, whenever one is turned away.
    """

    daemon_threads = True

    def __init__(
        self, *args: Any, limits: PeerLimits, tls: ssl.SSLContext | None, told: Callable[[str, str], None], **kw: Any
    ) -> None:
        self.limits, self.tls, self.told = limits, tls, told
        self.budget = MemoryBudget(limits.total_bytes)
        self._starting, self._count_lock = 0, threading.Lock()
        self._credit = ConnectionCredit(float(limits.connections), limits.connections_a_second)
        super().__init__(*args, **{**kw, "request_handler": _Handler})

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a connection may go on; nothing was read from it yet."""
        host = str(client_address[0])
        reason = self._refusal(host)
        if reason:
            self.told(host, reason)
            return False
        with self._count_lock:
            self._starting += 1
        return True

    def _refusal(self, host: str) -> str:
        address = ipaddress.ip_address(host.split("%")[0])
        if self.limits.networks and not any(address in network for network in self.limits.networks):
            return "the address is not allowed"
        if len(self.active_associations) + self._starting >= self.limits.connections:
            return f"{self.limits.connections} connections are open already"
        return "" if self._credit.spend(host, time.monotonic()) else "too many connections a second"

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._count_lock:
                self._starting -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Said to the operator in one line: mostly a TLS handshake that failed."""
        self.told(str(client_address[0]), "no connection could be made (TLS refused, or closed at once)")
