"""Recordings are read with their poses, statuses, times and images, and refused where they contradict themselves."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.errors import FormatError
from surgtwin.live.sequence_file import read_sequence
from tests.live.recordings import frame_fields, pictures, pose, write_mha, write_nrrd


def test_poses_statuses_times_and_images_come_out_as_they_went_in(tmp_path) -> None:
    recording = read_sequence(write_mha(tmp_path / "a.igs.mha", pictures(3), frame_fields(3, lost=(1,))))
    assert recording.names == ("ProbeToTracker", "StylusToTracker")
    assert [f.time_s for f in recording.frames] == pytest.approx([100.0, 100.05, 100.1])
    assert recording.gap_s == pytest.approx(0.05)
    assert recording.frames[2].matrices["ProbeToTracker"] == pytest.approx(pose(2))
    assert [f.lost for f in recording.frames] == [frozenset(), {"StylusToTracker"}, frozenset()]
    assert "StylusToTracker" not in recording.frames[1].matrices
    assert np.array_equal(recording.images, pictures(3))
    assert recording.frame_from_ijk @ [2, 4, 0, 1] == pytest.approx([1.5, 4.0, 0, 1])
    assert recording.orientation == "MFA"


def test_nrrd_holds_the_same(tmp_path) -> None:
    recording = read_sequence(write_nrrd(tmp_path / "a.igs.nrrd", pictures(3), frame_fields(3, lost=(0,))))
    assert np.array_equal(recording.images, pictures(3))
    assert recording.frames[0].lost == {"StylusToTracker"}
    assert recording.frames[1].matrices["StylusToTracker"] == pytest.approx(pose(1, 30.0))
    assert recording.orientation == "MFA"


def test_a_recording_of_poses_alone_has_no_images(tmp_path) -> None:
    recording = read_sequence(write_mha(tmp_path / "a.igs.mha", None, frame_fields(4)))
    assert recording.images is None
    assert not any(f.has_image for f in recording.frames)
    assert len(recording.frames) == 4


def test_an_image_that_is_invalid_is_no_image(tmp_path) -> None:
    fields = frame_fields(2) | {"Seq_Frame0001_ImageStatus": "INVALID"}
    recording = read_sequence(write_mha(tmp_path / "a.igs.mha", pictures(2), fields))
    assert [f.has_image for f in recording.frames] == [True, False]


def test_volumes_and_colours_keep_their_axes(tmp_path) -> None:
    values = np.arange(2 * 3 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 1, 3 * 4, 5 * 3)
    sizes = {"NDims": "4", "DimSize": "5 4 3 2", "ElementNumberOfChannels": "3"}
    more = {"ElementSpacing": "1 1 2 1", "Offset": "0 0 0 0", "TransformMatrix": " ".join(map(str, np.eye(4).ravel()))}
    recording = read_sequence(write_mha(tmp_path / "a.igs.mha", values, frame_fields(2), **sizes, **more))
    assert recording.images.shape == (2, 3, 4, 5, 3)
    assert recording.images[1, 2, 3, 4, 2] == values.ravel()[-1]
    assert recording.frame_from_ijk[2, 2] == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Seq_Frame0001_Timestamp": "99"}, "runs backwards"),
        ({"Seq_Frame0001_Timestamp": "soon"}, "finite number"),
        ({"Seq_Frame0001_Timestamp": "nan"}, "finite number"),
        ({"Seq_Frame0001_ProbeToTrackerTransform": "1 0 0"}, "16 finite numbers"),
        ({"Seq_Frame0001_ProbeToTrackerTransform": "nan " * 16}, "16 finite numbers"),
        ({"Seq_Frame0001_ProbeToTrackerTransform": "0 " * 15 + "1"}, "no transform"),
        ({"Seq_Frame0007_Timestamp": "101"}, "describes 4"),
    ],
)
def test_contradictions_are_refused_and_named(tmp_path, change, says) -> None:
    path = write_mha(tmp_path / "a.igs.mha", pictures(3), frame_fields(3) | change, DimSize="7 5 3")
    with pytest.raises(FormatError, match=says):
        read_sequence(path)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"DimSize": "7 5 4"}, "says it has 4 frames"),
        ({"DimSize": "70000 50000 3"}, "truncated|not plausible|memory"),
        ({"DimSize": "7 5"}, "2 or 3 axes"),
        ({"DimSize": "7 -5 3"}, "broken 'DimSize'"),
        ({"ElementType": "MET_FLOAT_ARRAY"}, "can't be read"),
        ({"ElementNumberOfChannels": "9"}, "9 numbers"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "one plane"),
        ({"ElementSpacing": "1 x 1"}, "broken 'ElementSpacing'"),
    ],
)
def test_headers_that_do_not_fit_are_refused(tmp_path, header, says) -> None:
    path = write_mha(tmp_path / "a.igs.mha", pictures(3), frame_fields(3), **header)
    with pytest.raises(Exception, match=says):
        read_sequence(path)


def test_every_cut_of_a_file_is_noticed(tmp_path) -> None:
    whole = write_mha(tmp_path / "a.igs.mha", pictures(3), frame_fields(3)).read_bytes()
    cut = tmp_path / "cut.igs.mha"
    for length in (*range(0, len(whole), 97), len(whole) - 12):
        cut.write_bytes(whole[:length])
        with pytest.raises(FormatError):
            read_sequence(cut)


def test_a_plain_image_is_no_recording(tmp_path) -> None:
    path = write_mha(tmp_path / "a.mha", pictures(3), {}, DimSize="7 5 3")
    with pytest.raises(FormatError, match="no tracked frames"):
        read_sequence(path)


def test_a_field_that_comes_twice_is_refused(tmp_path) -> None:
    path = write_mha(tmp_path / "a.igs.mha", pictures(1), frame_fields(1))
    path.write_bytes(b"NDims = 3\n" + path.read_bytes())
    with pytest.raises(FormatError, match="'NDims' twice"):
        read_sequence(path)


def test_real_recordings_are_read_whole(real_data) -> None:
    folder = real_data / "igs"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}")
    nwire = read_sequence(folder / "NwirePhantomFreehand.igs.mha")
    assert nwire.names == ("ProbeToTracker", "ReferenceToTracker", "StylusToTracker")
    assert all(f.lost == {"StylusToTracker"} and f.has_image for f in nwire.frames)
    assert nwire.images.shape == (97, 1, 616, 820)
    buffer = read_sequence(folder / "WaterTankBottomTranslationTrackerBuffer.igs.mha")
    assert (len(buffer.frames), buffer.images) == (5000, None)
    assert 1 / buffer.gap_s == pytest.approx(40.1, abs=0.1)
