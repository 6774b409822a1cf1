"""The contrast phase of an abdominal CT, told from the HU of the structures that a network found.

Thresholds and where they are from:

- Blood without contrast medium: abdominal aorta 38, cava 36 HU on average ("Enhancement of anemia detection by
  correlating computed tomography findings of abdominal aorta and inferior vena cava with laboratory investigations").
- Late arterial: aorta 290 to 360 HU at its peak, portal vein 145 +- 20, liver 20 to 30 above its own value (Radiopaedia
  "late arterial phase"; Bae, Radiology 2010;256:32). The portal vein reaches half of the aorta.
- Portal venous: portal vein as bright as the aorta or brighter, liver raised by 50 HU (Heiken et al., Radiology
  1995;195:353).
- Late: the kidneys excrete into their pelves from about three minutes on, far brighter than any tissue (Bae 2010).

A late phase before excretion cannot be told from a portal venous one by HU alone and is called portal venous.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from surgtwin.domain.finding import Finding, Severity

from .classical import closed
from .placed import Placed
from .scan_facts import ScanFacts
from .training_domain import TrainingDomain

UNENHANCED_BLOOD_HU = 70.0
ENHANCED_KIDNEY_HU = 80.0
"""Kidneys without contrast medium are 30 to 40 HU."""
BRIGHT_AORTA_HU = 130.0
ARTERIAL_SHARE = 0.6
"""Portal vein over aorta: about 0.5 in the late arterial phase, 0.9 to 1.2 in the portal venous one."""
ARTERIAL_LIVER_HU, CORTEX_OVER_MEDULLA_HU = 85.0, 80.0
"""Where no portal vein was found: a liver hardly raised, kidneys' cortex far brighter than their medulla."""
URINE_OVER_KIDNEY_HU, LEAST_URINE_HU, LEAST_URINE_ML = 60.0, 230.0, 0.8
SINUS_CLOSING_MM = 10.0
SMOOTHED = (1, 5, 5)
"""Voxels averaged before urine is looked for: a sharp kernel's noise is brighter than that here and there."""
LEAST_VESSEL_ML, LEAST_ORGAN_ML = 2.0, 20.0
KIDNEYS = ("right kidney", "left kidney")

Values = npt.NDArray[Any]


class Phase(StrEnum):
    UNENHANCED = "unenhanced"
    ARTERIAL = "arterial"
    PORTAL_VENOUS = "portal venous"
    LATE = "late"


STATED: tuple[tuple[Phase, tuple[str, ...]], ...] = (
    (
        Phase.UNENHANCED,
        ("unenhanced", "non contrast", "non-contrast", "noncontrast", "nativ", "w/o", "without contrast"),
    ),
    (Phase.LATE, ("delay", "excret", "urograph", "late phase", "spaet", "equilib")),
    (Phase.PORTAL_VENOUS, ("portal", "venous", "venoes", "pv phase", "portven")),
    (Phase.ARTERIAL, ("arterial", "arteriel", "angio", "cta")),
)


@dataclass(frozen=True)
class Enhancement:
    """Median HU of what was found; None where a structure is absent or too small to measure."""

    aorta: float | None = None
    portal: float | None = None
    cava: float | None = None
    liver: float | None = None
    spleen: float | None = None
    cortex: float | None = None
    medulla: float | None = None
    urine_ml: float = 0.0

    def numbers(self) -> dict[str, float]:
        """The figures for a finding."""
        told = {f"{name}_hu": value for name, value in vars(self).items() if name != "urine_ml" and value is not None}
        return {**told, "bright_urine_ml": self.urine_ml}


def measure_enhancement(hu: Values, placed: Mapping[str, Placed]) -> Enhancement:
    """Return the HU of vessels and organs, away from their rims.

    Parameters
    ----------
    hu
        ``[k, j, i]`` of the whole image.
    """
    kidneys = [core_values(hu, placed[name]) for name in KIDNEYS if _is_large(placed.get(name), LEAST_ORGAN_ML)]
    kidney = np.concatenate(kidneys) if kidneys else None
    return Enhancement(
        aorta=_median(hu, placed.get("aorta"), LEAST_VESSEL_ML),
        portal=_median(hu, placed.get("portal and splenic vein"), LEAST_VESSEL_ML),
        cava=_median(hu, placed.get("inferior vena cava"), LEAST_VESSEL_ML),
        liver=_median(hu, placed.get("liver"), LEAST_ORGAN_ML),
        spleen=_median(hu, placed.get("spleen"), LEAST_ORGAN_ML),
        cortex=None if kidney is None else float(np.percentile(kidney, 85)),
        medulla=None if kidney is None else float(np.percentile(kidney, 15)),
        urine_ml=sum(bright_urine_ml(hu, placed[name]) for name in KIDNEYS if name in placed) if kidneys else 0.0,
    )


