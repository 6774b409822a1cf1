"""What hospital systems say of the patient, taken into a twin on disk; its plans are then judged again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from ..clinical.fhir import read_fhir
from ..clinical.hl7v2 import parse_message, split_messages
from ..clinical.merge import merge
from ..clinical.oru import OruReader
from ..clinical.quantities import LocalCodes
from ..clinical.received import Received
from ..domain.patient import Patient
from ..domain.patient_record import Quarantined
from ..domain.twin import Twin
from ..errors import PatientMismatchError, SourceError
from ..live.dicom_gate import Admission, Verdict, judge_identity
from ..planning.compare_figures import figures_of
from ..planning.evaluation import PlanEvaluation
from ..progress import SILENT, Progress
from ..store.patient_events import judged_event, received_event
from ..store.writer import TwinWriter
from .rejudge import RejudgedPlan, rejudge

NO_IDENTITY = "it states no patient"
COUNTS = ("violated", "unproven", "errors", "warnings")
"""Figures that only count what is told one by one."""
LARGEST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Intake:
    """What became of one message or file.

    Parameters
    ----------
    counts
        "new", "corrected", "withdrawn", "duplicate", "late", "quarantined" -> how many.
    vouched
        Why a person had to vouch for the identity; empty where it matched.
    """

    source: str
    counts: dict[str, int]
    quarantined: tuple[Quarantined, ...]
    ignored: tuple[str, ...]
    vouched: str = ""

    @property
    def changes_record(self) -> bool:
        return any(self.counts.get(kind) for kind in ("new", "corrected", "withdrawn"))


def read_patient_data(data: bytes, zone: tzinfo | None = None, local: LocalCodes | None = None) -> tuple[Received, ...]:
    """What a file says: FHIR R4 in JSON, or HL7 v2 results, one or several.

    Raises
    ------
    SourceError
        If it is neither, or can't be relied on.
    PatientMismatchError
        If it is about several patients.
    """
    if len(data) > LARGEST_BYTES:
        raise SourceError(f"It holds {len(data) / 1e6:.0f} MB; at most {LARGEST_BYTES / 1e6:.0f} MB are read.")
    start = data.lstrip(b"\xef\xbb\xbf\x0b \t\r\n")[:4]
    if start[:3] in (b"MSH", b"FHS", b"BHS"):
        reader = OruReader(zone, local or LocalCodes())
        messages = split_messages(data)
        if not messages:
            raise SourceError("The file is a batch of HL7 v2 without a message.")
        return tuple(reader.read(parse_message(message), message) for message in messages)
    if start[:1] in (b"{", b"<"):
        return (read_fhir(data, local),)
    raise SourceError("It is neither FHIR in JSON (begins with {) nor HL7 v2 (begins with MSH).")


def admit(twin: Patient, received: Received) -> Admission:
    """Whether what was received is of the twin's patient; where several identifiers are stated, by the best of them.

    An identifier of the same issuer with another number contradicts, whatever the others say.
    """
    if not received.identities:
        return Admission(Verdict.HELD, NO_IDENTITY)
    answers = [judge_identity(twin, identity) for identity in received.identities]
    known_issuer = [
        answer
        for answer, identity in zip(answers, received.identities, strict=True)
        if answer.verdict is Verdict.CONFLICTING and identity.issuer and identity.issuer == twin.issuer
    ]
    if known_issuer:
        return known_issuer[0]
    order = (Verdict.ADMITTED, Verdict.HELD, Verdict.CONFLICTING)
    return min(answers, key=lambda answer: order.index(answer.verdict))


def require_patient(twin: Patient, received: Sequence[Received]) -> None:
    """Raise PatientMismatchError if any of it is of another patient: then nothing is to be taken in."""
    for one in received:
        admission = admit(twin, one)
        if admission.verdict is Verdict.CONFLICTING:
            raise PatientMismatchError(
                f"It is of another patient than the twin: {admission.reason}. Nothing was taken."
            )


def take_received(
    writer: TwinWriter, received: Received, *, by: str = "", transport: str = "file", now: datetime | None = None
) -> Intake:
    """Keep what is new of a message; durable when this returns. Who is named in `by` vouches for what has no identity.

    Raises
    ------
    PatientMismatchError
        If it is of another patient; nothing is written then.
    """
    require_patient(writer.twin.patient, (received,))
    admission = admit(writer.twin.patient, received)
    is_identified = admission.verdict is Verdict.ADMITTED
    merged = merge(writer.twin.record, received, now or datetime.now(UTC), is_identified=is_identified)
    if merged.entries or merged.quarantined:
        event = received_event(received.source, (received.fingerprint,), merged.entries, merged.quarantined, transport)
        writer.take_patient_data(event, by)
    counts = {**merged.counts, "quarantined": len(merged.quarantined)}
    return Intake(
        received.source, counts, merged.quarantined, received.ignored, "" if is_identified else admission.reason
    )


@dataclass(frozen=True)
class ChangedFigure:
    """A figure of a plan before and after; None where there was none."""

    label: str
    unit: str
    before: float | None
    after: float | None

    @property
    def text(self) -> str:
        told = ["none" if v is None else f"{v:.1f} {self.unit}".rstrip() for v in (self.before, self.after)]
        return f"{self.label}: {told[0]}, now {told[1]}"


@dataclass(frozen=True, eq=False)
class PatientRejudged:
    """A plan judged again with what is known now.

    Parameters
    ----------
    approved_by
        Who had approved the plan before this arrived; empty if nobody had. The approval stands: it is of the plan as
        it was judged then, and a person is told to look again.
    """

    plan: RejudgedPlan
    figures: tuple[ChangedFigure, ...]
    approved_by: str = ""

    @property
    def is_changed(self) -> bool:
        return bool(self.plan.changed or self.figures or self.plan.new_findings or self.plan.gone_findings)


def rejudge_with(
    writer: TwinWriter, before: Twin, *, by: str = "", progress: Progress = SILENT
) -> tuple[PatientRejudged, ...]:
    """Every plan judged with the record as it was and as it is, kept in the log if anything changed."""
    after = writer.twin
    judged = tuple(
        PatientRejudged(plan, _changed_figures(plan.before, plan.after), _approved_by(after, plan.name))
        for plan in rejudge(before, after, progress=progress)
    )
    changed = [j for j in judged if j.is_changed]
    if changed:
        utc = datetime.now(UTC).isoformat(timespec="seconds")
        writer.take_patient_data(judged_event([_as_record(j) for j in changed], utc), by)
    return judged


def _changed_figures(before: PlanEvaluation | None, after: PlanEvaluation | None) -> tuple[ChangedFigure, ...]:
    if before is None or after is None:
        return ()
    old, new = ({(f.key, f.about): f for f in figures_of(e)} for e in (before, after))
    found = []
    for key in dict.fromkeys((*old, *new)):
        a, b = old.get(key), new.get(key)
        values = [None if f is None else f.value for f in (a, b)]
        named = b or a
        if values[0] != values[1] and named is not None and named.key not in COUNTS:
            found.append(ChangedFigure(named.label, named.unit, values[0], values[1]))
    return tuple(found)


def _approved_by(twin: Twin, name: str) -> str:
    status = twin.plan_status(twin.shelf.plan(name))
    approval = status.approval
    return approval.by if approval is not None and status.state.value == "approved" else ""


def _as_record(judged: PatientRejudged) -> dict[str, object]:
    return {
        "name": judged.plan.name,
        "problem": judged.plan.problem,
        "verdicts": [c.text for c in judged.plan.changed],
        "figures": [f.text for f in judged.figures],
        "new": [f.message for f in judged.plan.new_findings],
        "gone": [f.message for f in judged.plan.gone_findings],
        "approved_by": judged.approved_by,
    }
