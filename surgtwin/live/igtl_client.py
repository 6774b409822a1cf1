"""A connection to an OpenIGTLink server that keeps itself alive: one blocking reader thread a source."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ..errors import SourceError
from .health import Health, HealthMeter
from .igtl_stream import MessageStream, PeerClosed
from .openigtlink import Message, encode

POLL_S = 0.25
"""How often a silent reader looks whether it should stop."""
CONNECT_S = 2.0
RETRY_S = (0.1, 0.2, 0.5, 1.0)


class LinkState(StrEnum):
    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, eq=False)
class Arrival:
    """A message with the time it was complete: s of the monotonic clock, and of the wall clock."""

    message: Message
    arrived_s: float
    wall_s: float


class IgtlClient:
    """Reads messages of one server, and connects again whenever it is gone.

    `arrived` and `changed` are called from the reader's own thread and should return at once.

    Parameters
    ----------
    changed
        Told the state, and why it is so.
    """

    def __init__(
        self,
        host: str,
        port: int,
        arrived: Callable[[Arrival], None],
        changed: Callable[[LinkState, str], None] = lambda state, why: None,
    ) -> None:
        self.host, self.port = host, port
        self._arrived, self._changed = arrived, changed
        self._meter = HealthMeter()
        self._stop = threading.Event()
        self._connection: socket.socket | None = None
        self._sending = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"openigtlink {host}:{port}", daemon=True)

    def start(self) -> None:
        """Begin to connect and read."""
        self._thread.start()

    def stop(self) -> None:
        """End the connection and the thread."""
        self._stop.set()
        self._thread.join(CONNECT_S + 2 * POLL_S)

    def __enter__(self) -> IgtlClient:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def send(self, message: Message) -> None:
        """Send a message. Raises SourceError if there is no connection."""
        with self._sending:
            connection = self._connection
            if connection is None:
                raise SourceError(f"There is no connection to {self.host}:{self.port}.")
            try:
                connection.sendall(encode(message))
            except OSError as error:
                raise SourceError(f"{self.host}:{self.port} took no message: {error.strerror or error}.") from error

    def health(self) -> Health:
        """Rate, latency and what was refused."""
        return self._meter.health(time.monotonic())

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._changed(LinkState.CONNECTING, "")
            try:
                connection = socket.create_connection((self.host, self.port), CONNECT_S)
            except OSError as error:
                self._changed(LinkState.CLOSED, f"{self.host}:{self.port} can't be reached: {error.strerror or error}.")
                self._stop.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
                continue
            failures = 0
            why = self._read_until_it_ends(connection)
            if not self._stop.is_set():
                self._changed(LinkState.CLOSED, why)
                self._stop.wait(RETRY_S[0])
        self._changed(LinkState.CLOSED, "")

    def _read_until_it_ends(self, connection: socket.socket) -> str:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(POLL_S)
            self._connection = connection
            self._changed(LinkState.OPEN, "")
            stream = MessageStream(connection, self._meter.refused)
            try:
                while not self._stop.is_set():
                    try:
                        message = stream.read()
                    except TimeoutError:
                        continue
                    now, wall = time.monotonic(), time.time()
                    self._meter.received(now, wall, message.time_s, f"{message.kind} {message.device}")
                    self._arrived(Arrival(message, now, wall))
            except PeerClosed:
                return f"{self.host}:{self.port} ended the connection."
            except SourceError as error:
                self._meter.refused(str(error))
                return f"{error} The connection is made anew."
            except OSError as error:
                return f"The connection to {self.host}:{self.port} broke: {error.strerror or error}."
            finally:
                self._connection = None
        return ""
