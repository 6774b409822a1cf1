"""Where a live source is: a host and a port, as a person writes them."""

from __future__ import annotations

from ..errors import SourceError

LARGEST_PORT = 65535


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT"; [::1]:18944 for IPv6. Raises SourceError if it is something else."""
    host, _, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or any(c.isspace() for c in bare) or not port.isascii() or not port.isdigit():
        raise SourceError(f"'{text}' is not HOST:PORT, like localhost:18944.")
    if not 0 < int(port) <= LARGEST_PORT:
        raise SourceError(f"'{text}': a port is a number from 1 to {LARGEST_PORT}.")
    return bare, int(port)
