"""A window over a synthetic twin, with its own settings folder, and a segmenter that waits to be told."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Volume
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import Progress
from ui.desktop.app import make_application
from ui.desktop.kept_settings import KeptSettings
from ui.desktop.main_window import MainWindow
from ui.desktop.state import AppState

WAIT_S = 20.0

_spec = importlib.util.spec_from_file_location("synthetic_twin", Path(__file__).with_name("synthetic_twin.py"))
assert _spec is not None and _spec.loader is not None
synthetic_twin = sys.modules.setdefault("synthetic_twin", importlib.util.module_from_spec(_spec))
if not hasattr(synthetic_twin, "make_twin"):
    _spec.loader.exec_module(synthetic_twin)


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application as the program makes it."""
    return make_application()


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the person's settings."""
    folder = tmp_path / "config"
    monkeypatch.setenv("SURGTWIN_CONFIG", str(folder))
    return folder


@pytest.fixture(scope="session")
def twin() -> Twin:
    return synthetic_twin.make_twin()


@pytest.fixture
def make_other_twin() -> Callable[..., Twin]:
    return synthetic_twin.make_twin


@pytest.fixture
def state(qapp: QApplication, twin: Twin) -> AppState:
    """With the synthetic twin open and not saved."""
    made = AppState()
    made.open_twin(twin)
    return made


class SlowSegmenter:
    """Reports a little progress, then waits until it is released or cancelled."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.release = threading.Event()
        self.was_cancelled = False

    def __call__(self, volume: Volume, progress: Progress) -> Segmentation:
        self.started.set()
        progress.update(0.25, "Finding organs")
        while not self.release.wait(0.01):
            try:
                progress.check()
            except BaseException:
                self.was_cancelled = True
                raise
        return threshold(volume, progress)


def threshold(volume: Volume, progress: Progress) -> Segmentation:
    """Everything above air, as one structure."""
    progress.update(1.0)
    mask = (volume.values > -300).astype(np.uint8)
    return Segmentation(LabelMap(volume.grid, (mask,), (structure_for(1, "liver", origin="network"),)))


class PlainViews(QWidget):
    """Stands where the views stand, and draws nothing: the views have tests of their own."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self.state = state
        self.scene = QWidget(self)
        self.is_disposed = False

    def screenshot(self) -> QImage:
        return self.grab().toImage()

    def dispose(self) -> None:
        self.is_disposed = True


MakeWindow = Callable[..., MainWindow]


@pytest.fixture
def make_window(qtbot: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWindow]:
    made: list[MainWindow] = []

    def make(segment: object = threshold, make_views: object = PlainViews) -> MainWindow:
        window = MainWindow(AppState(), KeptSettings(), segment, make_views)
        window.resize(1400, 900)
        window.show()
        qtbot.waitExposed(window)
        made.append(window)
        return window

    yield make
    for window in made:
        window.leaves_unsaved = True
        window.close()
        window.deleteLater()


@pytest.fixture
def window(make_window: MakeWindow, twin: Twin) -> MainWindow:
    """A window with the synthetic twin open, not saved."""
    made = make_window()
    made.state.open_twin(twin)
    made.opener.twin_built.emit()
    return made


@pytest.fixture
def slow_segmenter() -> Iterator[SlowSegmenter]:
    segmenter = SlowSegmenter()
    yield segmenter
    segmenter.release.set()


@pytest.fixture
def nifti(tmp_path: Path, twin: Twin) -> Path:
    """The twin's image as a file, to be opened like any other."""
    import SimpleITK

    volume = twin.primary
    image = SimpleITK.GetImageFromArray(volume.values)
    image.SetOrigin(volume.grid.origin.tolist())
    image.SetSpacing(volume.grid.spacing)
    image.SetDirection(volume.grid.direction.ravel().tolist())
    path = tmp_path / "abdomen.nii.gz"
    SimpleITK.WriteImage(image, str(path))
    return path
