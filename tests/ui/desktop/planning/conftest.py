"""A window over a twin on the disk, with the real views: plans are kept with it, judged as on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from surgtwin.domain.twin import Twin
from surgtwin.store.save import save_twin
from tests.ui.desktop.plan_hand import JOB_MS
from ui.desktop.main_window import MainWindow, make_view_grid


@pytest.fixture
def case_path(twin: Twin, tmp_path: Path) -> Path:
    """The synthetic twin on the disk."""
    path = tmp_path / "case.twin"
    save_twin(twin, path)
    return path


@pytest.fixture
def window(make_window: Any, case_path: Path, qtbot: Any) -> MainWindow:
    """With the synthetic twin open from disk, and the real views."""
    made = make_window(make_views=make_view_grid)
    with qtbot.waitSignal(made.opener.twin_opened, timeout=JOB_MS):
        made.commands.open_path(case_path)
    qtbot.waitUntil(lambda: made.views.scene.render_window is not None, timeout=JOB_MS)
    return made
