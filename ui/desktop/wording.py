"""How identity, numbers and times read on the screen."""

from __future__ import annotations

from datetime import UTC, datetime

from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.patient import Patient
from surgtwin.domain.twin import Revision, Side, Twin
from surgtwin.domain.volume import Modality, Volume

NO_IDENTITY = "No identity in the images"
NARROW_GAP = "\u202f"
SEXES = {"M": "male", "F": "female", "O": "other"}
SIDE_WORDS = {
    Side.NOT_STATED: "NOT STATED", Side.RIGHT: "RIGHT", Side.LEFT: "LEFT", Side.BOTH: "BOTH", Side.MIDLINE: "MIDLINE",
}  # fmt: skip
BELOW_ONE_ML = 1.0
PARTS_DIFFER_ML = 0.5
"""An organ's volume with its parts is shown when it differs by more than what rounding hides."""


def patient_name(patient: Patient) -> str:
    """DICOM's "Family^Given^Middle" as "FAMILY, Given Middle"."""
    if not patient.is_known:
        return NO_IDENTITY
    groups = patient.name.split("=")[0].split("^")
    family, given = groups[0].strip(), " ".join(g.strip() for g in groups[1:3] if g.strip())
    name = ", ".join(part for part in (family.upper(), given) if part)
    return name or "Name not given"


def patient_details(patient: Patient) -> str:
    """Id, birth date and sex, each with its word where it is absent."""
    if not patient.is_known:
        return "Check who this is before you rely on it"
    parts = [f"ID {patient.patient_id or 'not given'}", f"born {iso_date(patient.birth_date) or 'not given'}"]
    return "  ·  ".join((*parts, SEXES.get(patient.sex.upper(), patient.sex or "sex not given")))


def iso_date(dicom_date: str) -> str:
    """ "19610412" as "1961-04-12"; anything else as it is."""
    if len(dicom_date) == 8 and dicom_date.isdigit():
        return f"{dicom_date[:4]}-{dicom_date[4:6]}-{dicom_date[6:]}"
    return dicom_date


def series_details(volume: Volume) -> str:
    """ "CT, 140 slices of 2.5 mm"."""
    grid = volume.grid
    return f"{modality_words(volume)}  ·  {grid.shape[0]} slices  ·  {grid.spacing[2]:.1f} mm apart"


def modality_words(volume: Volume) -> str:
    return volume.modality.value if volume.modality is not Modality.OTHER else "kind not stated"


def millilitres(volume_ml: float) -> str:
    """Without decimals, thousands apart; a tiny one is not called nothing."""
    if 0.0 < volume_ml < BELOW_ONE_ML:
        return "< 1"
    return f"{volume_ml:,.0f}".replace(",", NARROW_GAP)


def millimetres(length_mm: float) -> str:
    """With one decimal and a true minus sign."""
    return f"{length_mm:.1f}".replace("-", "\u2212")


def structure_volume(labels: LabelMap, structure: Structure) -> str:
    """The structure's own volume, or that it was not found."""
    return f"{millilitres(labels.volume_ml(structure))} mL" if labels.voxels(structure) else "not found"


def with_parts(labels: LabelMap, structure: Structure) -> str:
    """ "1 520 mL with its parts", or empty where that is the same."""
    if not any(s.part_of == structure.name for s in labels.structures):
        return ""
    own, whole = labels.volume_ml(structure), labels.with_parts_ml(structure)
    return f"{millilitres(whole)} mL with its parts" if abs(whole - own) > PARTS_DIFFER_ML else ""


def volume_interval(twin: Twin, structure: Structure) -> str:
    """ "90 % interval 1550-1690 mL", or empty where there is none."""
    interval = twin.volume_interval(structure.name)
    if interval is None:
        return ""
    cut = ", cut by the edge of the scan" if interval.is_cut else ""
    return f"{100 * interval.level:.0f} % interval {interval.as_text()} mL{cut}"


def clock_time(utc: str) -> str:
    """An ISO time as the person's clock shows it: "10:42" today, "2026-03-01 10:42" before."""
    try:
        moment = datetime.fromisoformat(utc)
    except ValueError:
        return utc
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    local = moment.astimezone()
    return local.strftime("%H:%M" if local.date() == datetime.now(UTC).astimezone().date() else "%Y-%m-%d %H:%M")


def revision_title(revision: Revision, count: int) -> str:
    return f"Revision {revision.number} of {max(count, revision.number)}"
