"""A simulated scan shows every place where its truth says; what a registration is worth is scored against it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from surgtwin.domain.displacement import DisplacementField
from surgtwin.domain.volume import Modality
from surgtwin.errors import SourceError
from surgtwin.live.scan_simulator import Contrast, ScanSettings, simulate_scan
from surgtwin.live.scan_truth import read_truth, score, truth_of, write_truth
from tests.live.two_scans import MIDDLE, twin_of
from tests.registration.bodies import inner_points

QUIET = {"noise": 0.0}


@pytest.fixture(scope="module")
def twin():
    return twin_of([((-28, 0, 0), 9.0)])


def seen_at(volume, points: np.ndarray) -> np.ndarray:
    kji = volume.grid.to_ijk(points)[:, ::-1].T
    return map_coordinates(volume.values.astype(float), kji, order=1, mode="constant", cval=np.nan)


@pytest.mark.parametrize(
    "settings",
    [
        ScanSettings("breathing", 9.0, **QUIET),
        ScanSettings("insufflation", 12.0, shift_mm=(14.0, -20.0, 8.0), turn_deg=6.0, **QUIET),
        ScanSettings("lift", 8.0, spacing_mm=2.4, shown=0.8, **QUIET),
        ScanSettings("none", 0.0, shift_mm=(0.0, 30.0, 0.0), **QUIET),
    ],
)
def test_every_place_shows_where_the_truth_says(twin, settings: ScanSettings) -> None:
    scan = simulate_scan(twin, settings)
    points = inner_points()
    there, here = seen_at(scan.volume, scan.truth.moved(points)), seen_at(twin.primary, points)
    inside = np.isfinite(there)
    assert inside.mean() > (0.4 if settings.shown < 1 else 0.9)
    assert np.median(np.abs(there - here)[inside]) < 12.0, "of a body from -90 to 220, with noise of 8"
    unmoved = seen_at(scan.volume, points)
    both = inside & np.isfinite(unmoved)
    assert np.abs(there - here)[both].mean() < 0.6 * np.abs(unmoved - here)[both].mean()


def test_the_place_that_moves_most_goes_as_far_as_asked(twin) -> None:
    scan = simulate_scan(twin, ScanSettings("breathing", 9.0, **QUIET))
    assert scan.truth.lengths_mm.max() == pytest.approx(9.0, rel=0.05)
    at_middle = scan.truth.at(MIDDLE[None])[0]
    assert at_middle[2] < -7.0 and at_middle[1] < 0 and abs(at_middle[0]) < 0.1, "to the feet, and forward"
    assert scan.truth.jacobian().min() > 0.2


def test_the_same_seed_gives_the_same_scan_and_another_other_noise(twin) -> None:
    a, b, c = (simulate_scan(twin, ScanSettings(noise=20.0, seed=s)).volume for s in (3, 3, 4))
    assert np.array_equal(a.values, b.values)
    assert (a.values.astype(float) - c.values).std() == pytest.approx(20.0 * 2**0.5, rel=0.05)
    assert a.source.content_sha256 == b.source.content_sha256 != c.source.content_sha256


def test_other_scanners_show_other_values_of_the_same_patient(twin) -> None:
    ct, beam, mr = (simulate_scan(twin, ScanSettings(contrast=c, **QUIET)).volume for c in Contrast)
    assert (ct.modality, beam.modality, mr.modality) == (Modality.CT, Modality.CT, Modality.MR)
    assert mr.values.min() >= 0 and mr.patient == twin.patient
    assert beam.values[tuple(n // 2 for n in beam.values.shape)] < ct.values[tuple(n // 2 for n in ct.values.shape)]


def test_truth_is_kept_aside_and_scores_a_registration(twin, tmp_path: Path) -> None:
    scan = simulate_scan(twin, ScanSettings("breathing", 9.0, **QUIET))
    write_truth(tmp_path / "truth.json", truth_of(twin, scan), 1)
    revision, truths = read_truth(tmp_path / "truth.json")
    assert revision == 1 and [t.structure for t in truths] == ["liver", "liver tumour"]
    perfect, idle = score(truths, scan.truth), score(truths, DisplacementField.still(scan.truth.grid))
    for done, undone in zip(perfect, idle, strict=True):
        assert done.max_mm < 1e-3
        assert undone.mean_mm == undone.still_mean_mm == pytest.approx(done.still_mean_mm)
        assert 2.0 < undone.mean_mm <= undone.p95_mm <= 9.1


@pytest.mark.parametrize(
    "wrong",
    [
        {"motion": "sneeze"},
        {"amount_mm": float("nan")},
        {"amount_mm": 500.0},
        {"noise": -1.0},
        {"shown": 0.0},
        {"spacing_mm": 0.0},
        {"shift_mm": (0.0, float("inf"), 0.0)},
        {"turn_deg": 90.0},
    ],
)
def test_absurd_scans_are_refused(wrong: dict) -> None:
    with pytest.raises(SourceError):
        ScanSettings(**wrong)


def test_a_motion_that_folds_is_refused(twin) -> None:
    with pytest.raises(SourceError, match="fold"):
        simulate_scan(twin, ScanSettings("breathing", 110.0))


@pytest.mark.parametrize("content", ["", "{}", '{"kind": "surgtwin-scan-truth", "version": 2}', "[" * 99_999, "[1]"])
def test_a_file_that_is_no_truth_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(SourceError):
        read_truth(path)
    with pytest.raises(SourceError):
        read_truth(tmp_path / "none.json")
    one = {"name": "liver", "before_mm": [[0, 0, 0]], "after_mm": [[0, 0, 0], [1, 1, 1]]}
    path.write_text(json.dumps({"kind": "surgtwin-scan-truth", "version": 1, "revision": 1, "structures": [one]}))
    with pytest.raises(SourceError, match="pair up"):
        read_truth(path)
