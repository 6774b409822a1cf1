from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from segmentation import model_source
from segmentation.model_source import ModelSource
from surgtwin.errors import DiskError, ModelError

NEEDED = {"dataset.json": b"{}", "plans.json": b"{}", "fold_0/checkpoint_final.pth": b"weights"}


def write_zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_only_what_a_model_needs_is_copied(tmp_path: Path, write) -> None:
    extra = {
        "m/LICENSE.txt": b"free",
        "m/calibration.json": b"{}",
        "m/fold_0/progress.png": b"x",
        "m/validation/a.nii.gz": b"x",
        "other.txt": b"x",
    }
    source = write(tmp_path / "given", {**{f"m/{name}": content for name, content in NEEDED.items()}, **extra})
    target = tmp_path / "target"
    target.mkdir()
    with ModelSource(source) as given:
        assert given.model_folders() == [PurePosixPath("m")]
        given.copy_model(PurePosixPath("m"), target)
    copied = {f.relative_to(target).as_posix(): f.read_bytes() for f in target.rglob("*") if f.is_file()}
    assert copied == {**NEEDED, "LICENSE.txt": b"free", "calibration.json": b"{}"}


@pytest.mark.parametrize(
    "name", ["../plans.json", "a/../../plans.json", "/etc/plans.json", "C:/plans.json", "a\\..\\plans.json"]
)
def test_a_zip_that_climbs_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="outside its folder"):
        ModelSource(write_zip(tmp_path / "climbs.zip", {**NEEDED, name: b"x"}))


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "link.zip", NEEDED)
    link = zipfile.ZipInfo("fold_1")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(ModelError, match="symbolic link"):
        ModelSource(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_source, "RATIO_FREE_BYTES", 10_000)
    path = write_zip(tmp_path / "bomb.zip", {**NEEDED, "fold_1/a": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="unpacks to"):
        ModelSource(path)


def test_too_much_in_all_and_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "large.zip", NEEDED)
    with monkeypatch.context() as patch:
        patch.setattr(model_source, "MAX_TOTAL_BYTES", 5)
        with pytest.raises(ModelError, match="unpacks to more"):
            ModelSource(path)
    monkeypatch.setattr(model_source, "MAX_ENTRIES", 2)
    with pytest.raises(ModelError, match="more than 2 files"):
        ModelSource(path)


def test_a_size_that_lies_is_noticed_while_unpacking(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "lies.zip", {**NEEDED, "plans.json": b" " * 5000}, zipfile.ZIP_DEFLATED)
    raw = path.read_bytes()
    size = (5000).to_bytes(4, "little")
    assert raw.count(size) == 2
    path.write_bytes(raw.replace(size, (50).to_bytes(4, "little")))
    target = tmp_path / "target"
    target.mkdir()
    with ModelSource(path) as given, pytest.raises(ModelError):
        given.copy_model(PurePosixPath("."), target)
    assert sum(f.stat().st_size for f in target.rglob("*") if f.is_file()) < 1000


def test_names_that_differ_by_case_only_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="twice"):
        ModelSource(write_zip(tmp_path / "twice.zip", {**NEEDED, "PLANS.json": b"{}"}))


@pytest.mark.parametrize("link", ["plans.json", "fold_0", "fold_0/checkpoint_final.pth"])
def test_a_folder_whose_files_are_links_is_refused(tmp_path: Path, link: str) -> None:
    real = write_folder(tmp_path / "real", NEEDED)
    given = write_folder(tmp_path / "given", {n: c for n, c in NEEDED.items() if not n.startswith(link)})
    (given / link).parent.mkdir(exist_ok=True)
    (given / link).symlink_to(real / link)
    with pytest.raises(ModelError, match="symbolic link"):
        ModelSource(given)


def test_absurd_sizes_and_a_full_disk_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "target"
    target.mkdir()
    source = write_folder(tmp_path / "m", {**NEEDED, "plans.json": json.dumps({"a": "b" * 200}).encode()})
    with ModelSource(source) as given:
        with monkeypatch.context() as patch:
            patch.setattr(model_source, "MAX_JSON_BYTES", 100)
            with pytest.raises(ModelError, match="absurdly large"):
                given.copy_model(PurePosixPath("."), target)
        monkeypatch.setattr(model_source, "SPACE_RESERVE", 1e18)
        with pytest.raises(DiskError):
            given.copy_model(PurePosixPath("."), target)


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_what_is_neither_folder_nor_zip_is_said(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "given").write_bytes(content)
    with pytest.raises(ModelError, match="given"):
        ModelSource(tmp_path / "given")
