"""A tip's place is found from poses around a resting tip, with its error; what can't tell it is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from surgtwin.errors import GeometryError
from surgtwin.registration.pivot import fit_pivot

TIP, PIVOT = np.array([2.5, -17.0, 142.0]), np.array([-310.0, 45.0, -1180.0])


def poses(count=200, cone_deg=35.0, noise_mm=0.0, noise_deg=0.0, seed=1, spin=True) -> np.ndarray:
    """A tool whose tip rests, its handle swung in a cone, as a hand does."""
    rng = np.random.default_rng(seed)
    around = np.linspace(0, 6 * np.pi, count)
    tilt = np.radians(cone_deg) * rng.uniform(0.2, 1.0, count)
    vectors = np.stack([tilt * np.cos(around), tilt * np.sin(around), 0.4 * np.sin(around / 3) * spin], axis=-1)
    base = Rotation.from_euler("xyz", (70, -20, 130), degrees=True)
    turns = base * Rotation.from_rotvec(vectors)
    turns = Rotation.from_rotvec(np.radians(noise_deg) * rng.normal(size=(count, 3))) * turns
    matrices = np.tile(np.eye(4), (count, 1, 1))
    matrices[:, :3, :3] = turns.as_matrix()
    matrices[:, :3, 3] = PIVOT - matrices[:, :3, :3] @ TIP + noise_mm * rng.normal(size=(count, 3))
    return matrices


def test_exact_poses_give_the_exact_tip() -> None:
    fit = fit_pivot(poses(30))
    assert fit.tip_mm == pytest.approx(TIP, abs=1e-6)
    assert fit.pivot_mm == pytest.approx(PIVOT, abs=1e-6)
    assert (fit.rms_mm, fit.tip_error_mm, fit.left_out) == (
        pytest.approx(0, abs=1e-6),
        pytest.approx(0, abs=1e-6),
        0,
    )


def test_the_stated_error_is_the_error_that_is_made() -> None:
    """Over many noisy calibrations the tip misses by what each of them predicts."""
    fits = [fit_pivot(poses(120, noise_mm=0.25, seed=n)) for n in range(60)]
    made = np.sqrt(np.mean([np.sum((np.asarray(f.tip_mm) - TIP) ** 2) for f in fits]))
    stated = np.sqrt(np.mean([f.tip_error_mm**2 for f in fits]))
    assert stated == pytest.approx(made, rel=0.3)
    assert np.mean([f.rms_mm for f in fits]) == pytest.approx(0.25 * np.sqrt(3), rel=0.1)


def test_a_tip_that_slipped_for_a_moment_is_left_out() -> None:
    matrices = poses(150, noise_mm=0.1)
    matrices[40:55, :3, 3] += (4.0, -6.0, 3.0)
    fit = fit_pivot(matrices)
    assert fit.left_out == 15
    assert np.linalg.norm(np.asarray(fit.tip_mm) - TIP) < 0.2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (poses(9), "At least 10 poses"),
        (poses(100, cone_deg=4.0, spin=False), "turned by"),
        (np.full((20, 4, 4), np.nan), "not finite or not rigid"),
        (poses(20) * np.diag([2.0, 1, 1, 1]), "not finite or not rigid"),
        (poses(100, noise_mm=40.0), "uncertain by|do not fit"),
    ],
)
def test_what_cannot_tell_a_tip_is_refused(given, says) -> None:
    with pytest.raises(GeometryError, match=says):
        fit_pivot(given)


def test_a_tool_turned_about_one_axis_alone_is_refused() -> None:
    matrices = np.tile(np.eye(4), (50, 1, 1))
    matrices[:, :3, :3] = Rotation.from_rotvec(np.outer(np.linspace(-1, 1, 50), (0, 0, 1))).as_matrix()
    matrices[:, :3, 3] = PIVOT - matrices[:, :3, :3] @ TIP
    with pytest.raises(GeometryError, match="two axes"):
        fit_pivot(matrices)


def test_a_tip_that_wanders_all_the_time_is_refused() -> None:
    matrices = poses(100)
    matrices[:, :3, 3] += np.linspace(0, 60, 100)[:, None] * np.array([1.0, 0.5, -0.3])
    with pytest.raises(GeometryError, match="did not rest"):
        fit_pivot(matrices)
