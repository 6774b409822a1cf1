"""MLLP, HL7 v2's way over TCP: a listener with bounds on sizes, times, rates and addresses.

A frame is 0x0B, the message, 0x1C 0x0D. The answer to a message is sent before the next one is read, so that a sender
that is too fast waits. Nothing is encrypted: it is for this computer, or for a network that is trusted.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..clinical.hl7v2 import LARGEST_BYTES
from ..errors import SourceError

START, END = b"\x0b", b"\x1c\x0d"
POLL_S = 0.2
_CHUNK = 65536

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class MllpLimits:
    """What senders may do.

    Parameters
    ----------
    networks
        That may connect; a listener on an address of this computer alone needs none.
    message_s
        Time for one message to arrive whole.
    messages_a_second
        Of one connection; a faster one is read more slowly.
    """

    networks: tuple[Network, ...] = ()
    message_bytes: int = LARGEST_BYTES
    message_s: float = 10.0
    connections: int = 8
    messages_a_second: float = 50.0


@dataclass(frozen=True)
class MllpHandlers:
    """What is asked and told, from the connections' own threads.

    Parameters
    ----------
    answer
        Message and sender's address -> the answer; empty for none.
    told
        What happened to a connection: a word ("connected", "closed", "refused"), the address, a sentence.
    """

    answer: Callable[[bytes, str], bytes]
    told: Callable[[str, str, str], None] = field(default=lambda kind, host, text: None)


class FrameReader:
    """Cuts a stream into messages. A stream that breaks the rules can't be followed any further."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._buffer = most_bytes, bytearray()

    @property
    def is_within(self) -> bool:
        """Whether part of a message has arrived."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now. Raises SourceError for bytes outside a frame, or too large a message."""
        self._buffer += data
        found = []
        while self._buffer:
            if self._buffer[:1] != START:
                raise SourceError("It sent bytes outside an MLLP frame (0x0B ... 0x1C 0x0D).")
            end = self._buffer.find(END)
            if end < 0:
                break
            if end - 1 > self._most:
                raise SourceError(f"It sent a message of more than {self._most} bytes.")
            found.append(bytes(self._buffer[1:end]))
            del self._buffer[: end + 2]
        if len(self._buffer) > self._most + 3:
            raise SourceError(f"It sent a message of more than {self._most} bytes.")
        return found


class MllpServer:
    """Listens until it is stopped; `port` says which if 0 was asked for.

    Raises
    ------
    SourceError
        If the address can't be listened on, or others than this computer could connect and no network is allowed.
    """

    def __init__(self, host: str, port: int, handlers: MllpHandlers, limits: MllpLimits = MllpLimits()) -> None:
        if not limits.networks and not _is_loopback(host):
            raise SourceError(f"{host} can be reached by others; say with --allow which addresses may send.")
        self._handlers, self._limits = handlers, limits
        self._stop, self._threads = threading.Event(), list[threading.Thread]()
        try:
            self._listener = socket.create_server((host, port), family=_family(host))
        except OSError as error:
            raise SourceError(f"{host}:{port} can't be listened on: {error.strerror or error}.") from error
        self._listener.settimeout(POLL_S)
        self.port = int(self._listener.getsockname()[1])
        self._accepting = threading.Thread(target=self._accept, name=f"mllp {self.port}", daemon=True)
        self._accepting.start()

    def __enter__(self) -> MllpServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port; a message that is being answered is answered first."""
        self._stop.set()
        self._accepting.join()
        self._listener.close()
        for thread in self._threads:
            thread.join(self._limits.message_s)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, address = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            host = str(address[0])
            self._threads = [t for t in self._threads if t.is_alive()]
            refusal = self._refusal(host)
            if refusal:
                self._handlers.told("refused", host, refusal)
                connection.close()
                continue
            thread = threading.Thread(target=self._serve, args=(connection, host), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _refusal(self, host: str) -> str:
        address = ipaddress.ip_address(host.split("%")[0])
        plain = getattr(address, "ipv4_mapped", None) or address
        if self._limits.networks and not any(plain in network for network in self._limits.networks):
            return "Its address is not among those that may send."
        if len(self._threads) >= self._limits.connections:
            return f"{self._limits.connections} connections are open already."
        return ""

    def _serve(self, connection: socket.socket, host: str) -> None:
        self._handlers.told("connected", host, "")
        why = ""
        with connection:
            connection.settimeout(POLL_S)
            try:
                why = self._follow(connection, host)
            except (SourceError, OSError) as error:
                why = str(error)
        self._handlers.told("refused" if why else "closed", host, why)

    def _follow(self, connection: socket.socket, host: str) -> str:
        """Answer messages until the peer leaves; answers why the last one was not taken, if so."""
        reader, began = FrameReader(self._limits.message_bytes), time.monotonic()
        while not self._stop.is_set():
            if not reader.is_within:
                began = time.monotonic()
            elif time.monotonic() - began > self._limits.message_s:
                return f"A message did not arrive whole within {self._limits.message_s:g} s."
            try:
                data = connection.recv(_CHUNK)
            except TimeoutError:
                continue
            if not data:
                return "The connection ended within a message; it was not taken." if reader.is_within else ""
            for message in reader.feed(data):
                started = time.monotonic()
                answer = self._handlers.answer(message, host)
                if answer:
                    connection.settimeout(self._limits.message_s)
                    connection.sendall(START + answer + END)
                    connection.settimeout(POLL_S)
                self._stop.wait(max(0.0, 1.0 / self._limits.messages_a_second - (time.monotonic() - started)))
        return ""


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
