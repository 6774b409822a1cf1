"""Drugs that matter for an operation: what thins the blood and for how long, and what harms the liver's tissue.

Usual pauses before an operation with a high risk of bleeding are shown with their source; they are no recommendation.
A drug is known by its ATC code, by the RxNorm code of its ingredient, or by its name. Where these disagree all count:
a warning too many does less harm than one too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from ..domain.patient_record import Codes
from .code_systems import ATC, RXNORM, system_named

CHEST = "Douketis et al., Chest 162:e207, 2022"


class DrugGroup(StrEnum):
    ANTICOAGULANT = "anticoagulant"
    ANTIPLATELET = "antiplatelet drug"
    CHEMOTHERAPY = "chemotherapy"


@dataclass(frozen=True)
class Drug:
    """One drug.

    Parameters
    ----------
    names
        Of the substance and of common products, small letters.
    pause_days
        How long it is usually stopped before an operation; None if the table does not know.
    about
        What a person should think of, beside the pause.
    """

    name: str
    group: DrugGroup
    atc: tuple[str, ...]
    rxnorm: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    pause_days: float | None = None
    source: str = ""
    about: str = ""


_CLOT, _PLATE, _CHEMO = DrugGroup.ANTICOAGULANT, DrugGroup.ANTIPLATELET, DrugGroup.CHEMOTHERAPY
_KIDNEY = "longer where the kidneys are weak"

DRUGS: tuple[Drug, ...] = (
    Drug("warfarin", _CLOT, ("B01AA03",), ("11289",), ("coumadin", "marevan", "jantoven"), 5.0, CHEST),
    Drug(
        "phenprocoumon", _CLOT, ("B01AA04",), ("8150",), ("marcumar", "marcoumar", "falithrom"), 10.0,
        "half-life 5.5 days; 5 days leave the INR at 1.8 or more in a third (Knol et al., RPTH 3:85, 2019)",
        "the INR decides",
    ),
    Drug(
        "acenocoumarol", _CLOT, ("B01AA07",), ("154",), ("sintrom",), 3.0,
        "van Geest-Daalderop et al., Thromb Haemost 98:747, 2007",
    ),
    Drug("apixaban", _CLOT, ("B01AF02",), ("1364430",), ("eliquis",), 2.0, CHEST, _KIDNEY),
    Drug("rivaroxaban", _CLOT, ("B01AF01",), ("1114195",), ("xarelto",), 2.0, CHEST, _KIDNEY),
    Drug("edoxaban", _CLOT, ("B01AF03",), ("1599538",), ("lixiana", "savaysa"), 2.0, CHEST, _KIDNEY),
    Drug(
        "dabigatran", _CLOT, ("B01AE07",), ("1037042", "1546356"), ("pradaxa",), 2.0, CHEST,
        "4 days where creatinine clearance is below 50 mL/min",
    ),
    Drug("enoxaparin", _CLOT, ("B01AB05",), ("67108",), ("clexane", "lovenox", "inhixa"), 1.0, CHEST),
    Drug("dalteparin", _CLOT, ("B01AB04",), ("67109",), ("fragmin",), 1.0, CHEST),
    Drug("tinzaparin", _CLOT, ("B01AB10",), (), ("innohep",), 1.0, CHEST),
    Drug("nadroparin", _CLOT, ("B01AB06",), (), ("fraxiparine",), 1.0, CHEST),
    Drug("certoparin", _CLOT, ("B01AB13",), (), ("mono-embolex",), 1.0, CHEST),
    Drug("fondaparinux", _CLOT, ("B01AX05",), ("321208",), ("arixtra",)),
    Drug("heparin", _CLOT, ("B01AB01",), ("5224",), (), 0.25, CHEST, "for unfractionated heparin into a vein"),
    Drug("argatroban", _CLOT, ("B01AE03",), (), ("argatra",)),
    Drug("clopidogrel", _PLATE, ("B01AC04",), ("32968",), ("plavix",), 5.0, CHEST),
    Drug("prasugrel", _PLATE, ("B01AC22",), ("613391",), ("efient", "effient"), 7.0, CHEST),
    Drug("ticagrelor", _PLATE, ("B01AC24",), ("1116632",), ("brilique", "brilinta"), 5.0, f"{CHEST}: 3 to 5 days"),
    Drug(
        "aspirin", _PLATE, ("B01AC06", "B01AC56", "N02BA01", "N02BA51"), ("1191",),
        ("acetylsalicylic acid", "acetylsalicylsäure", "ass", "asa"), 7.0, f"{CHEST}: up to 7 days where it is stopped",
        "often continued",
    ),
    Drug("ticlopidine", _PLATE, ("B01AC05",), ("10594",)),
    Drug("dipyridamole", _PLATE, ("B01AC07", "B01AC30"), ("3521",)),
    Drug("cilostazol", _PLATE, ("B01AC23",), ("21107",)),
    Drug("oxaliplatin", _CHEMO, ("L01XA03",), ("32592",), ("eloxatin", "folfox", "folfoxiri", "folfirinox", "xelox",
         "capox"), about="known for sinusoidal injury"),
    Drug("irinotecan", _CHEMO, ("L01CE02", "L01XX19"), ("51499",), ("campto", "folfiri", "folfoxiri", "folfirinox",
         "onivyde"), about="known for steatohepatitis"),
    Drug("fluorouracil", _CHEMO, ("L01BC02",), ("4492",), ("5-fu", "folfox", "folfiri"), about="known for steatosis"),
    Drug("capecitabine", _CHEMO, ("L01BC06",), ("194000",), ("xeloda", "xelox", "capox"), about="known for steatosis"),
    Drug("bevacizumab", _CHEMO, ("L01FG01", "L01XC07"), ("253337",), ("avastin",), 28.0,
         "the product's label: not within 28 days of an operation", "wounds heal badly"),
    Drug("cetuximab", _CHEMO, ("L01FE01", "L01XC06"), ("318341",), ("erbitux",)),
    Drug("gemcitabine", _CHEMO, ("L01BC05",), ("12574",), ("gemzar",)),
    Drug("cisplatin", _CHEMO, ("L01XA01",), ("2555",)),
    Drug("carboplatin", _CHEMO, ("L01XA02",), ("40048",)),
    Drug("methotrexate", _CHEMO, ("L01BA01",), ("6851",), about="known for fibrosis"),
)  # fmt: skip

GROUPS: tuple[Drug, ...] = (
    Drug("a heparin", _CLOT, ("B01AB",)),
    Drug("an antiplatelet drug", _PLATE, ("B01AC",)),
    Drug("an antithrombotic drug", _CLOT, ("B01A",)),
    Drug("an antineoplastic drug", _CHEMO, ("L01",)),
)
"""For what the table does not list: the first whose ATC code begins that of the drug."""


def drugs_of(name: str, codes: Codes) -> tuple[Drug, ...]:
    """The drugs that a medication is or contains; empty for one that does not matter here."""
    return _drugs_of(name, tuple((system_named(system), code) for system, code in codes))


@lru_cache(maxsize=1024)
def _drugs_of(name: str, codes: Codes) -> tuple[Drug, ...]:
    words = name.casefold()
    found = [drug for drug in DRUGS if _is_coded(drug, codes) or _is_named(drug, words)]
    if found:
        return tuple(found)
    atc = [code.upper() for system, code in codes if system == ATC]
    group = next((g for g in GROUPS for code in atc if code.startswith(g.atc)), None)
    return () if group is None else (group,)


def _is_coded(drug: Drug, codes: Iterable[tuple[str, str]]) -> bool:
    return any(
        (system == ATC and code.upper() in drug.atc) or (system == RXNORM and code in drug.rxnorm)
        for system, code in codes
    )


def _is_named(drug: Drug, words: str) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", words) for n in (drug.name, *drug.names))
