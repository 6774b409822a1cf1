"""Run as a program at a given scale: prints every text of the window that has less room than it needs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PySide6.QtCore import QElapsedTimer
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QAbstractButton, QLabel, QToolButton, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parent))

from synthetic_twin import make_twin

from surgtwin.live.igtl_poses import Transform
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.openigtlink import Message
from surgtwin.planning.access_target import deepest_point
from ui.desktop.app import make_application, make_window
from ui.desktop.main_window import LEAST_SIZE, MainWindow
from ui.desktop.panels.labels import ElidedLabel
from ui.desktop.planning.path_instruments import INSTRUMENTS
from ui.desktop.planning.path_laying import laid

SETTLE_MS = 300
PLAN_MS = 60_000


def clipped_texts(root: QWidget) -> list[str]:
    """The texts under `root` that are visible and cut off, or stand outside their parent."""
    found = []
    for widget in root.findChildren(QWidget):
        if not widget.isVisible():
            continue
        if isinstance(widget, ElidedLabel):
            continue
        if isinstance(widget, QLabel | QAbstractButton) and not isinstance(widget, QToolButton) and widget.text():
            least = widget.minimumSizeHint() if isinstance(widget, QAbstractButton) else _needed(widget)
            if widget.height() + 1 < least.height() or widget.width() + 1 < least.width():
                found.append(f"{type(widget).__name__} '{widget.text()}' {widget.size()} needs {least}")
    return found


def _needed(label: QLabel):
    metrics = QFontMetrics(label.font())
    if not label.wordWrap():
        return metrics.size(0, label.text())
    needed = metrics.size(0, label.text())
    needed.setWidth(min(needed.width(), label.width()))
    needed.setHeight(label.heightForWidth(label.width()))
    return needed


def identity_is_whole(window: MainWindow) -> list[str]:
    labels = (window.banner.name, window.banner.details)
    return [f"identity: '{n.whole_text}' is shown as '{n.text()}'" for n in labels if n.text() != n.whole_text]


def main() -> int:
    app = make_application()
    window = make_window()
    window.resize(LEAST_SIZE)
    window.show()
    problems = _settled(app, lambda: [f"empty: {t}" for t in clipped_texts(window)])
    window.state.open_twin(make_twin())
    window.opener.twin_built.emit()
    window.state.select("liver tumour")
    problems += _settled(app, lambda: clipped_texts(window) + identity_is_whole(window))
    problems += plan_problems(app, window)
    problems += live_problems(app, window)
    for dialog in (window.commands.show_settings(), window.commands.ask_export(), window.commands.show_about()):
        problems += _settled(app, lambda shown=dialog: [f"{type(shown).__name__}: {t}" for t in clipped_texts(shown)])
        dialog.close()
    ratio = window.devicePixelRatioF()
    window.leaves_unsaved = True
    window.close()
    sys.stdout.write(f"ratio {ratio}\n" + "".join(f"{p}\n" for p in problems))
    return 0


def plan_problems(app, window: MainWindow) -> list[str]:
    """Plan mode while it is empty, and with a cut, its figures and its findings."""
    window.state.set_mode("plan")
    empty = _settled(app, lambda: [f"empty plan: {t}" for t in clipped_texts(window)])
    desk = window.planning.desk
    desk.lay_shell()
    clock = QElapsedTimer()
    clock.start()
    while not desk.is_exact and clock.elapsed() < PLAN_MS:
        app.processEvents()
    if not desk.is_exact:
        return [*empty, "the plan was not judged in time"]
    shown = empty + _settled(app, lambda: [f"plan: {t}" for t in clipped_texts(window)])
    return shown + path_problems(app, window)


def path_problems(app, window: MainWindow) -> list[str]:
    """A tool path with its editor, and its timeline under the views."""
    desk = window.planning.desk
    tip = deepest_point(desk.geometry, "liver tumour")
    path = laid(desk.geometry, INSTRUMENTS[2], True, "Path 1", (tip[0], tip[1] - 40.0, tip[2]), tip)
    desk.paths.edits.add(path, "Add Path 1")
    clock = QElapsedTimer()
    clock.start()
    while not desk.is_exact and clock.elapsed() < PLAN_MS:
        app.processEvents()
    if not desk.is_exact or not window.planning.strip.isVisible():
        return ["the tool path was not judged in time"]
    return _settled(app, lambda: [f"path: {t}" for t in clipped_texts(window)])


def live_problems(app, window: MainWindow) -> list[str]:
    """Live mode while nothing is connected, and with a tool that is not registered, is followed, and is lost."""
    window.state.set_mode("live")
    problems = _settled(app, lambda: [f"empty live: {t}" for t in clipped_texts(window)])
    desk, panel = window.live.desk, window.live.panel
    server = IgtlServer(0)
    panel.sources.address.setCurrentText(f"127.0.0.1:{server.port}")
    panel.sources.connect_button.click()

    def send_until(done) -> bool:
        clock = QElapsedTimer()
        clock.start()
        while not done() and clock.elapsed() < PLAN_MS:
            server.send(Message(Transform.KIND, "StylusToReference", Transform(np.eye(4))))
            app.processEvents()
        return done()

    if not send_until(lambda: bool(desk.device)):
        return [*problems, "the tool was not seen in time"]
    problems += _settled(app, lambda: [f"live, not registered: {t}" for t in clipped_texts(window)])
    panel.tool.places.click()
    if not send_until(lambda: desk.guidance is not None):
        return [*problems, "the tool's figures did not come in time"]
    settling = QElapsedTimer()
    settling.start()
    send_until(lambda: settling.elapsed() > SETTLE_MS and desk.guidance is not None)
    problems += [f"live: {t}" for t in clipped_texts(window)]
    problems += _settled(app, lambda: [f"live, stale: {t}" for t in clipped_texts(window)])
    server.stop()
    return problems


def _settled(app, ask):
    clock = QElapsedTimer()
    clock.start()
    while clock.elapsed() < SETTLE_MS:
        app.processEvents()
    return ask()


if __name__ == "__main__":
    sys.exit(main())
