"""What is left of a twin in JSON: revisions, provenance, measurements."""

from __future__ import annotations

from ..domain.measurement import Measurement, MeasurementKind
from ..domain.twin import Provenance, Revision
from .codec_values import Record, plain, point, unplain


def encode_revision(revision: Revision) -> Record:
    return {
        "number": revision.number,
        "parent": revision.parent,
        "cause": revision.cause,
        "state": revision.state.value,
        "created_utc": revision.created_utc,
    }


def encode_provenance(p: Provenance) -> Record:
    return {
        "created_utc": p.created_utc,
        "program": p.program,
        "inputs": plain(p.inputs, "The provenance's inputs"),
        "methods": plain(p.methods, "The provenance's methods"),
        "model": plain(p.model, "The provenance's model"),
        "settings": plain(p.settings, "The provenance's settings"),
        "software": plain(p.software, "The provenance's software"),
    }


def decode_provenance(r: Record) -> Provenance:
    return Provenance(
        r["created_utc"],
        r["program"],
        unplain(r["inputs"]),
        unplain(r["methods"]),
        unplain(r["model"]),
        unplain(r["settings"]),
        unplain(r["software"]),
    )


def encode_measurement(m: Measurement) -> Record:
    return {
        "measurement_id": m.measurement_id,
        "kind": m.kind.value,
        "points_mm": [[float(v) for v in p] for p in m.points_mm],
        "image_id": m.image_id,
        "name": m.name,
    }


def decode_measurement(r: Record) -> Measurement:
    return Measurement(
        r["measurement_id"],
        MeasurementKind(r["kind"]),
        tuple(point(p) for p in r["points_mm"]),
        r["image_id"],
        r["name"],
    )
