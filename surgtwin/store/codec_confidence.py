"""Confidence and volume intervals in JSON; the map's codes are a blob."""

from __future__ import annotations

from ..domain.confidence import ConfidenceMap, VolumeInterval
from .blobs import BlobRef, BlobStore
from .codec_values import Record, decode_grid, encode_grid, number, plain


def encode_confidence(confidence: ConfidenceMap, blobs: BlobStore) -> Record:
    return {
        "grid": encode_grid(confidence.grid),
        "codes": blobs.put_labels(confidence.codes).as_json(),
        "is_calibrated": bool(confidence.is_calibrated),
        "method": confidence.method,
    }


def decode_confidence(record: Record, blobs: BlobStore) -> ConfidenceMap:
    return ConfidenceMap(
        decode_grid(record["grid"]),
        blobs.read_array(BlobRef.from_json(record["codes"]), "the confidence map"),
        bool(record["is_calibrated"]),
        str(record["method"]),
    )


def encode_interval(interval: VolumeInterval) -> Record:
    numbers = {
        "estimate_ml": interval.estimate_ml,
        "low_ml": interval.low_ml,
        "high_ml": interval.high_ml,
        "level": interval.level,
    }
    encoded: Record = plain(numbers, "A volume interval")
    return {"structure": interval.structure, "is_cut": bool(interval.is_cut), **encoded}


def decode_interval(record: Record) -> VolumeInterval:
    return VolumeInterval(
        str(record["structure"]),
        number(record["estimate_ml"]),
        number(record["low_ml"]),
        number(record["high_ml"]),
        number(record["level"]),
        bool(record["is_cut"]),
    )