def estimate_phase(found: Enhancement) -> Phase | None:
    """Return the phase, None where there is too little to tell."""
    if found.aorta is None:
        return None
    if found.urine_ml >= LEAST_URINE_ML:
        return Phase.LATE
    if found.aorta < UNENHANCED_BLOOD_HU:
        others = [value for value in (found.portal, found.cava) if value is not None]
        is_plain = all(value < UNENHANCED_BLOOD_HU for value in others)
        return Phase.UNENHANCED if is_plain and (found.cortex or 0.0) < ENHANCED_KIDNEY_HU else None
    if found.portal is not None:
        is_arterial = found.aorta >= BRIGHT_AORTA_HU and found.portal < ARTERIAL_SHARE * found.aorta
        return Phase.ARTERIAL if is_arterial else Phase.PORTAL_VENOUS
    if found.liver is None or found.cortex is None or found.medulla is None:
        return None
    is_arterial = found.liver < ARTERIAL_LIVER_HU and found.cortex - found.medulla > CORTEX_OVER_MEDULLA_HU
    return Phase.ARTERIAL if is_arterial and found.aorta >= BRIGHT_AORTA_HU else Phase.PORTAL_VENOUS


def stated_phase(facts: ScanFacts) -> Phase | None:
    """Return the phase that the series' description names, None if it names none."""
    for phase, words in STATED:
        if any(word in facts.words for word in words):
            return phase
    return None


def check_phase(
    hu: Values, placed: Mapping[str, Placed], domain: TrainingDomain, model: str, facts: ScanFacts
) -> list[Finding]:
    """Return findings if the phase is none that the model was trained on, or not the one the series states."""
    found = measure_enhancement(hu, placed)
    phase, stated = estimate_phase(found), stated_phase(facts)
    if phase is None:
        return []
    figures = ", ".join(
        f"{name} {value:.0f}"
        for name, value in (("aorta", found.aorta), ("portal vein", found.portal), ("liver", found.liver))
        if value is not None
    )
    findings = []
    if domain.phases and phase not in domain.phases:
        message = (
            f"By its values ({figures} HU) this CT is {phase}; the model {model} was trained on "
            f"{', '.join(domain.phases)}. Vessels, pancreas and the edges of organs are less sure "
            "than the model's scores say. Use the series of "
            "that phase if there is one, else check every structure."
        )
        findings.append(Finding("wrong-phase", Severity.WARNING, message, numbers=found.numbers()))
    if stated is not None and stated is not phase:
        message = (
            f"The series calls itself {stated}, but its values ({figures} HU) look {phase}. "
            "Make sure it is the right series."
        )
        findings.append(Finding("phase-unlike-stated", Severity.INFO, message, numbers=found.numbers()))
    return findings


def core_values(hu: Values, structure: Placed) -> Values:
    """Return the values ``(n,)`` inside a structure, without its outermost voxels if enough are left."""
    inner = ndimage.binary_erosion(structure.mask, np.ones((1, 3, 3), dtype=bool))
    part = hu[structure.box]
    return np.asarray(
        part[inner] if np.count_nonzero(inner) >= 0.2 * np.count_nonzero(structure.mask) else part[structure.mask]
    )


def bright_urine_ml(hu: Values, kidney: Placed) -> float:
    """Return how much in a kidney and its sinus is far brighter than the kidney itself."""
    spacing = kidney.grid.spacing[::-1]
    filled = closed(kidney.mask, spacing, SINUS_CLOSING_MM)
    part = ndimage.uniform_filter(hu[kidney.box].astype(np.float32), SMOOTHED)
    limit = max(LEAST_URINE_HU, float(np.percentile(part[kidney.mask], 80)) + URINE_OVER_KIDNEY_HU)
    return float(np.count_nonzero(filled & (part > limit))) * kidney.grid.voxel_volume_ml


def _median(hu: Values, structure: Placed | None, least_ml: float) -> float | None:
    return (
        float(np.median(core_values(hu, structure)))
        if structure is not None and _is_large(structure, least_ml)
        else None
    )


def _is_large(structure: Placed | None, least_ml: float) -> bool:
    return structure is not None and structure.volume_ml >= least_ml
