"""One door for every input."""

from __future__ import annotations

import shutil
import zipfile

import numpy as np
import pytest

from surgtwin.dicom.write import write_series
from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.errors import Cancelled, GeometryError, ImageError, NoSeriesError
from surgtwin.formats.registry import write_labels
from surgtwin.pipeline.images import find_images, open_image
from surgtwin.progress import Progress
from tests.conftest import make_oblique_grid


def make_volume(grid: Grid, seed: int = 0) -> Volume:
    values = np.random.default_rng(seed).integers(-1000, 400, grid.shape, dtype=np.int16)
    return Volume(grid, values, Modality.CT, SourceInfo("synthetic", content_sha256(grid, values)))


@pytest.fixture
def mixed(tmp_path):
    """A folder with a thick and a thin series, a NIfTI file and a text file."""
    thin, thick = make_volume(make_oblique_grid((24, 16, 18))), make_volume(make_oblique_grid((4, 16, 18)), 1)
    write_series(thin, tmp_path / "in" / "a" / "thin", description="thin")
    write_series(thick, tmp_path / "in" / "b", description="thick")
    grid = make_oblique_grid((5, 6, 7))
    write_labels(LabelMap(grid, (np.zeros(grid.shape, np.uint8),), ()), tmp_path / "in" / "other.nii.gz")
    (tmp_path / "in" / "notes.txt").write_text("not an image", encoding="utf-8")
    return tmp_path / "in", thin, thick


def test_everything_in_a_folder_is_found_and_the_best_comes_first(mixed):
    folder, thin, _ = mixed
    found = find_images(folder)
    assert [c.description for c in found.choices] == ["thin", "thick", "other.nii.gz"]
    assert all(c.reasons for c in found.choices)
    assert [s.path.name for s in found.skipped] == ["notes.txt"]
    volume, choice = open_image(folder)
    assert choice.description == "thin"
    assert volume.grid.is_same_space(thin.grid)
    assert np.array_equal(volume.values, thin.values)


def test_a_series_is_opened_by_its_key_and_a_wrong_key_says_what_there_is(mixed):
    folder, _, thick = mixed
    key = next(c.key for c in find_images(folder).choices if c.description == "thick")
    volume, _ = open_image(folder, series=key)
    assert np.array_equal(volume.values, thick.values)
    with pytest.raises(NoSeriesError, match=key):
        open_image(folder, series="1.2.3")


def test_a_zip_and_the_folder_it_was_made_from_give_the_same_volume(mixed, tmp_path):
    folder, thin, _ = mixed
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for file in (folder / "a").rglob("*.dcm"):
            z.write(file, file.relative_to(folder))
    volume, _ = open_image(archive)
    assert volume.grid.is_same_space(thin.grid)
    assert np.array_equal(volume.values, thin.values)


def test_nothing_there_is_said_with_the_reason(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        find_images(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoSeriesError, match="holds no DICOM image"):
        open_image(tmp_path / "empty")
    (tmp_path / "empty" / "a.dcm").write_text("no DICOM", encoding="utf-8")
    with pytest.raises(NoSeriesError, match=r"a\.dcm"):
        open_image(tmp_path / "empty")


def test_a_series_with_a_gap_is_offered_with_its_refusal_and_loads_when_allowed(mixed):
    folder, thin, _ = mixed
    shutil.rmtree(folder / "b")
    sorted((folder / "a" / "thin").glob("*.dcm"))[10].unlink()
    choice = find_images(folder / "a").choices[0]
    assert "10" in choice.refusal or "11" in choice.refusal
    with pytest.raises(GeometryError):
        open_image(folder / "a")
    volume, _ = open_image(folder / "a", regularise=True)
    assert volume.grid.is_same_space(thin.grid)
    assert "regularised" in [f.code for f in volume.findings]


def test_the_modality_of_a_bare_file_can_be_stated(mixed):
    volume, _ = open_image(mixed[0] / "other.nii.gz", modality=Modality.MR)
    assert volume.modality is Modality.MR


def test_opening_can_be_cancelled(mixed):
    with pytest.raises(Cancelled):
        open_image(mixed[0], progress=Progress(is_cancelled=lambda: True))


def test_a_link_to_itself_is_passed_over_beside_a_good_series(mixed):
    folder, _, _ = mixed
    try:
        (folder / "loop").symlink_to("loop")
    except OSError:
        pytest.skip("this system makes no links")
    found = find_images(folder)
    assert found.choices[0].description == "thin"
    assert any(s.path.name == "loop" for s in found.skipped)


def test_a_series_that_cannot_be_loaded_says_so_in_the_words_loading_would_use(tmp_path):
    write_series(make_volume(make_oblique_grid((1, 16, 18))), tmp_path / "one")
    choice = find_images(tmp_path / "one").choices[0]
    assert "single slice" in choice.refusal
    with pytest.raises(ImageError, match="single slice"):
        open_image(tmp_path / "one")
