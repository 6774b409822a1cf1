"""What a series says about itself and the patient beside its pixels: hints for the checks, never proof."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from surgtwin.dicom.quiet import quiet_pydicom
from surgtwin.domain.plan import HEIGHT_CM, WEIGHT_KG, PatientFigures
from surgtwin.domain.volume import Volume
from surgtwin.planning.remnant import VAUTHEY, body_size

WANTED = (
    "PatientPosition", "PatientAge", "PatientSize", "PatientWeight", "ContrastBolusAgent", "SeriesDescription",
    "ProtocolName", "ReconstructionDiameter",
)  # fmt: skip
YEARS_PER = {"Y": 1.0, "M": 1 / 12, "W": 1 / 52.18, "D": 1 / 365.25}
AGE = re.compile(r"^\s*(\d{1,3})([YMWD])\s*$")
UNREADABLE = (InvalidDicomError, ValueError, TypeError, AttributeError, KeyError, EOFError, NotImplementedError)


@dataclass(frozen=True)
class ScanFacts:
    """What was said; None or empty where nothing was.

    Parameters
    ----------
    position
        DICOM's PatientPosition, as "HFS".
    words
        Series description and protocol, lower case.
    contrast_agent
        As written, empty too where it is absent.
    """

    position: str = ""
    age_years: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    contrast_agent: str = ""
    words: str = ""
    reconstruction_diameter_mm: float | None = None

    @property
    def expected_liver_ml(self) -> float | None:
        """The liver volume that height and weight predict (Vauthey et al. 2002); None if they are not known."""
        if self.height_cm is None or self.weight_kg is None:
            return None
        return body_size(PatientFigures(self.height_cm, self.weight_kg)).tlv_ml.get(VAUTHEY)


def read_scan_facts(volume: Volume) -> ScanFacts:
    """Return what the image's own header says; only the description where it has none, or a damaged one."""
    words = volume.source.description.lower()
    dicom = volume.source.dicom
    if dicom is None or not dicom.header:
        return ScanFacts(words=words)
    try:
        with quiet_pydicom():
            dataset = dcmread(io.BytesIO(dicom.header), specific_tags=list(WANTED), force=True)
            told: dict[str, Any] = {name: dataset.get(name) for name in WANTED}
    except UNREADABLE:
        return ScanFacts(words=words)
    metres, kilograms = _number(told["PatientSize"]), _number(told["PatientWeight"])
    return ScanFacts(
        position=str(told["PatientPosition"] or "").strip().upper(),
        age_years=_age(told["PatientAge"]),
        height_cm=_within(None if metres is None else 100.0 * metres, HEIGHT_CM),
        weight_kg=_within(kilograms, WEIGHT_KG),
        contrast_agent=str(told["ContrastBolusAgent"] or "").strip(),
        words=" ".join(str(told[name] or "") for name in ("SeriesDescription", "ProtocolName")).strip().lower()
        or words,
        reconstruction_diameter_mm=_number(told["ReconstructionDiameter"]),
    )


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1e4 else None


def _within(value: float | None, limits: tuple[float, float]) -> float | None:
    return value if value is not None and limits[0] <= value <= limits[1] else None


def _age(value: Any) -> float | None:
    found = AGE.match(str(value or ""))
    return float(found.group(1)) * YEARS_PER[found.group(2)] if found else None
