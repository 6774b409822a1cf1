"""HL7 v2 messages that arrive by themselves: each is durable in the twin's log before its sender is told so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ..clinical.hl7v2 import Answer, Hl7Message, MessageError, answer_to, parse_message
from ..clinical.oru import OruReader, read_oru
from ..errors import DiskError, PatientMismatchError, SourceError, TwinError
from ..live.dicom_gate import Verdict
from ..store.writer import TwinWriter
from .patient_intake import Intake, admit, take_received

Told = Callable[[str, str, Intake | None], None]
"""A sender's address, why its message was not taken (empty if it was), and what became of it."""


@dataclass(eq=False)
class MessageTaker:
    """Answers messages; may be called from several threads.

    A message whose patient does not match, or is not stated, is not taken: there is nobody to vouch for it.
    """

    writer: TwinWriter
    reader: OruReader
    told: Told = lambda host, reason, intake: None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def answer(self, data: bytes, host: str) -> bytes:
        """The answer: AA once it is durable, AE where its contents are not taken, AR where it is unreadable."""
        message: Hl7Message | None = None
        try:
            message = parse_message(data)
            intake = self._take(message, data, host)
        except MessageError as error:
            self.told(host, str(error), None)
            return answer_to(message, error.answer, str(error), error.code)
        except PatientMismatchError as error:
            self.told(host, str(error), None)
            return answer_to(message, Answer.ERROR, str(error), 204)
        except (SourceError, DiskError, TwinError) as error:
            self.told(host, str(error), None)
            return answer_to(message, Answer.ERROR, "It could not be kept; send it again.", 207)
        self.told(host, "", intake)
        held = f"{len(intake.quarantined)} of its values are not used: " if intake.quarantined else ""
        reasons = "; ".join(f"{q.what}: {q.reason}" for q in intake.quarantined[:5])
        return answer_to(message, Answer.ACCEPT, held + reasons, 102 if held else 0)

    def _take(self, message: Hl7Message, data: bytes, host: str) -> Intake:
        received = read_oru(message, data, self.reader)
        with self._lock:
            admission = admit(self.writer.twin.patient, received)
            if admission.verdict is not Verdict.ADMITTED:
                raise PatientMismatchError(f"The patient does not match: {admission.reason}. It was not taken.")
            return take_received(self.writer, received, transport=f"MLLP {host}")
