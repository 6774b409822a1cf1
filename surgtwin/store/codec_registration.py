"""A registration in JSON; its field is a blob."""

from __future__ import annotations

from dataclasses import asdict

from ..domain.displacement import DisplacementField
from ..domain.registration import Gate, Registration, StructureMotion
from .blobs import BlobRef, BlobStore
from .codec_values import Record, decode_grid, encode_grid, number, plain

FIGURES = ("mean_mm", "p95_mm", "max_mm", "error_mm", "shown_share")


def encode_registration(registration: Registration, blobs: BlobStore) -> Record:
    differences = {"before": registration.difference_before, "after": registration.difference_after}
    return {
        "image_id": registration.image_id,
        "base_revision": int(registration.base_revision),
        "method": registration.method,
        "difference": plain(differences, "A registration"),
        "grid": encode_grid(registration.field.grid),
        "vectors_mm": blobs.put_array(registration.field.vectors_mm).as_json(),
        "motions": [plain(asdict(motion), "A motion") for motion in registration.motions],
        "gates": [{"name": g.name, "is_passed": bool(g.is_passed), "message": g.message} for g in registration.gates],
    }


def decode_registration(record: Record, blobs: BlobStore) -> Registration:
    vectors = blobs.read_array(BlobRef.from_json(record["vectors_mm"]), "the deformation")
    return Registration(
        str(record["image_id"]),
        int(record["base_revision"]),
        str(record["method"]),
        number(record["difference"]["before"]),
        number(record["difference"]["after"]),
        DisplacementField(decode_grid(record["grid"]), vectors),
        tuple(_motion(m) for m in record["motions"]),
        tuple(Gate(str(g["name"]), bool(g["is_passed"]), str(g["message"])) for g in record["gates"]),
    )


def _motion(record: Record) -> StructureMotion:
    mean, p95, largest, error, shown = (number(record[name]) for name in FIGURES)
    return StructureMotion(str(record["structure"]), mean, p95, largest, error, shown)
