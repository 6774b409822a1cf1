from __future__ import annotations

import dataclasses
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from twin_samples import PATIENT, differences, sample_grid, sample_labels, sample_twin, with_moved_liver

from surgtwin.domain.twin import RevisionState, Twin, TwinImage
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.errors import Cancelled, TwinError, TwinExistsError, TwinLockedError
from surgtwin.progress import Progress
from surgtwin.store.case_id import new_case_id
from surgtwin.store.journal import read_events, read_state
from surgtwin.store.layout import is_twin
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter


def blob_names(twin: Path) -> list[str]:
    return sorted(p.name for p in (twin / "blobs").rglob("*") if p.is_file())


def test_a_saved_twin_loads_equal_in_every_field(saved: Path) -> None:
    assert differences(sample_twin(), load_twin(saved)) == []


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.int32, np.float32])
def test_values_of_every_type_come_back_in_their_type(tmp_path: Path, dtype: type) -> None:
    twin = sample_twin()
    values = np.arange(np.prod(twin.primary.grid.shape)).reshape(twin.primary.grid.shape).astype(dtype)
    volume = dataclasses.replace(twin.primary, values=values)
    twin = dataclasses.replace(twin, images=(TwinImage("image-1", "primary", volume), twin.images[1]))
    save_twin(twin, tmp_path / "a.twin")
    assert differences(twin, load_twin(tmp_path / "a.twin")) == []


def test_views_that_are_not_contiguous_are_saved_by_their_values(tmp_path: Path) -> None:
    twin = sample_twin()
    values = np.asfortranarray(twin.primary.values)[:, ::-1, :]
    volume = dataclasses.replace(twin.primary, values=values)
    twin = dataclasses.replace(twin, images=(TwinImage("image-1", "primary", volume), twin.images[1]))
    save_twin(twin, tmp_path / "a.twin")
    assert np.array_equal(load_twin(tmp_path / "a.twin").primary.values, values)


def test_big_arrays_are_hashed_on_a_second_thread_with_the_same_result(tmp_path: Path) -> None:
    grid = sample_grid((40, 520, 512))
    values = np.random.default_rng(0).integers(-9, 9, grid.shape, dtype=np.int16)
    volume = Volume(grid, values, Modality.CT, SourceInfo("synthetic", ""))
    labels = dataclasses.replace(
        sample_labels(sample_grid()), grid=grid, layers=(np.zeros(grid.shape, np.uint8),) * 2, structures=()
    )
    twin = dataclasses.replace(
        sample_twin(), images=(TwinImage("image-1", "primary", volume),), labels=labels, meshes=()
    )
    save_twin(twin, tmp_path / "a.twin")
    assert np.array_equal(load_twin(tmp_path / "a.twin").primary.values, values)
    assert verify_twin(tmp_path / "a.twin").ok


def test_loaded_arrays_are_read_only(saved: Path) -> None:
    twin = load_twin(saved)
    arrays = [twin.primary.values, *twin.labels.layers, twin.meshes[0].vertices_mm, twin.meshes[0].triangles]
    assert not any(array.flags.writeable for array in arrays)


def test_the_same_twin_saved_twice_has_the_same_blobs(tmp_path: Path) -> None:
    save_twin(sample_twin(), tmp_path / "a.twin")
    save_twin(sample_twin(), tmp_path / "b.twin")
    assert blob_names(tmp_path / "a.twin") == blob_names(tmp_path / "b.twin")


def test_a_twin_with_nothing_optional_survives(tmp_path: Path) -> None:
    full = sample_twin()
    grid = full.primary.grid
    bare = Volume(grid, full.primary.values, Modality.OTHER, SourceInfo("synthetic", ""))
    labels = dataclasses.replace(full.labels, layers=(np.zeros(grid.shape, np.uint8),), structures=())
    twin = Twin(new_case_id(), (TwinImage("image-1", "primary", bare),), labels, (), full.revision, full.provenance)
    save_twin(twin, tmp_path / "a.twin")
    assert differences(twin, load_twin(tmp_path / "a.twin")) == []


def test_a_twin_at_rest_is_copied_by_plain_copying_and_zipping(saved: Path, tmp_path: Path) -> None:
    with TwinWriter(saved) as writer:
        writer.append(with_moved_liver(writer.twin, 2.0), "moved")
    expected = load_twin(saved)
    shutil.copytree(saved, tmp_path / "copy.twin")
    shutil.make_archive(str(tmp_path / "packed"), "zip", saved)
    zipfile.ZipFile(tmp_path / "packed.zip").extractall(tmp_path / "unzipped.twin")
    assert not (saved / "twin.sqlite-wal").exists()
    assert differences(expected, load_twin(tmp_path / "copy.twin")) == []
    assert differences(expected, load_twin(tmp_path / "unzipped.twin")) == []


def test_no_file_is_named_after_the_patient(saved: Path) -> None:
    names = " ".join(str(p.relative_to(saved)) for p in saved.rglob("*"))
    assert not any(part in names for part in (PATIENT.patient_id, "Doe", PATIENT.birth_date))


