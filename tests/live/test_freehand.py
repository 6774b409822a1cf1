"""A sweep of tracked pictures becomes a volume that shows the body where it is; what can't be placed is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surgtwin.errors import MemoryLimitError, SourceError
from surgtwin.live.compounding import Compound, fill_holes
from surgtwin.live.freehand import Freehand, FreehandSettings, reconstruct
from surgtwin.live.probe_calibration import Fan
from surgtwin.live.sequence_file import Recording
from tests.conftest import rotation
from tests.live.sweeps import DEEP, WIDE, brightness, calibration, sweep

STEEPEST = 120.0 / 8.0 * np.exp(-0.5) + 1.0
"""Of the body's brightness, a mm."""
FURTHEST = STEEPEST * np.sqrt(3.0) + 1.0
"""No voxel of 1 mm takes a pixel from beyond its neighbours; whole numbers are rounded twice."""


def registered() -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((8.0, -20.0, 15.0))
    matrix[:3, 3] = (-40.0, 210.0, -77.0)
    return matrix


def errors_of(found: Freehand, lps_from_reference: np.ndarray) -> np.ndarray:
    """Brightness shown less the body's, at the middles of voxels that show something."""
    k, j, i = np.nonzero(found.volume.values)
    places = found.volume.grid.to_lps(np.stack([i, j, k], axis=-1))
    reference_from_lps = np.linalg.inv(lps_from_reference)
    truth = brightness(places @ reference_from_lps[:3, :3].T + reference_from_lps[:3, 3])
    return found.volume.values[k, j, i].astype(float) - truth


@pytest.mark.parametrize("how", list(Compound))
def test_every_voxel_shows_the_body_where_it_lies_in_the_patient(how: Compound) -> None:
    way = registered()
    settings = FreehandSettings(lps_from_reference=way, spacing_mm=1.0, compound=how)
    found = reconstruct(sweep(), calibration(), settings)
    off = errors_of(found, way)
    assert np.abs(off).max() < FURTHEST
    assert np.abs(off).mean() < (4.0 if how is Compound.MAX else 1.5)
    assert found.seen + found.filled + found.unseen == found.volume.values.size
    sides = np.array([WIDE * 0.4, DEEP * 0.5, 31 * 0.7])
    assert 0.9 * np.prod(sides) < found.seen < np.prod(sides + 3), "the box that was swept, and a voxel around it"


def test_the_body_is_not_shifted_by_a_part_of_a_voxel() -> None:
    way = registered()
    found = reconstruct(sweep(), calibration(), FreehandSettings(lps_from_reference=way, spacing_mm=1.0))
    k, j, i = np.nonzero(found.volume.values)
    places = found.volume.grid.to_lps(np.stack([i, j, k], axis=-1)) @ np.linalg.inv(way)[:3, :3].T
    places += np.linalg.inv(way)[:3, 3]
    step = 1e-3
    slopes = np.stack([brightness(places + step * e) - brightness(places - step * e) for e in np.eye(3)], axis=-1)
    shift = np.linalg.lstsq(slopes / (2 * step), errors_of(found, way), rcond=None)[0]
    assert np.abs(shift).max() < 0.2


def test_without_a_registration_the_tracker_is_taken_as_ras() -> None:
    found = reconstruct(sweep(), calibration(), FreehandSettings(spacing_mm=1.0))
    assert np.abs(errors_of(found, np.diag([-1.0, -1.0, 1.0, 1.0]))).max() < FURTHEST
    assert found.volume.grid.axis_codes == "RAS"


def test_the_trackers_own_frame_can_be_asked_for() -> None:
    recording = sweep()
    tracker = recording.frames[0].matrices["ReferenceToTracker"]
    settings = FreehandSettings(reference="Tracker", lps_from_reference=np.eye(4), spacing_mm=1.0)
    found = reconstruct(recording, calibration(), settings)
    assert np.abs(errors_of(found, tracker)).max() < FURTHEST


