"""The error bar of a volume, in words."""

from __future__ import annotations

from dataclasses import replace

from surgtwin.domain.confidence import VolumeInterval
from ui.desktop.wording import volume_interval


def test_the_interval_is_told_with_its_level_and_what_cuts_it(sphere_twin) -> None:
    liver, spleen = sphere_twin.structures
    own = sphere_twin.labels.volume_ml(liver)
    interval = VolumeInterval("liver", own, 0.9 * own, 1.2 * own, 0.9)
    assert volume_interval(sphere_twin, liver) == ""
    measured = replace(sphere_twin, volume_intervals=(interval,))
    assert volume_interval(measured, liver) == f"90 % interval {0.9 * own:.0f}-{1.2 * own:.0f} mL"
    assert volume_interval(measured, spleen) == ""
    cut = replace(sphere_twin, volume_intervals=(replace(interval, is_cut=True),))
    assert volume_interval(cut, liver) == f"90 % interval > {0.9 * own:.0f} mL, cut by the edge of the scan"
