"""A real CT series sent over the network to the receiver of the twin that was built from it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.formats.registry import write_labels
from surgtwin.live.dicom_inbox_view import series_in
from surgtwin.pipeline.images import open_image
from surgtwin.pipeline.timeline import read_timeline
from tests.live.dicom_peers import PATIENCE_S
from tests.ui.cli.test_live_receive import running
from ui.cli.main import main

SLICES = 87


@pytest.fixture(scope="module")
def real_twin(real_data, tmp_path_factory) -> tuple[Path, Path]:
    """Twin and series; its one structure is an ellipsoid within the body."""
    folder, series = tmp_path_factory.mktemp("real"), real_data / "dicom" / "ct_abdomen_pelvis"
    if not series.is_dir():
        pytest.skip(f"no series at {series}")
    grid = open_image(series)[0].grid
    k, j, i = (np.arange(n) - n / 2 for n in grid.shape)
    labels = np.zeros(grid.shape, np.uint8)
    labels[(k[:, None, None] / 14) ** 2 + (j[:, None] / 70) ** 2 + (i / 70) ** 2 < 1] = 6
    write_labels(LabelMap(grid, (labels,), (structure_for(6, "liver"),)), folder / "labels.nii.gz")
    (folder / "names.json").write_text(json.dumps({"6": "liver"}))
    made = ["--labels", str(folder / "labels.nii.gz"), "--names", str(folder / "names.json")]
    assert main(["build", str(series), "-o", str(folder / "case.twin"), *made]) == 0
    return folder / "case.twin", series


def test_a_real_series_sent_by_another_makers_program_is_taken_in(real_twin) -> None:
    if shutil.which("storescu") is None:
        pytest.skip("storescu is not installed (Debian package dcmtk)")
    twin, series = real_twin
    with running("receive", twin, "--port", 0, "--idle", "2s", "--once") as command:
        port = str(command.wait_for("listening")["port"])
        sending = ["storescu", "-aec", "SURGTWIN", "+sd", "+r", "127.0.0.1", port, str(series)]
        subprocess.run(sending, check=True, timeout=PATIENCE_S)
        taken = command.wait_for("taken in")
        assert command.ended() == 0
    assert (taken["instances"], taken["state"], taken["revision"]) == (SLICES, "proposed", 2)
    assert taken["update"]["displacement_mm"]["liver"]["p95"] < 1.0, "it is the same image: nothing moved"
    assert [row.revision.state.value for row in read_timeline(twin)] == ["accepted", "proposed"]
    (kept,) = series_in(twin.with_name("case.inbox"))
    assert (kept.instances, kept.is_held) == (SLICES, False)
