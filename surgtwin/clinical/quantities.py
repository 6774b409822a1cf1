"""The quantities that are read: LOINC codes, UCUM units, what is plausible, and how long a value counts as fresh.

A code says which kind of quantity a value is (mass or amount of substance), so a unit of the other kind shows that one
of them is wrong. Nothing is guessed: a unit that is not listed sends the value to quarantine. LOINC codes and names as
published by Regenstrief Institute; units by the Unified Code for Units of Measure (UCUM).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..domain.plan import HEIGHT_CM, WEIGHT_KG
from ..errors import SourceError

MASS, MOLES, ONLY = "mass", "amount of substance", ""
BILIRUBIN_G_MOL, CREATININE_G_MOL, HAEMOGLOBIN_G_MMOL = 584.66, 113.12, 16.114
"""Molar masses; of haemoglobin that of the monomer, as laboratories count it."""
_LITRE = re.compile(r"/([dmunp]?)l$")


@dataclass(frozen=True)
class Unit:
    """value in the quantity's unit = (value - offset) * factor."""

    factor: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Quantity:
    """One quantity.

    Parameters
    ----------
    unit
        UCUM code in which values are kept.
    loinc
        Code -> kind of quantity.
    units
        Kind of quantity -> UCUM code -> how to convert.
    plausible
        Values outside are taken for a slip and quarantined.
    outdated_days
        Older values raise a finding where they count.
    step
        A smaller change is called steady.
    """

    key: str
    name: str
    unit: str
    loinc: dict[str, str]
    units: dict[str, dict[str, Unit]]
    plausible: tuple[float, float]
    outdated_days: float
    step: float
    digits: int = 0
    is_vital: bool = False

    def text(self, value: float) -> str:
        """For a person, e.g. "172 cm"."""
        shown = PLAIN_UNITS.get(self.unit, self.unit)
        return f"{value:.{self.digits}f} {shown}".rstrip()


PLAIN_UNITS = {
    "{INR}": "", "10*9/L": "10⁹/L", "umol/L": "µmol/L", "ug/L": "µg/L", "mm[Hg]": "mmHg", "Cel": "°C",
    "mL/min/{1.73_m2}": "mL/min/1.73 m²",
}  # fmt: skip
"""UCUM codes that people write otherwise."""


def _factors(**kinds: dict[str, float]) -> dict[str, dict[str, Unit]]:
    names = {"mass": MASS, "moles": MOLES, "only": ONLY}
    return {names[kind]: {code: Unit(f) for code, f in units.items()} for kind, units in kinds.items()}


def _codes(mass: str = "", moles: str = "", only: str = "") -> dict[str, str]:
    kinds = {MASS: mass, MOLES: moles, ONLY: only}
    return {code: kind for kind, codes in kinds.items() for code in codes.split()}


_BEATS = {"/min": 1.0, "{beats}/min": 1.0, "{Beats}/min": 1.0}
_BREATHS = {"/min": 1.0, "{breaths}/min": 1.0, "{Breaths}/min": 1.0}
_PRESSURE = _factors(only={"mm[Hg]": 1.0, "kPa": 7.50062})
_LAB_DAYS, _VITAL_DAYS = 7.0, 1.0

