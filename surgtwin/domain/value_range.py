"""What the values of an image tell about it: its modality where no header does, and whether a CT was clipped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .finding import Finding, Severity
from .volume import Modality

CT_DARK_HU = -50.0
"""MR has no values this negative; in a CT, fat and air have."""
DARK_SHARE = 1e-3
"""Share of the voxels that must be that dark: resampled MR undershoots zero in a few."""
MR_RANGE = 20.0
"""Values within +-20 are normalised: neither CT nor MR as it was acquired."""
CLIPPED_HU = -125.0
"""A CT with nothing below has neither lungs nor air."""
BONE_HU = 400.0
"""Compact bone lies above."""
_ROUNDING_HU = 1.0
_SAMPLES = 500_000


def guess_modality(values: NDArray[Any]) -> tuple[Modality, Finding]:
    """Modality of values [k, j, i] by their range, with the finding that says it was guessed."""
    sample = values.ravel(order="K")[:: max(1, values.size // _SAMPLES)]
    dark = float(np.mean(sample < CT_DARK_HU))
    low, high = float(sample.min()), float(sample.max())
    if dark >= DARK_SHARE:
        modality = Modality.CT
    elif high <= MR_RANGE and low >= -MR_RANGE:
        modality = Modality.OTHER
    else:
        modality = Modality.MR
    what = {Modality.CT: "CT", Modality.MR: "MR", Modality.OTHER: "neither CT nor MR"}[modality]
    return modality, Finding(
        "modality-inferred",
        Severity.INFO if modality is not Modality.OTHER else Severity.WARNING,
        f"The file does not state its modality. Its values, {low:g} to {high:g}, look like {what}. "
        "State the modality if that is wrong.",
        numbers={"lowest": low, "highest": high},
    )


def clipped_ct_finding(values: NDArray[Any]) -> Finding | None:
    """The finding that a CT [k, j, i] in HU holds nothing below -125 HU, or None."""
    low = float(values.min())
    if low < CLIPPED_HU - _ROUNDING_HU:
        return None
    high = float(values.max())
    missing = "lungs and bone" if high < BONE_HU else "lungs"
    return Finding(
        "clipped-ct",
        Severity.WARNING,
        f"The values of this CT reach only from {low:g} to {high:g} HU, so {missing} cannot be found by their values.",
        numbers={"lowest_hu": low, "highest_hu": high},
    )
