"""Allergies and conditions that matter for an operation, known by code or by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ..domain.patient_record import Codes
from .code_systems import ATC, ICD10, RXNORM, SNOMED, system_named


@dataclass(frozen=True)
class Kind:
    """A group of substances or diagnoses.

    Parameters
    ----------
    codes
        System -> codes; an ICD-10 or ATC code stands for all that begin with it.
    words
        Pattern that its names match, small letters.
    """

    key: str
    name: str
    codes: dict[str, tuple[str, ...]]
    words: str
    about: str = ""


ALLERGIES: tuple[Kind, ...] = (
    Kind(
        "contrast", "contrast agents", {SNOMED: ("293637006", "385420005"), ATC: ("V08",)},
        r"contrast|kontrast|iodinated|gadolin|iohexol|iopamidol|iopromide?|iomeprol|iodixanol|iodine|jod\b|gadobutrol"
        r"|gadoterat|gadoxet",
        "images with contrast, and cholangiography, need another way or preparation",
    ),
    Kind(
        "latex", "latex", {SNOMED: ("111088007", "300916003", "1003755004", "1003754000")}, r"latex|natural rubber",
        "gloves, drains and catheters without latex",
    ),
    Kind(
        "antibiotics", "antibiotics",
        {SNOMED: ("91936005", "764146007", "294505008", "91939003", "387207008"), ATC: ("J01",), RXNORM: ("70618",)},
        r"penicillin|\w*cillin\b|cef\w+|ceph\w+|cephalosporin|\w*floxacin\b|vancomycin|clindamycin|gentamicin"
        r"|metronidazole?|sulfameth\w+|sulfonamide|cotrimoxazole?|antibiotic|antibiotik|carbapenem|\w+penem\b|\w*mycin\b",
        "choose the prophylaxis accordingly",
    ),
    Kind(
        "disinfectants", "disinfectants", {}, r"chlorhexidine?|povidone|iodophor",
        "choose the skin's disinfection accordingly",
    ),
    Kind(
        "heparin", "heparin", {ATC: ("B01AB",), RXNORM: ("5224",), SNOMED: ("73056007",)}, r"heparin",
        "heparin-induced thrombocytopenia: no heparin, not in flushes either",
    ),
    Kind("adhesives", "plasters", {}, r"adhesive|plaster|pflaster", "choose dressings accordingly"),
)  # fmt: skip

CONDITIONS: tuple[Kind, ...] = (
    Kind("cirrhosis", "cirrhosis", {SNOMED: ("19943007",), ICD10: ("K74.3", "K74.4", "K74.5", "K74.6", "K70.3",
         "K71.7")}, r"cirrhosis|\w*zirrhose|cirrhose"),
    Kind("ascites", "ascites", {SNOMED: ("389026000",), ICD10: ("R18", "K70.31", "K71.51")}, r"ascites|aszites"),
    Kind("encephalopathy", "hepatic encephalopathy", {SNOMED: ("13920009",), ICD10: ("K76.82",)},
         r"hepatic encephalopath\w+|hepatische enzephalopath\w+"),
    Kind("bleeding", "a bleeding disorder", {SNOMED: ("64779008", "90935002", "28293008"), ICD10: ("D65", "D66", "D67",
         "D68", "D69")}, r"h(a|ae)emophilia|hämophilie|von willebrand|coagulopathy|thrombocytop(a|e|ae)nia"),
    Kind("portal-hypertension", "portal hypertension", {SNOMED: ("34742003",), ICD10: ("K76.6", "I85")},
         r"portal hypertension|oesophageal varices|esophageal varices"),
    Kind("steatosis", "steatosis", {SNOMED: ("197321007", "442685003"), ICD10: ("K76.0", "K75.81")},
         r"steatosis|fatty liver|steatohepatitis|fettleber"),
)  # fmt: skip

NO_ALLERGY: frozenset[str] = frozenset({"716186003", "409137002", "429625007", "428607008"})
"""SNOMED CT: no known allergy, no known drug allergy, and the like."""


def kinds_of(kinds: tuple[Kind, ...], name: str, codes: Codes) -> tuple[Kind, ...]:
    """Those of some kinds that a name or one of its codes belongs to."""
    return _kinds_of(tuple(k.key for k in kinds), name.casefold(), tuple((system_named(s), c) for s, c in codes))


_ALL = {(kind.key, group): kind for group, kinds in enumerate((ALLERGIES, CONDITIONS)) for kind in kinds}


@lru_cache(maxsize=1024)
def _kinds_of(keys: tuple[str, ...], name: str, codes: Codes) -> tuple[Kind, ...]:
    kinds = [kind for (key, _), kind in _ALL.items() if key in keys]
    return tuple(k for k in kinds if _is_coded(k, codes) or re.search(rf"(?<!\w)(?:{k.words})", name))


def _is_coded(kind: Kind, codes: Codes) -> bool:
    for system, code in codes:
        known = kind.codes.get(system, ())
        if code in known or (system in (ICD10, ATC) and known and code.upper().startswith(known)):
            return True
    return False


def is_no_allergy(codes: Codes) -> bool:
    """Whether a source states that there is no known allergy."""
    return any(system_named(system) == SNOMED and code in NO_ALLERGY for system, code in codes)
