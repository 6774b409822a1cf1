"""The same person scanned with the gantry upright and tilted: organs keep their places, values and volumes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from sample_data.__main__ import main
from sample_data.labelling import LEFT_KIDNEY, LIVER, SPLEEN
from surgtwin.dicom.load import load
from surgtwin.dicom.scan import scan
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.volume import Volume
from surgtwin.formats.registry import read_labels

ORGANS = {LIVER: "liver", SPLEEN: "spleen", LEFT_KIDNEY: "left kidney"}
SIZE = ["--shape", "40", "80", "80", "--spacing", "5", "5", "7", "--noise", "0", "--reference-step", "0"]


@dataclass(frozen=True)
class Scanned:
    folder: Path
    volume: Volume
    truth: LabelMap

    def places(self, label: int) -> np.ndarray:
        """(n, 3) LPS mm of the voxels well inside an organ."""
        kji = np.argwhere(binary_erosion(self.truth.layers[0] == label, iterations=2))
        return self.truth.grid.to_lps(kji[:, ::-1])

    def mean_hu(self, places: np.ndarray) -> float:
        i, j, k = np.rint(self.volume.grid.to_ijk(places)).astype(int).T
        return float(self.volume.values[k, j, i].mean())


def scanned(out: Path, *options: str) -> Scanned:
    assert main([str(out), *SIZE, *options]) == 0
    volume = load(scan(out / "dicom").series[0])
    return Scanned(out, volume, read_labels(out / "truth_labels.nii.gz", names=ORGANS))


@pytest.fixture(scope="module")
def upright(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    return scanned(tmp_path_factory.mktemp("upright") / "out")


@pytest.fixture(scope="module", params=[("15", "LPS"), ("-20", "LPI")])
def tilted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    degrees, axes = request.param
    return scanned(tmp_path_factory.mktemp("tilted") / "out", "--tilt", degrees, "--axes", axes)


@pytest.mark.parametrize("label", ORGANS, ids=ORGANS.get)
def test_an_organ_has_its_values_at_its_place(upright: Scanned, tilted: Scanned, label: int) -> None:
    assert "gantry-tilt" in {f.code for f in tilted.volume.findings}
    places = upright.places(label)
    assert len(places) > 20
    assert tilted.mean_hu(places) == pytest.approx(upright.mean_hu(places), abs=2.0)


@pytest.mark.parametrize("label", ORGANS, ids=ORGANS.get)
def test_the_truth_lies_on_the_grid_that_loading_gives(upright: Scanned, tilted: Scanned, label: int) -> None:
    assert tilted.truth.grid.is_same_space(tilted.volume.grid)
    said = json.loads((tilted.folder / "truth.json").read_text())["grid"]["lps_from_ijk"]
    assert np.allclose(said, tilted.volume.grid.lps_from_ijk, atol=1e-6)
    own = tilted.places(label)
    assert tilted.mean_hu(own) == pytest.approx(upright.mean_hu(upright.places(label)), abs=4.0)
    assert np.linalg.norm(own.mean(axis=0) - upright.places(label).mean(axis=0)) < 2.0
    ml = [float((s.truth.layers[0] == label).sum()) * s.truth.grid.voxel_volume_ml for s in (upright, tilted)]
    assert ml[1] == pytest.approx(ml[0], rel=0.04)
