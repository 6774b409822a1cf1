"""Volume rendering: drawn by the mapper that suits, in its place, whatever the handedness."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper

from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume, Window
from ui.render.cameras import point_camera, preset
from ui.render.offscreen import grab, offscreen_window
from ui.render.scene import new_renderer
from ui.render.volume_rendering import CT_PRESETS, OTHER_PRESETS, VolumePreset, VolumeRendering, volume_presets

SIZE = (120, 120)


@pytest.fixture(autouse=True)
def _no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)


def bright_at_right_top(direction: np.ndarray) -> Volume:
    """A bright cube at the patient's right, at the top."""
    grid = Grid.from_axes((24, 24, 24), (7.0, 90.0, -300.0), direction, (2.0, 3.0, 4.0))
    k, j, i = np.indices(grid.shape)
    places = grid.to_lps(np.stack([i, j, k], axis=-1)) - grid.center()
    inside = (np.abs(places - [-12.0, 0.0, 18.0]) < 8).all(axis=-1)
    return Volume(grid, np.where(inside, 900, -1000).astype(np.int16), Modality.CT, SourceInfo("synthetic", "0" * 64))


def drawn(volume: Volume, preset_: VolumePreset, window: Window | None = None) -> tuple[np.ndarray, VolumeRendering]:
    screen = offscreen_window(SIZE)
    renderer = new_renderer()
    screen.AddRenderer(renderer)
    rendering = VolumeRendering(volume, screen)
    rendering.set_preset(preset_, window)
    renderer.AddVolume(rendering.prop)
    point_camera(renderer.GetActiveCamera(), preset("anterior"), volume.grid.corners(), 1.0)
    renderer.ResetCameraClippingRange()
    screen.Render()
    picture = grab(screen)
    renderer.RemoveVolume(rendering.prop)
    screen.Finalize()
    return picture, rendering


@pytest.mark.parametrize("direction", [np.eye(3), np.diag([1.0, 1.0, -1.0]), np.diag([-1.0, -1.0, 1.0])])
def test_bone_appears_where_it_is_whatever_the_grids_handedness(direction: np.ndarray) -> None:
    picture, _ = drawn(bright_at_right_top(direction), CT_PRESETS[0])
    bright = picture.min(axis=-1) > 90
    assert bright.sum() > 50
    assert bright[:60, :60].sum() > 0.9 * bright.sum()


def test_a_software_renderer_gets_the_processors_mapper() -> None:
    _, rendering = drawn(bright_at_right_top(np.eye(3)), CT_PRESETS[0])
    assert rendering.is_software == isinstance(rendering.mapper, vtkFixedPointVolumeRayCastMapper)


def test_fewer_samples_are_taken_in_motion() -> None:
    _, rendering = drawn(bright_at_right_top(np.eye(3)), CT_PRESETS[0])
    at_rest = rendering.mapper.GetSampleDistance()
    rendering.set_moving(True)
    assert rendering.mapper.GetSampleDistance() > 2 * at_rest


@pytest.mark.parametrize("chosen", CT_PRESETS, ids=lambda p: p.name)
def test_presets_rise_in_value(chosen: VolumePreset) -> None:
    values = [value for value, _, _ in chosen.points]
    assert values == sorted(values)


def test_mr_has_a_preset_of_its_own(twin_on: Callable[..., object]) -> None:
    volume = bright_at_right_top(np.eye(3))
    mr = Volume(volume.grid, volume.values, Modality.MR, volume.source)
    assert volume_presets(mr) == OTHER_PRESETS
    picture, _ = drawn(mr, OTHER_PRESETS[0], Window(1900, -50))
    assert (picture.min(axis=-1) > 60).any()
