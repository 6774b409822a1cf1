"""Which window an image is shown with."""

from __future__ import annotations

import numpy as np

from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume, Window
from ui.render.windows import CT_PRESETS, default_window, percentile_window, presets_for

GRID = Grid.from_axes((10, 10, 10), (0, 0, 0), np.eye(3), (1, 1, 1))
EXPECTED = {
    "Abdomen": (400, 40), "Liver": (150, 90), "Lung": (1500, -600), "Bone": (2500, 480),
    "Brain": (80, 40), "Vessels": (650, 160), "Kidney": (300, 40), "Pancreas": (400, 40),
}  # fmt: skip


def volume(modality: Modality, window: Window | None = None) -> Volume:
    values = np.arange(1000, dtype=np.int16).reshape(GRID.shape)
    return Volume(GRID, values, modality, SourceInfo("synthetic", "0" * 64), window=window)


def test_ct_presets_are_the_usual_ones() -> None:
    assert {p.name: (p.window.width, p.window.level) for p in CT_PRESETS} == EXPECTED


def test_ct_opens_in_the_abdomen_window_unless_it_states_its_own() -> None:
    assert default_window(volume(Modality.CT)) == Window(400, 40)
    assert default_window(volume(Modality.CT, Window(1500, -500))) == Window(1500, -500)


def test_mr_opens_in_its_own_window_else_in_the_percentiles() -> None:
    assert default_window(volume(Modality.MR, Window(7, 3))) == Window(7, 3)
    found = default_window(volume(Modality.MR))
    assert abs(found.level - 499.5) < 1e-6
    assert abs(found.width - 0.998 * 999) < 1e-6


def test_an_image_of_one_value_has_a_window_too() -> None:
    flat = Volume(GRID, np.full(GRID.shape, 5.0, np.float32), Modality.MR, SourceInfo("synthetic", "0" * 64))
    assert percentile_window(flat).width > 0


def test_mr_is_not_offered_windows_in_hounsfield_units() -> None:
    assert [p.name for p in presets_for(volume(Modality.MR, Window(7, 3)))] == ["Series", "Full range"]
