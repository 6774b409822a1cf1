from __future__ import annotations

import numpy as np
import pytest

from segmentation.sanity import check_segmentation
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for

NAMES = {"liver": 1, "spleen": 2, "right kidney": 3, "left kidney": 4, "stomach": 5}
EXPECTED = tuple(NAMES)


def healthy() -> np.ndarray:
    """Blocks [k, j, i] of 4 mm voxels: i to the left, j to the back, k to the head."""
    labels = np.zeros((60, 60, 90), dtype=np.uint8)
    labels[35:55, 15:45, 10:45] = 1
    labels[38:50, 30:44, 72:84] = 2
    labels[20:34, 36:46, 22:34] = 3
    labels[20:34, 36:46, 58:70] = 4
    labels[36:50, 14:28, 50:70] = 5
    return labels


def findings(labels: np.ndarray, direction: np.ndarray | None = None) -> dict[str, list[str]]:
    axes = np.eye(3) if direction is None else direction
    grid = Grid.from_axes(labels.shape, (-150.0, -90.0, -400.0), axes, (4.0, 4.0, 4.0))
    names = tuple(structure_for(value, name) for name, value in NAMES.items())
    found: dict[str, list[str]] = {}
    for f in check_segmentation(LabelMap(grid, (labels,), names), EXPECTED):
        found.setdefault(f.code, []).append(f.structure or f.message)
    return found


def test_a_healthy_abdomen_raises_nothing() -> None:
    assert findings(healthy()) == {}


def test_a_flipped_series_is_noticed() -> None:
    found = findings(healthy(), np.diag([-1.0, 1.0, 1.0]))
    assert any("right of" in m for m in found["unusual-position"])
    assert any("behind" in m for m in findings(healthy(), np.diag([1.0, -1.0, 1.0]))["unusual-position"])
    assert any("above" in m for m in findings(healthy(), np.diag([1.0, 1.0, -1.0]))["unusual-position"])


def test_an_oblique_series_of_a_healthy_patient_is_fine() -> None:
    a = np.radians(25)
    turn = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    assert "unusual-position" not in findings(healthy(), turn)


def test_an_organ_at_the_edge_is_a_lower_bound() -> None:
    labels = healthy()
    labels[50:60, 15:45, 10:45] = 1
    assert findings(labels)["cut-by-edge"] == ["liver"]


def test_a_missing_a_tiny_and_a_scattered_organ_are_named() -> None:
    labels = healthy()
    labels[labels == 2] = 0
    labels[labels == 4] = 0
    labels[20, 40, 60:64] = 4
    labels[2:12, 2:12, 60:70] = 3
    found = findings(labels)
    assert found["structure-absent"] == ["spleen"]
    assert found["unusual-volume"] == ["left kidney"]
    assert found["scattered"] == ["right kidney"]


@pytest.mark.parametrize("name", EXPECTED)
def test_volumes_in_findings_are_millilitres(name: str) -> None:
    labels = np.zeros((60, 60, 90), dtype=np.uint8)
    labels[30, 30, 30] = NAMES[name]
    grid = Grid.from_axes(labels.shape, (0, 0, 0), np.eye(3), (4.0, 4.0, 4.0))
    names = tuple(structure_for(value, n) for n, value in NAMES.items())
    volumes = [f for f in check_segmentation(LabelMap(grid, (labels,), names), (name,)) if f.code == "unusual-volume"]
    assert volumes[0].numbers["volume_ml"] == pytest.approx(0.064)
