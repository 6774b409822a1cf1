"""Who the twin is of. Shown on the screen; never written to logs, file names or exports unasked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patient:
    """Identity as the DICOM patient module gives it; empty strings where it gives nothing."""

    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    """YYYYMMDD or empty."""
    sex: str = ""

    def __repr__(self) -> str:
        """No identifiers: a repr ends up in logs and tracebacks."""
        return "Patient(***)" if self.is_known else "Patient()"

    @property
    def is_known(self) -> bool:
        return bool(self.patient_id or self.name)

    def contradicts(self, other: Patient) -> bool:
        """True if both state the same attribute (id with issuer, birth date) and the statements differ."""
        same_issuer = not (self.issuer and other.issuer) or self.issuer == other.issuer
        ids_differ = bool(self.patient_id and other.patient_id and self.patient_id != other.patient_id)
        births_differ = bool(self.birth_date and other.birth_date and self.birth_date != other.birth_date)
        return births_differ or (ids_differ and same_issuer)