def test_an_existing_twin_is_kept_unless_overwriting_is_asked_for(saved: Path) -> None:
    with pytest.raises(TwinExistsError, match="replace it"):
        save_twin(sample_twin(seed=2), saved)
    assert differences(sample_twin(), load_twin(saved)) == []
    save_twin(sample_twin(seed=2), saved, overwrite=True)
    assert differences(sample_twin(seed=2), load_twin(saved)) == []
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("content", ["folder", "empty folder", "file", "foreign database"])
def test_what_is_not_a_twin_is_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "holiday pictures"
    if content == "file":
        path.write_text("keep me")
    else:
        path.mkdir()
    if content == "folder":
        (path / "twin.sqlite").write_text("keep me")
    if content == "foreign database":
        import sqlite3

        connection = sqlite3.connect(path / "twin.sqlite")
        connection.execute("CREATE TABLE events (seq)")
        connection.close()
    before = sorted(p.name for p in path.rglob("*"))
    with pytest.raises(TwinExistsError, match="not a twin"):
        save_twin(sample_twin(), path, overwrite=True)
    assert path.exists() and sorted(p.name for p in path.rglob("*")) == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_twin_that_is_open_to_write_is_not_replaced(saved: Path) -> None:
    with TwinWriter(saved), pytest.raises(TwinLockedError):
        save_twin(sample_twin(seed=2), saved, overwrite=True)
    assert differences(sample_twin(), load_twin(saved)) == []
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_without_an_atomic_exchange_the_old_twin_is_moved_aside(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surgtwin.store.replace_folder._exchange", lambda a, b: False)
    save_twin(sample_twin(seed=2), saved, overwrite=True)
    assert differences(sample_twin(seed=2), load_twin(saved)) == []
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_a_replacement_killed_between_its_two_moves_is_finished_by_the_next_reader(saved: Path) -> None:
    saved.rename(saved.with_name(f"{saved.name}.old-0123456789abcdef"))
    assert differences(sample_twin(), load_twin(saved)) == []


def test_leftovers_of_killed_saves_are_removed_and_strangers_kept(saved: Path) -> None:
    abandoned = saved.with_name(f"{saved.name}.tmp-0123456789abcdef")
    shutil.copytree(saved, abandoned)
    (abandoned / "writer.lock").touch()
    stranger = saved.with_name(f"{saved.name}.tmp-mine")
    stranger.mkdir()
    (stranger / "notes.txt").write_text("keep me")
    save_twin(sample_twin(seed=2), saved, overwrite=True)
    assert not abandoned.exists() and stranger.exists()


def test_cancelling_leaves_nothing_behind(tmp_path: Path) -> None:
    calls = iter(range(1000))
    progress = Progress(is_cancelled=lambda: next(calls) >= 3)
    with pytest.raises(Cancelled):
        save_twin(sample_twin(), tmp_path / "a.twin", progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_progress_runs_from_start_to_end_without_going_back(saved: Path, tmp_path: Path) -> None:
    for work in (
        lambda p: save_twin(sample_twin(), tmp_path / "b.twin", progress=p),
        lambda p: load_twin(saved, progress=p),
    ):
        seen: list[float] = []
        work(Progress(lambda done, stage, seen=seen: seen.append(done)))
        assert seen == sorted(seen) and seen[0] >= 0.0 and seen[-1] <= 1.0 and len(seen) > 3


def test_what_is_no_twin_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "missing.twin", tmp_path / "folder"):
        assert not is_twin(path)
        with pytest.raises(TwinError):
            load_twin(path)


def test_a_twin_is_recognised(saved: Path) -> None:
    assert is_twin(saved) and not is_twin(saved / "blobs")


def test_a_missing_revision_is_refused_and_those_there_are_named(saved: Path) -> None:
    with pytest.raises(TwinError, match="revision 7; there are: 1"):
        load_twin(saved, revision=7)


def test_reading_writes_nothing_into_the_folder(saved: Path) -> None:
    def listing() -> list[tuple[str, int, int]]:
        return sorted((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in [saved, *saved.rglob("*")])

    before = listing()
    load_twin(saved)
    read_events(saved)
    verify_twin(saved)
    assert listing() == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_read_only_folder_is_read(saved: Path) -> None:
    saved.chmod(0o555)
    try:
        assert differences(sample_twin(), load_twin(saved)) == []
    finally:
        saved.chmod(0o755)


def test_a_saved_copy_of_a_later_revision_keeps_its_number(saved: Path, tmp_path: Path) -> None:
    with TwinWriter(saved) as writer:
        writer.append(with_moved_liver(writer.twin, 2.0), "moved")
    loaded = load_twin(saved)
    save_twin(loaded, tmp_path / "copy.twin")
    copy = load_twin(tmp_path / "copy.twin")
    assert differences(loaded, copy) == [] and copy.revision.number == 2


def test_what_provenance_cannot_keep_is_refused_with_its_place(tmp_path: Path) -> None:
    twin = sample_twin()
    odd = dataclasses.replace(twin.provenance, settings={"smoothing": {"kernel": object()}})
    with pytest.raises(TwinError, match="settings: smoothing: kernel"):
        save_twin(dataclasses.replace(twin, provenance=odd), tmp_path / "a.twin")
    assert list(tmp_path.iterdir()) == []


def test_case_ids_are_readable_and_do_not_repeat() -> None:
    ids = {new_case_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(len(i) == 14 and i.startswith("case-") and not set(i[5:]) & set("01IO") for i in ids)


def test_the_state_is_read_without_arrays(saved: Path) -> None:
    state = read_state(saved)
    assert state.case_id == "case-7F3K-92QD" and state.current == 1
    assert state.revision().revision.state is RevisionState.ACCEPTED


def test_the_reader_shown_in_the_documentation_reads_a_twin(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "twin-format.md").read_text(encoding="utf-8")
    section = text.split("## Read one in a minute")[1].split("If `twin.sqlite-wal`")[0]
    code = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    names: dict[str, object] = {}
    monkeypatch.chdir(saved.parent)
    saved.rename("NAME.twin")
    exec(code, names)  # noqa: S102 - our own documentation
    names["db"].close()
    twin = sample_twin()
    assert np.array_equal(names["values"], twin.primary.values)
    assert np.array_equal(names["layer"], twin.labels.layers[0])
    assert np.array_equal(names["lps_from_ijk"], twin.primary.grid.lps_from_ijk)
