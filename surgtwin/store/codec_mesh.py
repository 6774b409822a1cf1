"""Meshes in JSON; vertices and triangles are blobs."""

from __future__ import annotations

from ..domain.mesh import MeshQuality, OrganMesh
from .blobs import BlobRef, BlobStore
from .codec_values import Record, number, plain


def encode_mesh(mesh: OrganMesh, blobs: BlobStore) -> Record:
    return {
        "name": mesh.name,
        "vertices_mm": blobs.put_array(mesh.vertices_mm).as_json(),
        "triangles": blobs.put_array(mesh.triangles).as_json(),
        "colour": [int(c) for c in mesh.colour],
        "quality": None if mesh.quality is None else _encode_quality(mesh.quality),
    }


def decode_mesh(record: Record, blobs: BlobStore) -> OrganMesh:
    red, green, blue = record["colour"]
    name, quality = record["name"], record["quality"]
    return OrganMesh(
        name,
        blobs.read_array(BlobRef.from_json(record["vertices_mm"]), f"the vertices of '{name}'"),
        blobs.read_array(BlobRef.from_json(record["triangles"]), f"the triangles of '{name}'"),
        (red, green, blue),
        None if quality is None else _decode_quality(quality),
    )


def _encode_quality(q: MeshQuality) -> Record:
    numbers = {
        "volume_ml": q.volume_ml,
        "label_volume_ml": q.label_volume_ml,
        "area_mm2": q.area_mm2,
        "deviation_mean_mm": q.deviation_mean_mm,
        "deviation_max_mm": q.deviation_max_mm,
    }
    return {
        "is_watertight": bool(q.is_watertight),
        "is_manifold": bool(q.is_manifold),
        "euler_number": int(q.euler_number),
        "pieces": int(q.pieces),
        **plain(numbers, "The quality of a mesh"),
    }


def _decode_quality(r: Record) -> MeshQuality:
    return MeshQuality(
        r["is_watertight"],
        r["is_manifold"],
        r["euler_number"],
        r["pieces"],
        number(r["volume_ml"]),
        number(r["label_volume_ml"]),
        number(r["area_mm2"]),
        number(r["deviation_mean_mm"]),
        number(r["deviation_max_mm"]),
    )
