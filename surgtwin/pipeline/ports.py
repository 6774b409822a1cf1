"""What the pipeline needs from outside `surgtwin`, as protocols; `ui/cli` and `ui/desktop` fill them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from ..domain.confidence import ConfidenceMap, VolumeInterval
from ..domain.finding import Finding
from ..domain.labels import LabelMap
from ..domain.volume import Volume
from ..progress import Progress


@dataclass(frozen=True)
class Segmentation:
    """A label map on the volume's own grid, and how it was made.

    Parameters
    ----------
    methods
        Structure name -> how, e.g. "network ct_abdomen 1.0" or "classical: threshold".
    model
        Name, version, weights' sha256, device, precision, settings; empty if no network ran. JSON-able.
    confidence
        How sure the network was at each place, None if none ran.
    volume_intervals
        Of the structures that a calibrated network found.
    """

    labels: LabelMap
    methods: dict[str, str] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    confidence: ConfidenceMap | None = None
    volume_intervals: tuple[VolumeInterval, ...] = ()


class Segmenter(Protocol):
    """Anything that finds structures in a volume."""

    def segment(self, volume: Volume, progress: Progress) -> Segmentation:
        """Label `volume`. Raises ModelError, DeviceError or Cancelled."""
        ...
