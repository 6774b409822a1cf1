"""A recorded sweep of a spine phantom, against the reconstruction that its recorder's makers keep beside it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from benchmarks.live_freehand import PROBE_FROM_IMAGE, compared
from surgtwin.live.freehand import FreehandSettings, reconstruct
from surgtwin.live.probe_calibration import ProbeCalibration
from surgtwin.live.sequence_file import read_sequence


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
    told = compared(found, wanted)
    assert told["correlation"] > 0.995
    assert told["mean_difference_grey_levels"] < 3.5, "of 255"
    assert told["share_shown_too"] > 0.98, "holes that they filled are filled"
    assert np.mean(ours[wanted == 0] > 0) < 0.03
