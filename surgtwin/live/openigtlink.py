"""OpenIGTLink, versions 1 to 3: messages to and from bytes, strictly.

A message is a header of 58 bytes and a body; the CRC-64 (ECMA-182) is of the body. From header version 2 on (protocol
3) the body begins with an extended header and ends with meta data. What does not fit is refused with a `SourceError`:
a wrong CRC, an impossible length, a pose that is no pose.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, field

import fastcrc

from ..errors import SourceError
from .igtl_content import UNPACK, Content
from .igtl_fields import padded, read_padded

HEADER_BYTES = 58
HEADER = struct.Struct(">H12s20sQQQ")
EXTENDED = struct.Struct(">HHII")
META_ENTRY = struct.Struct(">HHI")
NEWEST_HEADER = 3
LARGEST_BODY_BYTES = 1 << 30
"""A header that says more is not believed: nothing can be read after it."""
FRACTION = 1 << 32


@dataclass(frozen=True)
class Header:
    """The first 58 bytes of a message.

    Parameters
    ----------
    kind
        E.g. "TRANSFORM"; requests begin with "GET_", "STT_", "STP_" or "RTS_".
    device
        Name of what sends, at most 20 letters.
    time_s
        The sender's clock, seconds since 1970; 0 if it gave none.
    """

    version: int
    kind: str
    device: str
    time_s: float
    body_bytes: int
    crc: int


@dataclass(frozen=True, eq=False)
class Message:
    """One message.

    Parameters
    ----------
    content
        None for kinds that have none (requests), or that this program does not read.
    meta
        Names and texts that came along (protocol 3).
    """

    kind: str
    device: str
    content: Content | None = None
    time_s: float = 0.0
    meta: dict[str, str] = field(default_factory=dict)
    version: int = 1


def decode_header(data: bytes | bytearray | memoryview) -> Header:
    """The header of a message. Raises SourceError if it can't be one; then nothing after it can be read either."""
    if len(data) < HEADER_BYTES:
        raise SourceError(f"An OpenIGTLink header has {HEADER_BYTES} bytes; found {len(data)}.")
    version, kind, device, stamp, size, crc = HEADER.unpack_from(data)
    if not 1 <= version <= NEWEST_HEADER:
        raise SourceError(f"This is no OpenIGTLink: header version {version}; 1 to {NEWEST_HEADER} are known.")
    if not kind.rstrip(b"\0").replace(b"_", b"").isalnum():
        raise SourceError("This is no OpenIGTLink: the kind of message is not made of letters.")
    if size > LARGEST_BODY_BYTES:
        raise SourceError(f"A message of {size} bytes was announced; at most {LARGEST_BODY_BYTES} are taken.")
    return Header(version, read_padded(kind), read_padded(device), stamp / FRACTION, size, crc)


def decode_body(header: Header, body: bytes | bytearray | memoryview) -> Message:
    """The message of a header and its body. Raises SourceError if the body is not what it should be."""
    if len(body) != header.body_bytes:
        raise SourceError(f"A {header.kind} message of {header.body_bytes} bytes came with {len(body)}.")
    if fastcrc.crc64.ecma_182(bytes(body)) != header.crc:
        raise SourceError(f"A {header.kind} message of '{header.device}' was damaged on the way: its CRC is wrong.")
    content, meta = _split(header, memoryview(body))
    read = UNPACK.get(header.kind)
    try:
        found = None if read is None else read(content)
    except (struct.error, ValueError) as error:
        raise SourceError(f"A {header.kind} message of '{header.device}' can't be read: {error}.") from error
    return Message(header.kind, header.device, found, header.time_s, meta, header.version)


def decode(data: bytes | bytearray | memoryview) -> Message:
    """The message that `data` holds from its first byte to its last. Raises SourceError."""
    return decode_body(decode_header(data), memoryview(data)[HEADER_BYTES:])


def encode(message: Message) -> bytes:
    """The bytes of a message. Meta data make it one of header version 2, whatever it says."""
    content = b"" if message.content is None else message.content.pack()
    version = max(message.version, 2 if message.meta else 1)
    body = content if version == 1 else _extended(content, message.meta)
    seconds = message.time_s or time.time()
    head = HEADER.pack(
        version,
        padded(message.kind, 12),
        padded(message.device, 20),
        int(seconds * FRACTION),
        len(body),
        fastcrc.crc64.ecma_182(body),
    )
    return head + body


def _split(header: Header, body: memoryview) -> tuple[memoryview, dict[str, str]]:
    """The content of a body, and its meta data."""
    if header.version == 1:
        return body, {}
    if len(body) < EXTENDED.size:
        raise SourceError(f"A {header.kind} message is too short for its extended header.")
    extended, meta_head, meta_size, _ = EXTENDED.unpack_from(body)
    end = len(body) - meta_head - meta_size
    if extended < EXTENDED.size or end < extended:
        raise SourceError(f"A {header.kind} message's extended header does not fit its length.")
    return body[extended:end], _meta(body[end : end + meta_head], body[end + meta_head :])


def _meta(head: memoryview, data: memoryview) -> dict[str, str]:
    if len(head) < 2:
        return {}
    (count,) = struct.unpack_from(">H", head)
    if len(head) < 2 + count * META_ENTRY.size:
        raise SourceError("A message's meta data are shorter than their list says.")
    meta, at = {}, 0
    for n in range(count):
        key_size, encoding, value_size = META_ENTRY.unpack_from(head, 2 + n * META_ENTRY.size)
        if at + key_size + value_size > len(data):
            raise SourceError("A message's meta data are shorter than their list says.")
        key = bytes(data[at : at + key_size]).decode("utf-8", "replace")
        at += key_size
        codec = "ascii" if encoding == 3 else "utf-8"
        meta[key] = bytes(data[at : at + value_size]).decode(codec, "replace")
        at += value_size
    return meta


def _extended(content: bytes, meta: dict[str, str]) -> bytes:
    pairs = [(key.encode("utf-8"), value.encode("utf-8")) for key, value in meta.items()]
    head = struct.pack(">H", len(pairs)) + b"".join(META_ENTRY.pack(len(k), 106, len(v)) for k, v in pairs)
    data = b"".join(k + v for k, v in pairs)
    return EXTENDED.pack(EXTENDED.size, len(head), len(data), 0) + content + head + data
