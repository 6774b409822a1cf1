"""All checks of a run together, on a synthetic patient: right as it is, and turned, blanked, cropped, rescaled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from segmentation.gates import RunFacts, check_run, place_mask, summed_up
from segmentation.training_domain import TrainingDomain
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from tests.conftest import rotation

SHAPE = (60, 72, 90)
SPACING = (4.5, 4.0, 4.2)
GRID = Grid.from_axes(SHAPE, (310.0, -220.0, 640.0), rotation((4.0, -5.0, 7.0)), SPACING)
BOXES = {
    "liver": (30, 52, 20, 52, 14, 42),
    "spleen": (34, 48, 40, 52, 70, 80),
    "right kidney": (16, 32, 44, 54, 24, 34),
    "left kidney": (18, 34, 44, 54, 58, 68),
    "stomach": (30, 44, 22, 38, 52, 66),
    "gallbladder": (26, 32, 20, 28, 34, 40),
    "aorta": (4, 60, 46, 51, 45, 50),
    "inferior vena cava": (4, 60, 45, 50, 37, 42),
    "portal and splenic vein": (28, 34, 39, 42, 42, 58),
}
"""[k from, to, j from, to, i from, to]: i runs to the left, j to the back, k to the head."""
HU = {"aorta": 160, "inferior vena cava": 150, "portal and splenic vein": 165, "liver": 110}
NAMES = tuple(BOXES)
RUN = RunFacts("ct_abdomen", NAMES, TrainingDomain(("portal venous",), (2.0, 5.0)))


def patient() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HU, organs and body, each [k, j, i]."""
    _, j, i = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij")
    radius = np.hypot(i * SPACING[0] / 185.0, j * SPACING[1] / 120.0)
    hu = np.where(radius < 1, -100.0, -1000.0)
    hu[radius < 0.85] = 50
    hu[np.hypot(i * SPACING[0], j * SPACING[1] - 80) < 18] = 500
    labels = np.zeros(SHAPE, np.uint8)
    for n, (name, (k0, k1, j0, j1, i0, i1)) in enumerate(BOXES.items(), start=1):
        labels[k0:k1, j0:j1, i0:i1] = n
        hu[k0:k1, j0:j1, i0:i1] = HU.get(name, 120)
    noise = np.random.default_rng(8).normal(0, 6, SHAPE)
    return np.rint(hu + noise).astype(np.int16), labels, radius < 1


def checked(hu: np.ndarray, labels: np.ndarray, body: np.ndarray, run: RunFacts = RUN) -> list[Finding]:
    grid = Grid(hu.shape, GRID.lps_from_ijk)
    volume = Volume(grid, np.ascontiguousarray(hu), Modality.CT, SourceInfo("synthetic", "0" * 64))
    rows = tuple(structure_for(n, name) for n, name in enumerate(NAMES, start=1))
    found = LabelMap(grid, (np.ascontiguousarray(labels),), rows)
    return check_run(volume, found, run, place_mask(volume, np.ascontiguousarray(body)))


def worse(findings: list[Finding]) -> set[str]:
    return {f.code for f in findings if f.severity is not Severity.INFO}


def test_a_usual_patient_raises_no_warning() -> None:
    assert worse(checked(*patient())) == set()


@pytest.mark.parametrize("axes", [(2,), (1,), (0,), (1, 2), (0, 2), (0, 1), (0, 1, 2)])
def test_every_way_of_turning_the_stored_image_is_an_error(axes: tuple[int, ...]) -> None:
    turned = [np.flip(a, axes) for a in patient()]
    (found,) = [f for f in checked(*turned) if f.code == "unusual-orientation"]
    assert found.severity is Severity.ERROR
    expected = {"left_right": 2 in axes, "front_back": 1 in axes, "head_feet": 0 in axes}
    assert {name: bool(found.numbers[f"{name}_reversed"]) for name in expected} == expected


def test_a_blanked_half_is_an_error_and_what_is_missing_there_is_said_once() -> None:
    hu, labels, body = patient()
    hu[:, :, 45:], labels[:, :, 45:], body[:, :, 45:] = hu.min(), 0, False
    findings = checked(hu, labels, body)
    assert worse(findings) >= {"blank-part", "unreliable-labels"} and "structure-absent" not in worse(findings)


@pytest.mark.parametrize("part", [slice(0, 18), slice(48, 60)])
def test_a_scan_of_the_pelvis_or_the_chest_is_no_abdomen(part: slice) -> None:
    assert "few-organs" in worse(checked(*(a[part] for a in patient())))


def test_values_that_were_rescaled_are_an_error_that_silences_what_is_read_off_the_values() -> None:
    hu, labels, body = patient()
    for spoiled in ((hu + np.int16(1024)), np.clip(hu // 10, -20, 100)):
        assert worse(checked(spoiled.astype(np.int16), labels, body)) in ({"not-hounsfield"}, {"no-patient"})


def test_an_unenhanced_scan_is_none_that_the_model_was_trained_on() -> None:
    hu, labels, body = patient()
    hu[labels > 0] = 45 + hu[labels > 0] % 7
    assert worse(checked(hu, labels, body)) == {"wrong-phase"}
    assert worse(checked(hu, labels, body, replace(RUN, domain=TrainingDomain()))) == set()


def test_where_labels_were_left_out_nothing_is_said_about_single_organs() -> None:
    hu, _, body = patient()
    why = Finding("wrong-region", Severity.ERROR, "No abdomen.")
    findings = checked(hu, np.zeros(SHAPE, np.uint8), body, replace(RUN, region=why))
    assert worse(findings) == {"wrong-region"} and not any(f.structure for f in findings)


def test_findings_about_single_structures_stay_apart_unless_the_whole_is_doubtful() -> None:
    singles = [Finding("structure-absent", Severity.WARNING, "", structure=name) for name in NAMES[:4]]
    assert summed_up(singles) == singles
    one = summed_up([*singles, Finding("few-organs", Severity.WARNING, "")])
    assert [f.code for f in one] == ["few-organs", "unreliable-labels"] and one[1].numbers["structures"] == 4
