"""Label maps in JSON; each layer is a blob."""

from __future__ import annotations

from ..domain.labels import Code, LabelMap, Structure
from .blobs import BlobRef, BlobStore
from .codec_values import Record, decode_grid, encode_grid


def encode_labels(labels: LabelMap, blobs: BlobStore) -> Record:
    return {
        "grid": encode_grid(labels.grid),
        "layers": [blobs.put_labels(layer).as_json() for layer in labels.layers],
        "structures": [_encode_structure(s) for s in labels.structures],
    }


def decode_labels(record: Record, blobs: BlobStore) -> LabelMap:
    layers = [
        blobs.read_array(BlobRef.from_json(ref), f"layer {n} of the label map")
        for n, ref in enumerate(record["layers"])
    ]
    return LabelMap(
        decode_grid(record["grid"]), tuple(layers), tuple(_decode_structure(s) for s in record["structures"])
    )


def _encode_structure(s: Structure) -> Record:
    return {
        "label": int(s.label),
        "name": s.name,
        "colour": [int(c) for c in s.colour],
        "code": _encode_code(s.code),
        "laterality": _encode_code(s.laterality),
        "part_of": s.part_of,
        "layer": int(s.layer),
        "origin": s.origin,
    }


def _decode_structure(r: Record) -> Structure:
    red, green, blue = r["colour"]
    return Structure(
        r["label"],
        r["name"],
        (red, green, blue),
        _decode_code(r["code"]),
        _decode_code(r["laterality"]),
        r["part_of"],
        r["layer"],
        r["origin"],
    )


def _encode_code(code: Code | None) -> Record | None:
    return None if code is None else {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def _decode_code(record: Record | None) -> Code | None:
    return None if record is None else Code(record["value"], record["scheme"], record["meaning"])
