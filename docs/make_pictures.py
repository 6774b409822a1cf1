"""Make the README's pictures: `python docs/make_pictures.py demo_output/phantom.twin PLANNED.twin`. Needs no display.

The second twin is one with tumours, of the phantom's own labels: `python -m sample_data DIR`, then `surgtwin build
DIR/dicom --labels DIR/truth_labels.nii.gz --names NAMES.json -o PLANNED.twin`, with the names from DIR/truth.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.plan import PatientFigures, Plan, Resection
from surgtwin.domain.twin import Twin
from surgtwin.planning.start_cut import patch_around
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin
from ui.desktop.app import make_application, make_window
from ui.desktop.live.panel import LivePanel
from ui.desktop.main_window import MainWindow
from ui.render.screenshot import write_screenshot

PICTURES = Path(__file__).resolve().parent / "pictures"
WINDOW = (1600, 1000)
SETTLE_S = 40.0
"""Opening and the finer drawing at rest take some seconds on a software renderer."""


def desktop_pictures(twin: Path, planned: Path) -> None:
    app = make_application()
    window = make_window()
    window.resize(*WINDOW)
    window.show()
    window.commands.open_path(twin)
    settle(app)
    window.grab().save(str(PICTURES / "desktop.png"))
    window.commands.open_path(planned)
    settle(app)
    window.tool_row.mode_buttons.button(1).click()
    window.planning.book.apply(cut_around(load_twin(planned)), "Lay a cut")
    window.planning.book.choose_first()
    window.views.scene.look_from("A")
    settle(app)
    window.grab().save(str(PICTURES / "plan.png"))
    window.planning.book.remove()
    live_picture(window, app, planned)
    window.close()


def live_picture(window: MainWindow, app: QApplication, twin: Path) -> None:
    """A simulated tool near a tumour, followed in Live mode."""
    window.tool_row.mode_buttons.button(2).click()
    panel = window.right.currentWidget()
    assert isinstance(panel, LivePanel)
    command = [sys.executable, "-m", "ui.cli.main", "live", "simulate", str(twin)]
    command += ["--around", "tumour 1", "--port", "0", "--rate", "20", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tool:
        try:
            assert tool.stdout is not None
            panel.sources.address.setCurrentText(f"localhost:{json.loads(tool.stdout.readline())['port']}")
            panel.sources.connect_button.click()
            settle(app)
            panel.tool.places.click()
            settle(app)
            window.grab().save(str(PICTURES / "live.png"))
        finally:
            tool.kill()


def settle(app: QApplication) -> None:
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until:
        app.processEvents()


def cut_around(twin: Twin) -> Plan:
    """A bent cut that takes the tumour next to the liver's front with ten millimetres around it."""
    geometry = TwinGeometry(twin)
    resection = Resection(
        "Cut 1",
        "liver",
        PlaneCut((0.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
        ("hepatic vein", "portal vein branches"),
        ("tumour 1",),
    )
    points = geometry.surface("tumour 1").mesh.vertices_mm
    cut = patch_around(points, 12.0, (-0.6, -0.8, 0.0), geometry.organ_tissue(resection))
    return Plan(PatientFigures(170.0, 70.0), resections=(replace(resection, surface=cut),))


def main() -> int:
    twin, planned = (Path(name) for name in sys.argv[1:3])
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SURGTWIN_CONFIG"] = folder
        desktop_pictures(twin, planned)
    write_screenshot(load_twin(twin), PICTURES / "overview.png", size=(1400, 900))
    return 0


if __name__ == "__main__":
    sys.exit(main())
