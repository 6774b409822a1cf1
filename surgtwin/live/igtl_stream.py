"""OpenIGTLink messages from a socket: whole, checked, and no more memory than one of them."""

from __future__ import annotations

import socket
from collections.abc import Callable

from ..errors import SourceError
from .openigtlink import HEADER_BYTES, Header, Message, decode_body, decode_header

Refused = Callable[[str], None]


class PeerClosed(Exception):  # noqa: N818 - the usual end of a conversation
    """The other side ended the connection."""


class MessageStream:
    """Reads messages from a connected socket; blocks until one is there, or the socket's timeout is over.

    Parameters
    ----------
    refused
        Told why a message was not taken; the next one is read then. What can't be followed by another raises.
    """

    def __init__(self, connection: socket.socket, refused: Refused) -> None:
        self._connection = connection
        self._refused = refused
        self._head = bytearray(HEADER_BYTES)
        self._filled = 0
        self._header: Header | None = None
        self._body = bytearray()

    def read(self) -> Message:
        """The next sound message.

        Raises
        ------
        PeerClosed
            When the peer has gone.
        TimeoutError
            If none was complete in time; what came is kept, and the next call goes on.
        SourceError
            If the bytes can't be OpenIGTLink: nothing after them can be read, connect anew.
        """
        while True:
            if self._header is None:
                self._fill(self._head)
                self._header = decode_header(self._head)
                self._body, self._filled = bytearray(self._header.body_bytes), 0
            self._fill(self._body)
            header, body = self._header, self._body
            self._header, self._body, self._filled = None, bytearray(), 0
            try:
                return decode_body(header, body)
            except SourceError as error:
                self._refused(str(error))

    def _fill(self, buffer: bytearray) -> None:
        view = memoryview(buffer)
        while self._filled < len(buffer):
            count = self._connection.recv_into(view[self._filled :])
            if count == 0:
                raise PeerClosed
            self._filled += count
