"""An OpenIGTLink server: sends to every peer that is connected, and hears what they send."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable

from ..errors import SourceError
from .igtl_client import POLL_S, Arrival
from .igtl_stream import MessageStream, PeerClosed
from .openigtlink import Message, encode

QUEUED = 64
"""Messages that wait for a slow peer; older ones are dropped for it, never for the others."""
MOST_PEERS = 16


class IgtlServer:
    """Listens on a port, by default of this computer only.

    Parameters
    ----------
    port
        0 takes a free one; `port` then says which.
    arrived
        Called from a peer's own thread with what it sends.
    joined
        Called with a peer's address when it connects, from the accepting thread.
    """

    def __init__(
        self,
        port: int = 18944,
        *,
        host: str = "127.0.0.1",
        arrived: Callable[[Arrival], None] = lambda arrival: None,
        joined: Callable[[str], None] = lambda address: None,
    ) -> None:
        self._arrived, self._joined = arrived, joined
        self._stop = threading.Event()
        self._peers: list[_Peer] = []
        self._lock = threading.Lock()
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            raise SourceError(f"Port {port} of {host} can't be opened: {error.strerror or error}.") from error
        self._listener.settimeout(POLL_S)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name=f"openigtlink server {self.port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> IgtlServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close every connection and the port."""
        self._stop.set()
        self._thread.join(4 * POLL_S)
        self._listener.close()
        with self._lock:
            peers, self._peers = self._peers, []
        for peer in peers:
            peer.close()

    def send(self, message: Message) -> None:
        """Send a message to all peers; returns at once."""
        data = encode(message)
        with self._lock:
            self._peers = [peer for peer in self._peers if peer.is_open]
            peers = list(self._peers)
        for peer in peers:
            peer.put(data)

    def drain(self, wait_s: float = 2.0) -> None:
        """Return when every peer has taken what was sent to it, or the time is over."""
        end = time.monotonic() + wait_s
        with self._lock:
            peers = list(self._peers)
        while any(peer.is_open and peer.is_busy for peer in peers) and time.monotonic() < end:
            time.sleep(0.005)

    @property
    def peers(self) -> int:
        """How many are connected."""
        with self._lock:
            return sum(peer.is_open for peer in self._peers)

    @property
    def dropped(self) -> int:
        """Messages that peers were too slow for."""
        with self._lock:
            return sum(peer.dropped for peer in self._peers)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, address = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with self._lock:
                self._peers = [peer for peer in self._peers if peer.is_open]
                if len(self._peers) >= MOST_PEERS:
                    connection.close()
                    continue
                self._peers.append(_Peer(connection, self._arrived))
            self._joined(f"{address[0]}:{address[1]}")


class _Peer:
    """One connection: a thread that reads, one that writes."""

    def __init__(self, connection: socket.socket, arrived: Callable[[Arrival], None]) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(POLL_S)
        self._connection, self._arrived = connection, arrived
        self._waiting: queue.Queue[bytes] = queue.Queue(QUEUED)
        self._closed = threading.Event()
        self.dropped = 0
        for work in (self._read, self._write):
            threading.Thread(target=work, daemon=True).start()

    @property
    def is_open(self) -> bool:
        return not self._closed.is_set()

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be sent."""
        return self._waiting.unfinished_tasks > 0

    def put(self, data: bytes) -> None:
        while True:
            try:
                self._waiting.put_nowait(data)
                return
            except queue.Full:
                self._drop_oldest()

    def close(self) -> None:
        self._closed.set()
        self._connection.close()

    def _drop_oldest(self) -> None:
        try:
            self._waiting.get_nowait()
            self._waiting.task_done()
            self.dropped += 1
        except queue.Empty:
            return

    def _write(self) -> None:
        while not self._closed.is_set():
            try:
                data = memoryview(self._waiting.get(timeout=POLL_S))
            except queue.Empty:
                continue
            try:
                while len(data) and not self._closed.is_set():
                    data = self._sent(data)
            except OSError:
                self._closed.set()
            self._waiting.task_done()

    def _sent(self, data: memoryview) -> memoryview:
        """What is left to send; a peer that takes nothing for a while is waited for, its queue drops the oldest."""
        try:
            return data[self._connection.send(data) :]
        except TimeoutError:
            return data

    def _read(self) -> None:
        stream = MessageStream(self._connection, lambda why: None)
        try:
            while not self._closed.is_set():
                try:
                    message = stream.read()
                except TimeoutError:
                    continue
                self._arrived(Arrival(message, time.monotonic(), time.time()))
        except (PeerClosed, SourceError, OSError):
            self._closed.set()
        finally:
            self._connection.close()
