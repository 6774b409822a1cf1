"""A report on a real CT: the liver of a reader's labels, a plane through it, every page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.ui.report.files import pdf_pages
from ui.cli.main import main

pytestmark = pytest.mark.slow
CASE = "case20"
NAMES = {"6": "liver"}


@pytest.fixture(scope="module")
def liver(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A twin of a real CT with its liver alone, and the liver's middle in LPS mm, as another library reads it."""
    image, labels = (real_data / "ct_abdomen" / f"{CASE}_{kind}.nii.gz" for kind in ("image", "labels"))
    if not image.exists() or not labels.exists():
        pytest.skip(f"no labelled case at {image}")
    folder = tmp_path_factory.mktemp("real-report")
    truth = sitk.ReadImage(str(labels))
    only = sitk.Cast(truth == int(next(iter(NAMES))), sitk.sitkUInt8) * int(next(iter(NAMES)))
    sitk.WriteImage(only, str(folder / "liver.nii.gz"))
    (folder / "names.json").write_text(json.dumps(NAMES))
    twin = folder / "case.twin"
    argv = ["build", str(image), "--modality", "CT", "--labels", str(folder / "liver.nii.gz")]
    assert main([*argv, "--names", str(folder / "names.json"), "-o", str(twin)]) == 0
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(only)
    return twin, np.array(shape.GetCentroid(int(next(iter(NAMES)))))


def test_a_plane_through_a_real_liver_is_reported_with_its_figures_on_every_page(liver, tmp_path, capsys) -> None:
    twin, middle = liver
    plane = {"type": "plane", "point_mm": middle.tolist(), "normal": [-1, 0, 0]}
    plan = {"schema": 1, "resections": [{"name": "right", "organ": "liver", "surface": plane}]}
    (tmp_path / "right half.json").write_text(json.dumps(plan))
    capsys.readouterr()
    argv = ["plan", "evaluate", str(twin), str(tmp_path / "right half.json"), "--json", "-o", str(tmp_path / "a.pdf")]
    assert main(argv) == 0
    cut = json.loads(capsys.readouterr().out)["resections"][0]
    pages = pdf_pages((tmp_path / "a.pdf").read_bytes())
    text = " ".join(pages)
    assert f"{cut['resected_ml']:.0f} ± {cut['resected_error_ml']:.0f} mL" in text
    assert f"{cut['remnant_percent']:.1f} ± {cut['remnant_error_percent']:.1f} %" in text
    assert all("Research use only" in page for page in pages)
    assert "right half" in pages[0]
