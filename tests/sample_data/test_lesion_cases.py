"""Phantoms with tumours in random places: in the liver, apart, of the sizes asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sample_data.lesion_cases import APART_MM, DIAMETERS_MM, FIRST_SEED, MOST_TUMOURS, lesion_case, main
from sample_data.phantom import make_phantom


def test_tumours_lie_apart_and_have_the_sizes_asked_for() -> None:
    counts = set()
    for seed in range(FIRST_SEED, FIRST_SEED + 3):
        tumours = lesion_case(seed).tumours
        counts.add(len(tumours))
        assert 1 <= len(tumours) <= MOST_TUMOURS
        for n, a in enumerate(tumours):
            assert DIAMETERS_MM[0] <= 2 * a.radius_mm <= DIAMETERS_MM[1]
            for b in tumours[n + 1 :]:
                assert np.linalg.norm(np.subtract(a.center, b.center)) >= a.radius_mm + b.radius_mm + APART_MM
    assert len(counts) > 1
    assert lesion_case(FIRST_SEED).tumours == lesion_case(FIRST_SEED).tumours


def test_every_tumour_is_whole_and_surrounded_by_liver() -> None:
    spec = lesion_case(FIRST_SEED)
    coarse = replace(spec, shape=(60, 96, 96), spacing_mm=(4.0, 4.0, 5.0), noise_hu=0.0)
    phantom = make_phantom(coarse)
    for n, tumour in enumerate(coarse.tumours):
        mask = phantom.labels.mask(f"tumour {n + 1}")
        true_ml = 4 / 3 * np.pi * tumour.radius_mm**3 / 1000
        if tumour.radius_mm > 8:
            assert phantom.labels.volume_ml(phantom.labels.structure(f"tumour {n + 1}")) == pytest.approx(
                true_ml, rel=0.15
            )
        assert mask.any() or tumour.radius_mm < 4


def test_help_says_what_it_writes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "tumours" in capsys.readouterr().out
