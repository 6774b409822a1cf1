"""Small pictures: what is drawn is the same, and drawing large ones takes a processor long."""

from __future__ import annotations

import pytest

from ui.report import pictures

SMALL_SCENE, SMALL_SLICE, SMALL_TEXT = (440, 352), (200, 200), 12


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports with small pictures, drawn without a display."""
    monkeypatch.setattr(pictures, "SCENE_SIZE", SMALL_SCENE)
    monkeypatch.setattr(pictures, "SLICE_SIZE", SMALL_SLICE)
    monkeypatch.setattr(pictures, "TEXT_PIXELS", SMALL_TEXT)
    monkeypatch.delenv("DISPLAY", raising=False)
