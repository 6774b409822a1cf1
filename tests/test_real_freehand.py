"""A recorded sweep of a spine phantom, against the reconstruction that its recorder's makers keep beside it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from surgtwin.live.freehand import FreehandSettings, reconstruct
from surgtwin.live.probe_calibration import ProbeCalibration
from surgtwin.live.sequence_file import read_sequence

PROBE_FROM_IMAGE = np.array(
    [
        [-0.00157821, 0.0785919, -0.00803285, 15.3978],
        [-0.0839128, 0.00372697, 0.0153803, 49.5705],
        [0.0159024, 0.00714276, 0.0803604, -8.63446],
        [0, 0, 0, 1],
    ]
)
"""Of the phantom's device set, PlusDeviceSet_VolumeReconstructionOnly_SpinePhantom (PlusToolkit/PlusLibData)."""


@pytest.mark.slow
def test_a_real_sweep_gives_the_reference_reconstruction(real_data) -> None:
    recording, reference = (
        real_data / "igs" / name for name in ("SpinePhantomFreehand.igs.mha", "SpinePhantomFreehandReconstructed.mha")
    )
    if not reference.is_file():
        pytest.skip(f"no recording at {reference}")
    calibration = ProbeCalibration({("Image", "Probe"): PROBE_FROM_IMAGE}, clip=(0, 0, 820, 616))
    settings = FreehandSettings(lps_from_reference=np.eye(4), spacing_mm=0.5, leave_blank_out=False)
    found = reconstruct(read_sequence(recording), calibration, settings)
    theirs = sitk.ReadImage(str(reference))
    grid = found.volume.grid
    assert grid.size_ijk == theirs.GetSize()
    assert grid.origin == pytest.approx(theirs.GetOrigin(), abs=1e-3)
    assert grid.spacing == pytest.approx(theirs.GetSpacing())
    ours, wanted = found.volume.values.astype(float), sitk.GetArrayFromImage(theirs).astype(float)
    shown = wanted > 0
    assert np.corrcoef(ours[shown], wanted[shown])[0, 1] > 0.99
    assert np.abs(ours - wanted)[shown].mean() < 5.0, "of 255 grey levels"
    assert np.mean(ours[shown] > 0) > 0.98, "holes that they filled are filled"
    assert np.mean(ours[~shown] > 0) < 0.03