_TABLE = (
    Quantity(
        "height", "height", "cm", _codes(only="8302-2 3137-7 3138-5 8306-3 8308-9"),
        _factors(only={"cm": 1.0, "m": 100.0, "mm": 0.1, "[in_i]": 2.54, "[ft_i]": 30.48}), HEIGHT_CM, 365.0, 1.0,
    ),
    Quantity(
        "weight", "weight", "kg", _codes(only="29463-7 3141-9 3142-7 8335-2"),
        _factors(only={"kg": 1.0, "g": 0.001, "[lb_av]": 0.45359237}), WEIGHT_KG, 30.0, 1.0, 1,
    ),
    Quantity(
        "bilirubin", "bilirubin, total", "umol/L", _codes(mass="1975-2 42719-5", moles="14631-6"),
        _factors(
            mass={"mg/dL": 1e4 / BILIRUBIN_G_MOL, "mg/L": 1e3 / BILIRUBIN_G_MOL}, moles={"umol/L": 1.0, "mmol/L": 1e3}
        ),
        (0.5, 1500.0), _LAB_DAYS, 3.0,
    ),
    Quantity(
        "inr", "INR", "{INR}", _codes(only="6301-6 34714-6 38875-1 46418-0"),
        _factors(only={"{INR}": 1.0, "{ratio}": 1.0, "1": 1.0, "": 1.0}), (0.5, 20.0), _LAB_DAYS, 0.1, 1,
    ),
    Quantity(
        "platelets", "platelets", "10*9/L", _codes(only="777-3 26515-7 778-1"),
        _factors(only={"10*9/L": 1.0, "10*3/uL": 1.0, "10*3/mm3": 1.0, "/nL": 1.0, "/uL": 0.001}),
        (1.0, 3000.0), _LAB_DAYS, 20.0,
    ),
    Quantity(
        "albumin", "albumin", "g/L", _codes(mass="1751-7 61151-7 61152-5 2862-1"),
        _factors(mass={"g/L": 1.0, "g/dL": 10.0, "mg/dL": 0.01}), (5.0, 80.0), _LAB_DAYS, 3.0,
    ),
    Quantity(
        "creatinine", "creatinine", "umol/L", _codes(mass="2160-0 38483-4", moles="14682-9"),
        _factors(
            mass={"mg/dL": 1e4 / CREATININE_G_MOL, "mg/L": 1e3 / CREATININE_G_MOL},
            moles={"umol/L": 1.0, "mmol/L": 1e3},
        ),
        (5.0, 3000.0), _LAB_DAYS, 15.0,
    ),
    Quantity(
        "egfr", "eGFR", "mL/min/{1.73_m2}", _codes(only="33914-3 48642-3 62238-1 69405-9 77147-7 98979-8"),
        _factors(only={"mL/min/{1.73_m2}": 1.0, "mL/min/{1.73m2}": 1.0, "mL/min/1.73.m2": 1.0}),
        (1.0, 250.0), _LAB_DAYS, 10.0,
    ),
    Quantity(
        "haemoglobin", "haemoglobin", "g/L", _codes(mass="718-7 20509-6 30313-1", moles="59260-0"),
        _factors(mass={"g/L": 1.0, "g/dL": 10.0}, moles={"mmol/L": HAEMOGLOBIN_G_MMOL}), (20.0, 260.0), _LAB_DAYS, 10.0,
    ),
    Quantity(
        "sodium", "sodium", "mmol/L", _codes(only="2951-2 2947-0"), _factors(only={"mmol/L": 1.0, "meq/L": 1.0}),
        (90.0, 200.0), _LAB_DAYS, 3.0,
    ),
    Quantity("icg-r15", "ICG-R15", "%", {}, _factors(only={"%": 1.0}), (0.0, 100.0), 30.0, 3.0, 1),
    Quantity(
        "afp", "alpha-fetoprotein", "ug/L", _codes(mass="1834-1 53962-7"),
        _factors(mass={"ug/L": 1.0, "ng/mL": 1.0, "ng/dL": 0.01, "mg/L": 1e3}), (0.0, 5e6), 90.0, 5.0, 1,
    ),
    Quantity(
        "heart-rate", "heart rate", "/min", _codes(only="8867-4"), _factors(only=_BEATS), (10.0, 350.0), _VITAL_DAYS,
        10.0, is_vital=True,
    ),
    Quantity(
        "spo2", "oxygen saturation", "%", _codes(only="2708-6 59408-5"), _factors(only={"%": 1.0}), (20.0, 100.0),
        _VITAL_DAYS, 2.0, is_vital=True,
    ),
    Quantity(
        "systolic", "systolic pressure", "mm[Hg]", _codes(only="8480-6"), _PRESSURE, (20.0, 350.0), _VITAL_DAYS, 10.0,
        is_vital=True,
    ),
    Quantity(
        "diastolic", "diastolic pressure", "mm[Hg]", _codes(only="8462-4"), _PRESSURE, (10.0, 250.0), _VITAL_DAYS,
        10.0, is_vital=True,
    ),
    Quantity(
        "mean-pressure", "mean pressure", "mm[Hg]", _codes(only="8478-0"), _PRESSURE, (10.0, 280.0), _VITAL_DAYS, 10.0,
        is_vital=True,
    ),
    Quantity(
        "respiratory-rate", "respiratory rate", "/min", _codes(only="9279-1"), _factors(only=_BREATHS), (2.0, 100.0),
        _VITAL_DAYS, 3.0, is_vital=True,
    ),
    Quantity(
        "temperature", "body temperature", "Cel", _codes(only="8310-5"),
        {ONLY: {"Cel": Unit(), "[degF]": Unit(5.0 / 9.0, 32.0)}}, (20.0, 45.0), _VITAL_DAYS, 0.3, 1, is_vital=True,
    ),
)  # fmt: skip

QUANTITIES: dict[str, Quantity] = {q.key: q for q in _TABLE}
BY_LOINC: dict[str, Quantity] = {code: q for q in _TABLE for code in q.loinc}


@dataclass(frozen=True)
class LocalCodes:
    """Codes of a laboratory's own that a person says the meaning of: (system, code) -> key of a quantity."""

    meaning: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (system, code), key in self.meaning.items():
            if key not in QUANTITIES:
                raise SourceError(f"{system}|{code}: there is no quantity '{key}'; there are: {', '.join(QUANTITIES)}.")


def convert(quantity: Quantity, kind: str, value: float, ucum: str) -> float:
    """The value in the quantity's own unit.

    Parameters
    ----------
    kind
        Of quantity, as the code says; one of `quantity.units`, or "" for a local code, which may be of any.

    Raises
    ------
    SourceError
        If the unit is missing, unknown or of another kind of quantity, or the value is not plausible.
    """
    code = _LITRE.sub(r"/\1L", ucum.strip())
    kinds = [kind] if kind in quantity.units else list(quantity.units)
    unit = next((quantity.units[k][code] for k in kinds if code in quantity.units[k]), None)
    if unit is None:
        known = ", ".join(c for k in kinds for c in quantity.units[k] if c)
        others = [k for k in quantity.units if code in quantity.units[k]]
        if not code:
            raise SourceError(f"it has no unit; {known} was needed")
        if others:
            raise SourceError(f"its code means {kind}, but its unit {code} is one of {others[0]}")
        raise SourceError(f"its unit '{code}' is not a UCUM unit known for it; {known} was needed")
    found = (value - unit.offset) * unit.factor
    low, high = quantity.plausible
    if not low <= found <= high:
        raise SourceError(
            f"{value:g} {code} is not plausible; {quantity.text(low)} to {quantity.text(high)} was expected"
        )
    return found