@pytest.mark.parametrize(("letters", "flip"), [("UFA", (1, -1)), ("MNA", (-1, 1)), ("UND", (-1, -1))])
def test_pictures_stored_the_other_way_round_show_the_same_body(letters: str, flip: tuple[int, int]) -> None:
    upright = sweep()
    stored = replace(upright, images=upright.images[:, :, :: flip[0], :: flip[1]], orientation=letters)
    settings = FreehandSettings(spacing_mm=1.0)
    a, b = (reconstruct(r, calibration(), settings).volume for r in (upright, stored))
    assert np.array_equal(a.values, b.values)


def test_pictures_of_a_probe_that_was_not_seen_are_left_out_and_counted() -> None:
    recording = sweep()
    frames = list(recording.frames)
    for n in (3, 17):
        frames[n] = replace(frames[n], matrices={"ReferenceToTracker": np.eye(4)}, lost=frozenset({"ProbeToTracker"}))
    frames[9] = replace(frames[9], has_image=False)
    glitch = frames[20].matrices["ProbeToTracker"].copy()
    glitch[:3, 3] += 4000.0
    frames[20] = replace(frames[20], matrices={**frames[20].matrices, "ProbeToTracker": glitch})
    jump = frames[25].matrices["ProbeToTracker"].copy()
    jump[:3, 3] += (0, 0, 150.0)
    frames[25] = replace(frames[25], matrices={**frames[25].matrices, "ProbeToTracker": jump})
    found = reconstruct(replace(recording, frames=tuple(frames)), calibration(), FreehandSettings(spacing_mm=1.0))
    assert found.places.left_out == {"no image": 1, "not seen": 2, "jumped": 2}
    assert {3, 9, 17, 20, 25}.isdisjoint(f.number for f in found.places.frames)
    assert max(found.volume.grid.size_ijk) < 60, "a jump must not blow the volume up"
    assert next(f.code for f in found.volume.findings if f.severity == "warning") == "freehand-left-out"
    assert np.abs(errors_of(found, np.diag([-1.0, -1.0, 1.0, 1.0]))).max() < FURTHEST


def test_gaps_between_pictures_are_filled_no_wider_than_asked() -> None:
    recording, way = sweep(step_mm=3.0, count=11), np.eye(4)
    none = reconstruct(recording, calibration(), FreehandSettings(spacing_mm=0.5, fill_mm=0, lps_from_reference=way))
    some = reconstruct(recording, calibration(), FreehandSettings(spacing_mm=0.5, fill_mm=2, lps_from_reference=way))
    assert none.filled == 0 and some.seen == none.seen
    assert some.filled > 0.5 * some.seen
    assert np.abs(errors_of(some, way)).max() < FURTHEST
    assert any(f.code == "freehand-gap" for f in reconstruct(
        sweep(step_mm=9.0, count=4), calibration(), FreehandSettings(spacing_mm=0.5)
    ).volume.findings)  # fmt: skip


def test_a_hole_is_closed_and_the_space_beside_the_sweep_is_not() -> None:
    seen = np.zeros((20, 21, 22), dtype=bool)
    seen[4:16, 4:16, 4:16] = True
    seen[9:11] = False
    values = np.where(seen, np.float32(7), np.float32(0))
    filled, holes = fill_holes(values, seen, 3.0)
    assert holes[9:11, 6:14, 6:14].all()
    assert not holes[:4].any() and not holes[16:].any() and not holes[:, :4].any()
    assert filled[holes] == pytest.approx(7.0, rel=1e-5)
    assert np.array_equal(filled[seen], values[seen])


def test_what_lies_in_the_pictures_planes_stays_sharp_in_the_gap_between_them() -> None:
    seen = np.zeros((15, 24, 24), dtype=bool)
    seen[[3, 7, 11]] = True
    stripes = np.where(np.arange(24) % 6 < 3, np.float32(200), np.float32(20))
    values = np.where(seen, stripes[None, None, :], np.float32(0)).astype(np.float32)
    values[11] *= 2
    filled, holes = fill_holes(values, seen, 3.0)
    assert holes[4:7, 4:20, 4:20].all() and holes[8:11, 4:20, 4:20].all()
    assert filled[5, 12, 4:20] == pytest.approx(stripes[4:20])
    assert filled[8, 12, 4:20] == pytest.approx(1.25 * stripes[4:20]), "a quarter of the way to the brighter picture"


