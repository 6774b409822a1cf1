"""How sure a structure is: read from what the twin stores, in words beside its volume, and as colours on the slices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surgtwin.domain.confidence import ConfidenceMap, VolumeInterval
from surgtwin.domain.geometry import Grid
from surgtwin.domain.twin import Twin
from surgtwin.store.save import save_twin
from tests.ui.desktop.plan_hand import JOB_MS
from ui.desktop.certainty import certainty_lines, certainty_of, probabilities, world_probabilities
from ui.desktop.main_window import MainWindow, make_view_grid
from ui.desktop.panels.certainty_line import CertaintyLine
from ui.desktop.views.confidence_overlay import confidence_image, places_of

pytestmark = pytest.mark.desktop
GRID = Grid.from_axes((4, 5, 6), np.array([10.0, -20.0, 30.0]), np.eye(3), (2.0, 3.0, 4.0))


def sure_map(twin: Twin, code: int = 204, spleen: int = 102) -> ConfidenceMap:
    """On the labels' grid: sure everywhere as `code`, in the spleen as `spleen`; nothing said of the first slice."""
    codes = np.full(twin.labels.grid.shape, code, dtype=np.uint8)
    codes[twin.labels.mask("spleen")] = spleen
    codes[0] = 0
    return ConfidenceMap(twin.labels.grid, codes, True, "test")


def with_certainty(twin: Twin) -> Twin:
    own = twin.labels.volume_ml(twin.labels.structure("spleen"))
    interval = VolumeInterval("spleen", own, 0.8 * own, 1.3 * own, 0.9)
    return replace(twin, confidence=sure_map(twin), volume_intervals=(interval,))


def test_a_place_has_the_probability_of_its_nearest_voxel_and_none_outside() -> None:
    codes = np.zeros(GRID.shape, dtype=np.uint8)
    codes[2, 3, 4] = 51
    map_ = ConfidenceMap(GRID, codes, True, "test")
    here = GRID.to_lps(np.array([[4.0, 3.0, 2.0], [4.4, 2.6, 2.4], [3.0, 3.0, 2.0], [-9.0, 0.0, 0.0]]))
    found = probabilities(map_, here)
    assert found[:2] == pytest.approx(0.2)
    assert np.isnan(found[2:]).all(), "code 0 says nothing, nor does the outside"
    assert found[0] == map_.at(tuple(here[0]))


def test_labels_on_a_turned_image_are_asked_at_the_same_place_of_the_patient(twin: Twin) -> None:
    turn = np.eye(4)
    turn[:2, :2], turn[:3, 3] = [[0.0, -1.0], [1.0, 0.0]], (5.0, 6.0, 7.0)
    sure = replace(twin, confidence=sure_map(twin))
    turned = replace(sure, images=(replace(twin.images[0], twin_from_image=turn),))
    places = np.random.default_rng(1).normal(0, 40, (200, 3)) + twin.labels.grid.center()
    moved = places @ turn[:3, :3].T + turn[:3, 3]
    assert np.array_equal(world_probabilities(sure, places), world_probabilities(turned, moved), equal_nan=True)
    assert np.isnan(world_probabilities(twin, places)).all()


def test_a_structure_has_the_mean_of_its_voxels_and_the_share_that_is_unsure(twin: Twin) -> None:
    sure = with_certainty(twin)
    spleen, liver = (certainty_of(sure, sure.labels.structure(n)) for n in ("spleen", "liver"))
    assert (spleen.mean, spleen.unsure) == (pytest.approx(0.4), 1.0)
    assert (liver.mean, liver.unsure) == (pytest.approx(0.8), 0.0)
    assert certainty_of(twin, twin.labels.structure("spleen")) is None


def test_only_what_the_twin_stores_is_said(twin: Twin) -> None:
    sure = with_certainty(twin)
    interval, confidence = certainty_lines(sure, sure.labels.structure("spleen"))
    assert interval.startswith("90 % interval")
    assert confidence == "Confidence 40 % on average, 100 % of it unsure"
    assert len(certainty_lines(sure, sure.labels.structure("liver"))) == 1, "no interval is stored"
    raw = replace(sure, confidence=replace(sure.confidence, is_calibrated=False))
    assert "not calibrated" in certainty_lines(raw, raw.labels.structure("liver"))[0]
    assert certainty_lines(twin, twin.labels.structure("spleen")) == ()


def test_unsure_places_have_colours_and_sure_ones_and_unknown_ones_are_clear() -> None:
    picture = confidence_image(np.array([[0.3, 0.7, 0.9], [0.99, np.nan, 0.95]]))
    dense = [[picture.pixelColor(column, row).alpha() for column in range(3)] for row in range(2)]
    assert dense[0][0] > dense[0][1] > dense[0][2] > 0
    assert dense[1] == [0, 0, 0]
    places = places_of((1.0, 2.0, 3.0), (3.0, 2.0, 3.0), (1.0, 2.0, 7.0), 2, 2)
    assert np.allclose(places, [[2, 2, 5], [4, 2, 5], [2, 2, 9], [4, 2, 9]])


def test_the_window_tells_it_beside_the_volume_and_shows_it_on_the_slices(
    make_window: Any, twin: Twin, tmp_path: Path, qtbot: Any
) -> None:
    path = tmp_path / "case.twin"
    save_twin(with_certainty(twin), path)
    window: MainWindow = make_window(make_views=make_view_grid)
    with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
        window.commands.open_path(path)
    window.state.select("spleen")
    line = window.structures.findChild(CertaintyLine)
    assert "90 % interval" in line.text()
    assert line.isVisible()
    axial = window.views.slices["axial"]
    spleen = window.state.twin.mesh("spleen").vertices_mm.mean(0)
    window.state.set_cursor(tuple(float(v) for v in spleen))
    at = axial.place_of(spleen).toPoint()
    window.state.set_crosshair(False)

    def red_minus_green() -> int:
        colour = axial.grab().toImage().pixelColor(at.x() + 9, at.y() + 9)
        return colour.red() - colour.green()

    before = red_minus_green()
    window.actions_table["confidence"].trigger()
    assert red_minus_green() > before + 20
    assert window.actions_table["confidence"].isChecked()
    window.actions_table["confidence"].trigger()
    assert red_minus_green() == before


def test_a_twin_without_confidence_offers_no_overlay(window: MainWindow) -> None:
    assert not window.actions_table["confidence"].isEnabled()
    window.state.select("liver")
    assert not window.structures.findChild(CertaintyLine).isVisible()
