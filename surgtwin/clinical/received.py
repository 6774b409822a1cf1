"""What one message or file says, before anything of it is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..domain.patient import Patient
from ..domain.patient_record import Codes, Entry, Quarantined
from ..errors import SourceError
from .code_systems import LOINC, system_named
from .quantities import BY_LOINC, ONLY, QUANTITIES, LocalCodes, Quantity, convert

LONGEST_TEXT = 200
"""Of what is quoted from a source."""


@dataclass(frozen=True)
class Received:
    """One message or file, read.

    Parameters
    ----------
    fingerprint
        sha256 of its bytes.
    source
        The sending system, in words that name no patient.
    identities
        Who the patient is, once for each identifier that is stated; empty if none is.
    entries
        In their order.
    ignored
        What it holds beside that is not used here, for a person.
    """

    fingerprint: str
    source: str
    identities: tuple[Patient, ...] = ()
    entries: tuple[Entry, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    ignored: tuple[str, ...] = ()


class Collector:
    """Gathers entries; what can't be read goes to quarantine with its reason, and harms no other."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.entries: list[Entry] = []
        self.quarantined: list[Quarantined] = []
        self.ignored: list[str] = []

    def take(self, what: str, read: Callable[[], Entry | None]) -> None:
        """Add what `read` gives; a SourceError sends it to quarantine under the name `what`."""
        try:
            entry = read()
        except SourceError as error:
            self.refuse(what, str(error))
            return
        if entry is not None:
            self.entries.append(entry)

    def refuse(self, what: str, reason: str) -> None:
        self.quarantined.append(Quarantined(self.source, shown(what), shown(reason)))

    def ignore(self, what: str) -> None:
        self.ignored.append(shown(what))


def shown(text: str) -> str:
    """One printable line of bounded length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_TEXT else f"{line[:LONGEST_TEXT]}..."


def quantity_of(codes: Codes, local: LocalCodes) -> tuple[Quantity, str, str] | None:
    """The quantity that codes mean, its kind, and the code that says so; None if they mean none that is known.

    Raises
    ------
    SourceError
        If they mean different ones.
    """
    found: dict[tuple[str, str], tuple[Quantity, str, str]] = {}
    for system, code in codes:
        if system_named(system) == LOINC and code in BY_LOINC:
            quantity = BY_LOINC[code]
            found[quantity.key, quantity.loinc[code]] = (quantity, quantity.loinc[code], code)
        elif (system, code) in local.meaning:
            quantity = QUANTITIES[local.meaning[system, code]]
            found.setdefault((quantity.key, ONLY), (quantity, ONLY, code))
    if not found:
        return None
    if len({key for key, _ in found}) > 1:
        raise SourceError(f"its codes mean different things: {', '.join(sorted({key for key, _ in found}))}")
    kinds = [kind for _, kind in found if kind]
    if len(set(kinds)) > 1:
        raise SourceError(f"its codes mean both {' and '.join(sorted(set(kinds)))}")
    return max(found.values(), key=lambda f: bool(f[1]))


def converted(quantity: Quantity, kind: str, value: float, ucum: str) -> float:
    """As `convert`; the reason names the quantity."""
    try:
        return convert(quantity, kind, value, ucum)
    except SourceError as error:
        raise SourceError(f"{quantity.name}: {error}") from error
