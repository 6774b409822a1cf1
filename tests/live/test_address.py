"""Addresses of live sources as people write them."""

from __future__ import annotations

import pytest

from surgtwin.errors import SourceError
from surgtwin.live.address import parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost:18944", "localhost", 18944),
        (" 10.0.0.7:1 ", "10.0.0.7", 1),
        ("[::1]:65535", "::1", 65535),
        ("tracker.or-3:18944", "tracker.or-3", 18944),
    ],
)
def test_a_host_and_a_port_are_read(text: str, host: str, port: int) -> None:
    assert parse_address(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "host", "host:", ":18944", "host:0", "host:65536", "host:-1", "host:1.5", "a b:1", "host:١٨", "[]:1"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(SourceError):
        parse_address(text)
