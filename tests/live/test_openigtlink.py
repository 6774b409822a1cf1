"""OpenIGTLink to and from bytes: the published example to the bit, every kind back and forth, nothing false taken."""

from __future__ import annotations

import struct

import fastcrc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surgtwin.errors import SourceError
from surgtwin.live.igtl_content import Capability, Point, Points, PolyData, Status, String
from surgtwin.live.igtl_fields import lps
from surgtwin.live.igtl_image import Image
from surgtwin.live.igtl_poses import Position, QuaternionTrackingData, TrackedTool, TrackingData, Transform
from surgtwin.live.openigtlink import HEADER, HEADER_BYTES, Message, decode, decode_header, encode
from tests.conftest import rotation

EXAMPLE_BODY = bytes.fromhex(
    "BF7473CD3E4959E6BE63DD98BE4959E63E12491B3F7852D63E63DD983F7852D6BDC830AE42383660419BC46742383660"
)
EXAMPLE_CRC = 0xF6DD2B8EB4DF6DD2
"""Facts of the protocol's published TRANSFORM example."""


def pose(angles=(10.0, -20.0, 30.0), place=(1.5, -2.25, 300.0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation(angles), place
    return matrix


def packed(kind: bytes, body: bytes, version: int = 1, crc: int | None = None) -> bytes:
    return (
        HEADER.pack(version, kind, b"tool", 0, len(body), fastcrc.crc64.ecma_182(body) if crc is None else crc) + body
    )


def test_the_published_example_is_read_as_published() -> None:
    message = decode(packed(b"TRANSFORM", EXAMPLE_BODY, crc=EXAMPLE_CRC))
    assert message.content.matrix[:3, 3] == pytest.approx([46.0531, 19.4709, 46.0531])
    assert message.content.matrix[:3, 0] == pytest.approx([-0.954892, 0.196632, -0.222525], abs=1e-6)
    assert message.content.pack() == EXAMPLE_BODY


def test_ras_becomes_lps_in_one_place() -> None:
    turned = lps(pose())
    assert turned[:3, 3] == pytest.approx([-1.5, 2.25, 300.0])
    assert np.linalg.det(turned[:3, :3]) == pytest.approx(1.0)


TOOLS = (TrackedTool("needle", pose(), 2), TrackedTool("probe", pose((0, 0, 90), (9, 8, 7)), 3))
QUATERNION = np.array([0.1, -0.2, 0.3, np.sqrt(1 - 0.14)])
CONTENTS = {
    "TRANSFORM": Transform(pose()),
    "POSITION": Position(np.array([1.0, 2.0, 3.0]), QUATERNION),
    "STATUS": Status(3, 77, "Code3", "the cable is out"),
    "STRING": String("Größe 5 µm"),
    "CAPABILITY": Capability(("TRANSFORM", "IMAGE")),
    "POINT": Points((Point("entry", np.array([1.0, -2.0, 3.0]), "plan", (1, 2, 3, 4), 2.5, "case"),)),
    "TDATA": TrackingData(TOOLS),
    "QTDATA": QuaternionTrackingData(TOOLS),
    "POLYDATA": PolyData(np.arange(12.0).reshape(4, 3), np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)),
    "IMAGE": Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), pose() @ np.diag([0.5, 0.75, 2.0, 1.0])),
}


def same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray):
        return a.shape == np.asarray(b).shape and np.allclose(a, b, atol=1e-4, rtol=1e-5)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(same(getattr(a, f), getattr(b, f)) for f in a.__dataclass_fields__)
    return a == b


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("meta", [{}, {"Größe": "5 µm", "empty": ""}])
def test_every_kind_comes_back_as_it_was_sent(kind: str, meta: dict[str, str]) -> None:
    sent = Message(kind, "a device", CONTENTS[kind], 1234567890.5, meta)
    back = decode(encode(sent))
    assert (back.kind, back.device, back.meta) == (kind, "a device", meta)
    assert back.time_s == pytest.approx(1234567890.5, abs=1e-6)
    assert same(sent.content, back.content)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8"])
@pytest.mark.parametrize("components", [1, 3])
def test_images_of_every_type_come_back(dtype: str, components: int) -> None:
    shape = (2, 3, 4) if components == 1 else (2, 3, 4, components)
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    back = decode(encode(Message("IMAGE", "us", Image(values, np.eye(4))))).content
    assert back.values.dtype == values.dtype
    assert np.array_equal(back.values, values)


def image_body(frame: int, endian: int = 1) -> bytes:
    """A 2 x 1 x 1 image of uint16, its axes 3 mm along x (as sent), its middle at (10, 20, 30)."""
    numbers = np.array([3, 0, 0, 0, 1, 0, 0, 0, 1, 10, 20, 30], dtype=">f4").tobytes()
    values = np.array([5, 700], dtype=">u2" if endian == 1 else "<u2").tobytes()
    head = struct.pack(">HBBBB3H", 1, 1, 5, endian, frame, 2, 1, 1)
    return head + numbers + struct.pack(">6H", 0, 0, 0, 2, 1, 1) + values


