"""What a run's segmentation says of its own certainty: the map in LPS, and the intervals of the volumes."""

from __future__ import annotations

from collections.abc import Sequence

from surgtwin.domain.confidence import ConfidenceMap, VolumeInterval
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.volume import Volume

from .calibration import confidence_map, volume_intervals
from .collection import PartLabel
from .confidence import NetworkConfidence
from .merge import Overlap
from .placed import place_structures
from .run_parts import CollectionRun
from .sanity import place_body
from .scan_field import measured_box


def confidence_in_lps(run: CollectionRun, sure: NetworkConfidence, volume: Volume) -> ConfidenceMap:
    """Return the map of a run; calibrated only if every part that ran is."""
    network = f"network {run.collection.name} {run.collection.version}".strip()
    return confidence_map(sure, volume.grid, [part.loaded.engine.calibration for part in run.parts], network)


def intervals(
    run: CollectionRun, labels: LabelMap, rows: Sequence[PartLabel], volume: Volume
) -> tuple[VolumeInterval, ...]:
    """Return the interval of every structure of a calibrated part, in the order of the rows.

    What two parts claimed may belong to either: it widens the intervals of both.
    """
    placed = place_structures(labels, measured_box(volume.values, place_body(labels)))
    cut = frozenset(name for name, structure in placed.items() if structure.cuts)
    found: dict[str, VolumeInterval] = {}
    for part in run.parts:
        sure, calibration = part.prediction.confidence, part.loaded.engine.calibration
        if sure is None or calibration is None:
            continue
        own = [row for row in rows if row in part.part.labels]
        found |= {interval.structure: interval for interval in volume_intervals(labels, sure, calibration, own, cut)}
    return tuple(_widened(found[row.name], run.overlaps, labels) for row in rows if row.name in found)


def _widened(interval: VolumeInterval, overlaps: Sequence[Overlap], labels: LabelMap) -> VolumeInterval:
    unit = labels.grid.voxel_volume_ml
    kept = sum(o.voxels for o in overlaps if o.kept == interval.structure) * unit
    given_up = sum(o.voxels for o in overlaps if o.given_up == interval.structure) * unit
    return VolumeInterval(
        interval.structure,
        interval.estimate_ml,
        max(0.0, interval.low_ml - kept),
        interval.high_ml + given_up,
        interval.level,
        interval.is_cut,
    )
