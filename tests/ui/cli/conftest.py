"""A small DICOM series with known labels, and a twin made from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from surgtwin.dicom.write import write_series
from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.patient import Patient
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.formats.registry import write_labels
from tests.conftest import make_oblique_grid
from ui.cli.main import main

PATIENT = Patient("SECRET-4711", "HOSPITAL", "Nobody^Knows", "19610203", "F")
SPHERE_MM = 9.0


@dataclass(frozen=True)
class Case:
    """What the command-line tests start from."""

    dicom: Path
    labels: Path
    names: Path
    twin: Path
    liver_ml: float
    """Of the voxels, as counted here."""


@pytest.fixture(scope="session")
def case(tmp_path_factory) -> Case:
    """A liver (a ball at the patient's right), a tumour inside it, and a spleen (at the left)."""
    folder = tmp_path_factory.mktemp("case")
    grid = make_oblique_grid((30, 40, 48))
    k, j, i = np.indices(grid.shape)
    lps = grid.to_lps(np.stack([i, j, k], axis=-1))
    centre = grid.center()
    aside = np.array([12.0, 0.0, 0.0])
    right, left = centre - aside, centre + aside
    liver = np.linalg.norm(lps - right, axis=-1) < SPHERE_MM
    tumour = np.linalg.norm(lps - right, axis=-1) < 4.0
    spleen = np.linalg.norm(lps - left, axis=-1) < 7.0
    labels = np.zeros(grid.shape, np.uint8)
    labels[liver], labels[tumour], labels[spleen] = 6, 20, 1
    values = np.full(grid.shape, -80, np.int16)
    values[liver], values[tumour], values[spleen] = 110, 60, 120
    values[0] = -1000
    source = SourceInfo("synthetic", content_sha256(grid, values))
    volume = Volume(grid, values, Modality.CT, source, PATIENT)
    write_series(volume, folder / "dicom", description="Two balls")
    structures = (structure_for(6, "liver"), structure_for(20, "liver tumour"), structure_for(1, "spleen"))
    write_labels(LabelMap(grid, (labels,), structures), folder / "labels.nii.gz")
    names = folder / "names.json"
    names.write_text(json.dumps({"6": "liver", "20": "liver tumour", "1": "Spleen of X"}), encoding="utf-8")
    twin = folder / "case.twin"
    argv = ["build", str(folder / "dicom"), "-o", str(twin), "--labels", str(folder / "labels.nii.gz")]
    if main([*argv, "--names", str(names)]) != 0:
        raise RuntimeError("the twin of the command-line tests could not be built")
    ml = float(np.count_nonzero(labels == 6)) * grid.voxel_volume_ml
    return Case(folder / "dicom", folder / "labels.nii.gz", names, twin, ml)