def test_the_latest_and_the_brightest_picture_win_where_they_are_asked_for() -> None:
    recording = sweep(count=2, step_mm=0.0)
    images = np.stack([np.full((1, DEEP, WIDE), v, dtype=np.uint8) for v in (200, 80)])
    recording = replace(recording, images=images, frames=(recording.frames[0],) * 2)
    wanted = {Compound.MEAN: 140, Compound.MAX: 200, Compound.LAST: 80}
    for how, value in wanted.items():
        found = reconstruct(recording, calibration(), FreehandSettings(spacing_mm=1.0, compound=how, fill_mm=0))
        assert set(np.unique(found.volume.values[found.volume.values > 0])) == {value}


def test_what_the_picture_does_not_show_is_not_taken_for_black_tissue() -> None:
    recording = sweep()
    images = recording.images.copy()
    images[..., :20] = 0
    masked = replace(recording, images=images)
    shown = reconstruct(masked, calibration(), FreehandSettings(spacing_mm=1.0, fill_mm=0))
    kept = reconstruct(masked, calibration(), FreehandSettings(spacing_mm=1.0, fill_mm=0, leave_blank_out=False))
    clipped = reconstruct(
        recording, calibration(clip=(20, 0, WIDE - 20, DEEP)), FreehandSettings(spacing_mm=1.0, fill_mm=0)
    )
    assert np.array_equal(shown.volume.values, clipped.volume.values)
    assert kept.seen > 1.3 * shown.seen
    fan = Fan((WIDE / 2, -10.0), (15.0, 50.0), (-20.0, 20.0))
    in_fan = reconstruct(recording, calibration(fan=fan), FreehandSettings(spacing_mm=1.0, fill_mm=0))
    share = np.radians(40.0) / 2 * (50.0**2 - 15.0**2) / (WIDE * DEEP)
    whole = reconstruct(recording, calibration(), FreehandSettings(spacing_mm=1.0, fill_mm=0))
    assert in_fan.seen / whole.seen == pytest.approx(share, rel=0.2)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda r: replace(r, images=None), "only poses"),
        (lambda r: replace(r, orientation="FMA"), "orientation"),
        (lambda r: replace(r, images=np.zeros_like(r.images)), "blank"),
        (lambda r: replace(r, images=np.repeat(r.images, 2, axis=1)), "volumes"),
        (lambda r: replace(r, frames=tuple(replace(f, has_image=False) for f in r.frames)), "only poses"),
    ],
)
def test_a_recording_without_usable_pictures_is_refused(spoil, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        reconstruct(spoil(sweep(count=4)), calibration())


def test_a_missing_calibration_or_reference_is_named() -> None:
    recording: Recording = sweep(count=3)
    with pytest.raises(SourceError, match="probe's calibration"):
        reconstruct(recording)
    with pytest.raises(SourceError, match="'Phantom'"):
        reconstruct(recording, calibration(), FreehandSettings(reference="Phantom"))


def test_a_calibration_in_the_recording_itself_is_used() -> None:
    recording = sweep()
    matrix = calibration().transforms[("Image", "Probe")]
    frames = tuple(replace(f, matrices={**f.matrices, "ImageToProbe": matrix}) for f in recording.frames)
    a = reconstruct(replace(recording, frames=frames), None, FreehandSettings(spacing_mm=1.0))
    b = reconstruct(recording, calibration(), FreehandSettings(spacing_mm=1.0))
    assert np.array_equal(a.volume.values, b.volume.values)


@pytest.mark.parametrize("wrong", [{"spacing_mm": 0.0}, {"spacing_mm": float("nan")}, {"fill_mm": -1.0}])
def test_absurd_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SourceError):
        FreehandSettings(**wrong)  # type: ignore[arg-type]


def test_a_volume_beyond_memory_is_refused_before_it_is_made(monkeypatch) -> None:
    import psutil

    monkeypatch.setattr(psutil, "virtual_memory", type("free", (), {"available": 1 << 20}))
    with pytest.raises(MemoryLimitError, match="larger spacing"):
        reconstruct(sweep(), calibration(), FreehandSettings(spacing_mm=0.25))
