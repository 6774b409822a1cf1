"""The chooser on real series: pictures, rank, refusals, and what regularising means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from ui.desktop.dialogs.series_chooser import SeriesChooser

pytestmark = [pytest.mark.desktop, pytest.mark.slow]
JOB_MS = 60_000


@pytest.fixture
def chooser(make_window: Any, real_data: Path, qtbot: Any) -> SeriesChooser:
    folder = real_data / "dicom"
    if not folder.is_dir():
        pytest.skip("no real DICOM series")
    window = make_window()
    with qtbot.waitSignal(window.opener.choices_found, timeout=JOB_MS):
        window.commands.open_path(folder)
    return window.findChild(SeriesChooser)


def test_every_series_has_a_row_and_gets_its_picture(chooser: SeriesChooser, qtbot: Any) -> None:
    assert chooser.list.count() >= 2
    first = chooser.list.item(0)

    def greys() -> set[int]:
        picture = first.icon().pixmap(88, 88).toImage()
        return {picture.pixelColor(x, y).value() for x in range(0, 88, 8) for y in range(0, 88, 8)}

    # The picture may be there before the first look: what is waited for is the picture, not a change.
    qtbot.waitUntil(lambda: len(greys()) > 4, timeout=JOB_MS)


def test_best_usable_series_is_chosen_and_a_refused_one_must_be_regularised(chooser: SeriesChooser, qtbot: Any) -> None:
    assert not chooser.current().refusal
    assert chooser.accept_button.isEnabled()
    choices = [chooser._choices.choices[n] for n in range(chooser.list.count())]
    refused = next((n for n, c in enumerate(choices) if c.refusal and c.series and c.series.needs_regularise), None)
    if refused is None:
        pytest.skip("no uneven series in the real data")
    chooser.list.setCurrentRow(refused)
    assert not chooser.accept_button.isEnabled()
    assert chooser.reason.text() == choices[refused].refusal
    assert chooser.explained.isVisible()
    chooser.regularise.setChecked(True)
    assert chooser.accept_button.isEnabled()
    chooser.chosen.disconnect()
    with qtbot.waitSignal(chooser.chosen) as heard:
        qtbot.mouseClick(chooser.accept_button, Qt.MouseButton.LeftButton)
    assert heard.args == [choices[refused], True]
