"""The contrast phase is told from HU that a painter put there, on an oblique, anisotropic grid."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.phase import Phase, check_phase, estimate_phase, measure_enhancement, stated_phase
from segmentation.placed import place_structures
from segmentation.scan_facts import ScanFacts
from segmentation.training_domain import TrainingDomain
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from tests.conftest import rotation

PORTAL_MODEL = TrainingDomain(phases=("portal venous",))
BOXES = {
    "aorta": ((0, 30), (30, 36), (38, 44)),
    "portal and splenic vein": ((18, 26), (22, 27), (24, 50)),
    "inferior vena cava": ((0, 30), (30, 36), (28, 34)),
    "liver": ((15, 30), (8, 28), (2, 22)),
    "right kidney": ((3, 14), (32, 46), (8, 22)),
    "left kidney": ((3, 14), (32, 46), (56, 70)),
}
PHASES = {
    Phase.UNENHANCED: (40, 38, 37, 55, 35, 30),
    Phase.ARTERIAL: (320, 140, 60, 75, 210, 90),
    Phase.PORTAL_VENOUS: (150, 165, 120, 110, 190, 150),
}


def scan(values: tuple[int, ...], noise_hu: float = 15.0) -> tuple[np.ndarray, dict]:
    """HU [k, j, i] and structures; the kidneys' inner part is medulla."""
    rng = np.random.default_rng(4)
    shape = (30, 50, 80)
    layer, hu = np.zeros(shape, np.uint8), np.full(shape, -100.0)
    for n, ((name, box), value) in enumerate(zip(BOXES.items(), (*values[:5], values[4]), strict=True), start=1):
        part = tuple(slice(*edges) for edges in box)
        layer[part] = n
        hu[part] = value
        if "kidney" in name:
            hu[tuple(slice(a + 3, b - 3) for a, b in box)] = values[5]
    grid = Grid.from_axes(shape, (10.0, -300.0, 55.0), rotation((6.0, -4.0, 15.0)), (3.0, 3.0, 4.0))
    names = tuple(structure_for(n, name) for n, name in enumerate(BOXES, start=1))
    return hu + rng.normal(0, noise_hu, shape), place_structures(LabelMap(grid, (layer,), names))


@pytest.mark.parametrize("phase", list(PHASES))
def test_each_phase_is_told_by_its_values(phase: Phase) -> None:
    hu, placed = scan(PHASES[phase])
    found = measure_enhancement(hu, placed)
    assert estimate_phase(found) is phase
    assert found.aorta == pytest.approx(PHASES[phase][0], abs=4)
    assert found.portal == pytest.approx(PHASES[phase][1], abs=4)


@pytest.mark.parametrize("phase", [p for p in PHASES if p is not Phase.PORTAL_VENOUS])
def test_a_phase_that_the_model_was_not_trained_on_is_a_warning_with_its_figures(phase: Phase) -> None:
    hu, placed = scan(PHASES[phase])
    (found,) = check_phase(hu, placed, PORTAL_MODEL, "ct_abdomen", ScanFacts())
    assert found.code == "wrong-phase" and phase.value in found.message
    assert found.numbers["aorta_hu"] == pytest.approx(PHASES[phase][0], abs=4)


def test_the_phase_of_training_and_models_that_say_nothing_raise_nothing() -> None:
    hu, placed = scan(PHASES[Phase.PORTAL_VENOUS])
    assert check_phase(hu, placed, PORTAL_MODEL, "m", ScanFacts(words="abdomen portal venous 3.0")) == []
    hu, placed = scan(PHASES[Phase.ARTERIAL])
    assert check_phase(hu, placed, TrainingDomain(), "m", ScanFacts()) == []


def test_excreted_contrast_in_the_renal_pelvis_is_late_and_a_sharp_kernels_noise_is_not() -> None:
    hu, placed = scan((110, 115, 108, 95, 130, 120))
    hu[6:11, 36:42, 12:18] = 900
    assert estimate_phase(measure_enhancement(hu, placed)) is Phase.LATE
    noisy, placed = scan((140, 130, 125, 95, 150, 140), noise_hu=60.0)
    assert estimate_phase(measure_enhancement(noisy, placed)) is Phase.PORTAL_VENOUS


def test_without_an_aorta_no_phase_is_claimed() -> None:
    hu, placed = scan(PHASES[Phase.ARTERIAL])
    placed.pop("aorta")
    assert check_phase(hu, placed, PORTAL_MODEL, "m", ScanFacts()) == []


def test_a_series_that_calls_itself_otherwise_is_pointed_out() -> None:
    hu, placed = scan(PHASES[Phase.PORTAL_VENOUS])
    (found,) = check_phase(hu, placed, PORTAL_MODEL, "m", ScanFacts(words="abd nativ 5.0"))
    assert found.code == "phase-unlike-stated" and "unenhanced" in found.message
    assert stated_phase(ScanFacts(words="liver late arterial")) is Phase.ARTERIAL
    assert stated_phase(ScanFacts(words="abdomen_pelv 5.0 b30f")) is None
