"""A series, or one stack of it, as the scan found it: what a person or a rule chooses from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..domain.finding import Finding
from ..domain.geometry import Point3
from ..domain.patient import Patient
from ..domain.volume import Modality
from ..errors import DicomError
from .frame import Frame
from .slice_order import SliceOrder


@dataclass(frozen=True, eq=False)
class SeriesInfo:
    """One stack of a series.

    Parameters
    ----------
    stack
        "" if the series is one stack, else "1", "2" ...
    key
        The SeriesInstanceUID, with "/stack" if there are several.
    shape_kji
        Number of voxels along (k, j, i) as stored (before regularising); None if no volume can be made.
    spacing
        mm along (i, j, k); None if no volume can be made.
    files
        One entry per file.
    frames
        Number of 2-D images.
    score
        The higher, the likelier it is the series wanted.
    reasons
        Why it is ranked so.
    findings
        What was noticed: gaps, duplicates, tilt, missing attributes, damaged slices.
    refusal
        Why `load` refuses it as it is; None if it can be loaded.
    unnamed
        Numbers the series of an input that have no SeriesInstanceUID; 0 for all others.
    needs_regularise
        True if `load` accepts it with `regularise=True` only.
    """

    series_instance_uid: str
    study_instance_uid: str
    stack: str
    description: str
    modality: Modality
    modality_tag: str
    patient: Patient
    shape_kji: tuple[int, int, int] | None
    spacing: Point3 | None
    files: tuple[Path, ...]
    frames: int
    score: float
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    refusal: DicomError | None = None
    needs_regularise: bool = False
    study_description: str = ""
    body_part: str = ""
    series_number: int | None = None
    unnamed: int = 0
    stack_frames: tuple[Frame, ...] = field(default=(), repr=False)
    order: SliceOrder | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """What names it to a person and to `--series`: "UID", or "UID/stack" where there are several stacks."""
        name = self.series_instance_uid or f"unnamed-{self.unnamed}"
        return f"{name}/{self.stack}" if self.stack else name

    @property
    def is_loadable(self) -> bool:
        """True if it loads as it is, without regularising."""
        return self.refusal is None
