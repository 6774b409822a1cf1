"""Published scores of the liver's function, each only where all that it needs is there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .quantities import BILIRUBIN_G_MOL, CREATININE_G_MOL


@dataclass(frozen=True)
class Score:
    """A score: its value, its grade, and the formula's source."""

    key: str
    name: str
    value: float
    grade: str
    source: str
    about: str = ""

    @property
    def text(self) -> str:
        """For a person, e.g. "ALBI -2.71, grade 1"."""
        digits = 2 if self.key == "albi" else 0
        return f"{self.name} {self.value:.{digits}f}{f', {self.grade}' if self.grade else ''}"


def albi(bilirubin_umol_l: float, albumin_g_l: float) -> Score:
    """The albumin-bilirubin grade: Johnson et al., J Clin Oncol 33:550, 2015.

    0.66 log10(bilirubin, µmol/L) - 0.085 albumin, g/L; grade 1 up to -2.60, grade 2 up to -1.39, else grade 3.
    """
    value = 0.66 * math.log10(bilirubin_umol_l) - 0.085 * albumin_g_l
    grade = 1 if value <= -2.60 else 2 if value <= -1.39 else 3
    return Score("albi", "ALBI", value, f"grade {grade}", "Johnson et al., J Clin Oncol 33:550, 2015")


def child_pugh(bilirubin_umol_l: float, albumin_g_l: float, inr: float, ascites: int, encephalopathy: int) -> Score:
    """Child-Pugh: Pugh et al., Br J Surg 60:646, 1973, with the INR in place of the prothrombin time.

    Parameters
    ----------
    ascites, encephalopathy
        0 none, 1 slight (grade 1-2), 2 moderate to severe (grade 3-4).
    """
    bilirubin_mg_dl = bilirubin_umol_l * BILIRUBIN_G_MOL / 1e4
    points = 1 + (bilirubin_mg_dl >= 2.0) + (bilirubin_mg_dl > 3.0)
    points += 1 + (albumin_g_l <= 35.0) + (albumin_g_l < 28.0)
    points += 1 + (inr >= 1.7) + (inr > 2.3)
    points += 2 + ascites + encephalopathy
    grade = "A" if points <= 6 else "B" if points <= 9 else "C"
    return Score("child-pugh", "Child-Pugh", float(points), f"class {grade}", "Pugh et al., Br J Surg 60:646, 1973")


def meld(bilirubin_umol_l: float, creatinine_umol_l: float, inr: float) -> Score:
    """MELD as UNOS computes it: Kamath et al., Hepatology 33:464, 2001; bounds of OPTN policy 9.1 (2016).

    3.78 ln(bilirubin) + 11.2 ln(INR) + 9.57 ln(creatinine) + 6.43 in mg/dL, each at least 1, creatinine at most 4.
    Without dialysis: that is not known here.
    """
    bilirubin = max(bilirubin_umol_l * BILIRUBIN_G_MOL / 1e4, 1.0)
    creatinine = min(max(creatinine_umol_l * CREATININE_G_MOL / 1e4, 1.0), 4.0)
    value = 3.78 * math.log(bilirubin) + 11.2 * math.log(max(inr, 1.0)) + 9.57 * math.log(creatinine) + 6.43
    bounded = min(max(float(math.floor(value + 0.5)), 6.0), 40.0)
    return Score("meld", "MELD", bounded, "", "Kamath et al., Hepatology 33:464, 2001", "if there is no dialysis")


def meld_na(meld_score: Score, sodium_mmol_l: float) -> Score:
    """MELD with sodium as UNOS computes it (OPTN policy 9.1, 2016; Kim et al., N Engl J Med 359:1018, 2008).

    MELD + 1.32 (137 - Na) - 0.033 MELD (137 - Na) for a MELD above 11; sodium counts from 125 to 137 mmol/L.
    """
    lack = 137.0 - min(max(sodium_mmol_l, 125.0), 137.0)
    m = meld_score.value
    value = m + 1.32 * lack - 0.033 * m * lack if m > 11.0 else m
    bounded = min(max(float(math.floor(value + 0.5)), 6.0), 40.0)
    return Score("meld-na", "MELD-Na", bounded, "", "Kim et al., N Engl J Med 359:1018, 2008", meld_score.about)
