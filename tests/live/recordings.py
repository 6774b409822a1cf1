"""Small sequence files with known content, as PLUS writes them."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from tests.conftest import rotation

GAP_S = 0.05


def pose(n: int, turn: float = 7.0) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((3.0 * n, -turn, 20.0))
    matrix[:3, 3] = (n, -2.0 * n, 300.5)
    return matrix


def pictures(count: int, shape: tuple[int, int] = (5, 7)) -> np.ndarray:
    return np.arange(count * shape[0] * shape[1], dtype=np.uint8).reshape(count, 1, *shape)


def frame_fields(count: int, lost: tuple[int, ...] = (), gap_s: float = GAP_S) -> dict[str, str]:
    """A probe that is always seen, and a stylus that is not in the frames of `lost`."""
    fields = {}
    for n in range(count):
        at = f"Seq_Frame{n:04d}_"
        for name, matrix in (("Probe", pose(n)), ("Stylus", pose(n, 30.0))):
            is_lost = name == "Stylus" and n in lost
            fields[f"{at}{name}ToTrackerTransform"] = " ".join(f"{v:.9g}" for v in matrix.ravel())
            fields[f"{at}{name}ToTrackerTransformStatus"] = "INVALID" if is_lost else "OK"
        fields[f"{at}Timestamp"] = f"{100.0 + gap_s * n:.6f}"
        fields[f"{at}ImageStatus"] = "OK"
    return fields


def write_mha(path: Path, images: np.ndarray | None, fields: dict[str, str], **header: str) -> Path:
    """A compressed .igs.mha; `images` [frame, 1, j, i], or None for poses only."""
    count = len([key for key in fields if key.endswith("_Timestamp")])
    size = "0 0" if images is None else f"{images.shape[3]} {images.shape[2]}"
    data = b"" if images is None else zlib.compress(images.tobytes())
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        "CompressedDataSize": f"{len(data)}           ",
        "DimSize": f"{size} {count}",
        "ElementSpacing": "0.25 0.5 1",
        "ElementType": "MET_UCHAR",
        "Offset": "1 2 0",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "UltrasoundImageOrientation": "MFA",
        **header,
        **fields,
        "ElementDataFile": "LOCAL",
    }
    path.write_bytes("".join(f"{key} = {value}\n" for key, value in lines.items()).encode() + data)
    return path


def write_nrrd(path: Path, images: np.ndarray, fields: dict[str, str]) -> Path:
    """A gzipped .igs.nrrd."""
    count, _, nj, ni = images.shape
    head = (
        "NRRD0004\n# written for a test\n"
        f"type: unsigned char\ndimension: 3\nsizes: {ni} {nj} {count}\nkinds: domain domain list\nencoding: gzip\n"
        "ultrasound image orientation:=MFA\n"
    )
    pairs = "".join(f"{key}:={value}\n" for key, value in fields.items())
    path.write_bytes((head + pairs + "\n").encode() + gzip.compress(images.tobytes()))
    return path