@pytest.mark.parametrize("endian", [1, 2])
def test_an_image_says_itself_whether_it_lies_in_ras_or_lps(endian: int) -> None:
    in_lps = decode(packed(b"IMAGE", image_body(2, endian))).content
    in_ras = decode(packed(b"IMAGE", image_body(1, endian))).content
    assert in_lps.lps_from_ijk @ [0, 0, 0, 1] == pytest.approx([8.5, 20, 30, 1])
    assert in_ras.lps_from_ijk @ [0, 0, 0, 1] == pytest.approx([-8.5, -20, 30, 1])
    assert in_lps.values.ravel().tolist() == [5, 700]


def test_a_part_of_an_image_lies_where_the_part_is() -> None:
    part = Image(np.ones((1, 2, 2), dtype=np.uint8), np.eye(4), (3, 4, 5), (10, 10, 10))
    back = decode(encode(Message("IMAGE", "us", part))).content
    assert (back.offset_ijk, back.whole_ijk) == ((3, 4, 5), (10, 10, 10))
    assert back.lps_from_ijk == pytest.approx(np.eye(4), abs=1e-5)


def test_short_positions_have_the_rest_of_their_quaternion() -> None:
    body = np.array([1, 2, 3, *QUATERNION[:3]], dtype=">f4").tobytes()
    back = decode(packed(b"QTRANS", body)).content
    assert back.quaternion == pytest.approx(QUATERNION, abs=1e-6)
    place = decode(packed(b"POSITION", body[:12])).content
    assert place.matrix == pytest.approx(np.array([[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]]))


def test_polygons_of_more_corners_become_triangles() -> None:
    points = np.zeros((5, 3), dtype=">f4").tobytes()
    cells = struct.pack(">9I", 5, 0, 1, 2, 3, 4, 3, 0, 1)[:36] + struct.pack(">I", 2)
    head = struct.pack(">10I", 5, 0, 0, 0, 0, 2, len(cells), 0, 0, 0)
    back = decode(packed(b"POLYDATA", head + points + cells)).content
    assert back.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 1, 2]]


def test_a_kind_that_is_not_read_is_told_and_not_guessed() -> None:
    message = decode(packed(b"BIND", b"whatever"))
    assert (message.kind, message.content) == ("BIND", None)


NAN_POSE = pose()
NAN_POSE[0, 3] = np.nan
SCALED = pose() @ np.diag([1.0, 1.0, 1.01, 1.0])
MIRRORED = pose() @ np.diag([-1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (packed(b"TRANSFORM", EXAMPLE_BODY, crc=1), "CRC"),
        (packed(b"TRANSFORM", EXAMPLE_BODY[:-1]), "48 are needed"),
        (packed(b"TRANSFORM", Transform(NAN_POSE).pack()), "not finite"),
        (packed(b"TRANSFORM", Transform(SCALED).pack()), "not rigid"),
        (packed(b"TRANSFORM", Transform(MIRRORED).pack()), "not rigid"),
        (packed(b"TDATA", TrackingData((TrackedTool("t", NAN_POSE),)).pack()), "not finite"),
        (packed(b"TDATA", b"x" * 71), "no whole number"),
        (packed(b"POSITION", np.array([1, 2, 3, 1, 1, 1, 1], ">f4").tobytes()), "length 1"),
        (packed(b"POSITION", b"x" * 13), "none of the lengths"),
        (packed(b"IMAGE", image_body(2)[:50]), "header of 72"),
        (packed(b"IMAGE", image_body(2)[:-1]), "should hold"),
        (packed(b"IMAGE", image_body(3)), "frame 3 is unknown"),
        (packed(b"STRING", struct.pack(">HH", 3, 99) + b"short"), "says 99"),
        (packed(b"STATUS", b"x" * 12), "shorter than 30"),
        (packed(b"POLYDATA", struct.pack(">10I", 10**9, 0, 0, 0, 0, 0, 0, 0, 0, 0)), "shorter than"),
        (packed(b"TRANSFORM", EXAMPLE_BODY, version=2), "extended header"),
        (packed(b"TRANSFORM", EXAMPLE_BODY, version=9), "no OpenIGTLink"),
        (packed(b"\xff\xfe", b""), "not made of letters"),
        (HEADER.pack(1, b"IMAGE", b"x", 0, 1 << 40, 0), "announced"),
        (b"\0" * 20, "58 bytes"),
    ],
)
def test_what_does_not_fit_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        decode(data)


@given(st.binary(max_size=400), st.sampled_from(sorted(CONTENTS)))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_message_or_an_explained_error(body: bytes, kind: str) -> None:
    for version in (1, 2):
        try:
            decode(packed(kind.encode(), body, version))
        except SourceError as error:
            assert len(str(error)) > 20


@given(st.integers(0, 47), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_no_damaged_byte_goes_unseen(at: int, flip: int) -> None:
    data = bytearray(packed(b"TRANSFORM", EXAMPLE_BODY))
    data[HEADER_BYTES + at] ^= flip
    with pytest.raises(SourceError, match="CRC"):
        decode(data)


def test_long_names_are_cut_and_foreign_letters_replaced() -> None:
    header = decode_header(encode(Message("STRING", "Größe " + "x" * 40, String("a"))))
    assert header.device == "Gr??e xxxxxxxxxxxxxx"
