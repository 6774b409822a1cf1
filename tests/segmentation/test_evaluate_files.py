from __future__ import annotations

import base64
import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import cKDTree

from segmentation.evaluate_files import EvaluationSettings, evaluate_pair, evaluate_paths, label_files
from segmentation.evaluation_report import as_csv, as_html, as_json, summarise
from segmentation.lesions import LesionScore, score_lesions, voxels_of_ball
from segmentation.surface_points import cell_areas
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import InputError, LabelError
from surgtwin.formats.registry import write_labels
from tests.conftest import make_oblique_grid

GRID = make_oblique_grid((24, 34, 38))
NAMES = {1: "liver", 2: "spleen"}


def ball(grid: Grid, shift_mm: tuple[float, float, float], radii_mm: tuple[float, float, float]) -> np.ndarray:
    """An ellipsoid along the patient's axes: neither axis of the oblique grid is one of its own."""
    k, j, i = np.indices(grid.shape)
    offset = grid.to_lps(np.stack([i, j, k], axis=-1)) - grid.center() - np.array(shift_mm)
    return ((offset / np.array(radii_mm)) ** 2).sum(-1) < 1


def save(path: Path, liver: np.ndarray, spleen: np.ndarray | None = None, grid: Grid = GRID) -> Path:
    labels = np.zeros(grid.shape, np.uint8)
    labels[liver] = 1
    if spleen is not None:
        labels[spleen] = 2
    structures = tuple(structure_for(value, name) for value, name in NAMES.items())
    path.parent.mkdir(exist_ok=True)
    write_labels(LabelMap(grid, (labels,), structures), path)
    return path


@pytest.fixture
def names(tmp_path: Path) -> Path:
    (tmp_path / "names.json").write_text(json.dumps({str(v): n for v, n in NAMES.items()}))
    return tmp_path / "names.json"


def surface_mm(mask: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Surface elements in the patient's frame, by the grid's affine alone, and their areas."""
    around = np.pad(mask, 1)
    codes = sum(
        around[tuple(slice(s, s + n + 1) for s, n in zip(np.unravel_index(bit, (2, 2, 2)), mask.shape, strict=True))]
        * (1 << bit)
        for bit in range(8)
    )
    k, j, i = np.nonzero((codes > 0) & (codes < 255))
    places = grid.to_lps(np.stack([i, j, k], axis=-1) - 0.5)
    spacing = tuple(float(np.linalg.norm(grid.lps_from_ijk[:3, axis])) for axis in (2, 1, 0))
    return places, cell_areas(spacing)[codes[k, j, i]]


@pytest.mark.parametrize("shift", [(3.0, -2.0, 4.0), (0.5, 6.0, 0.0)])
def test_figures_on_an_oblique_grid_equal_nearest_neighbours_in_space(
    tmp_path: Path, names: Path, shift: tuple[float, float, float]
) -> None:
    a, b = ball(GRID, shift, (9, 12, 14)), ball(GRID, (0, 0, 0), (10, 11, 15))
    settings = EvaluationSettings(names, tolerance_mm=1.7)
    result = evaluate_pair(save(tmp_path / "a.nii.gz", a), save(tmp_path / "b.nii.gz", b), settings)
    found = result.scores["liver"]
    (ours, our_areas), (theirs, their_areas) = surface_mm(a, GRID), surface_mm(b, GRID)
    there, back = cKDTree(theirs).query(ours)[0], cKDTree(ours).query(theirs)[0]
    total = our_areas.sum() + their_areas.sum()
    assert found.hausdorff_mm == pytest.approx(max(there.max(), back.max()), rel=1e-4)
    assert found.surface_distance_mm == pytest.approx((there @ our_areas + back @ their_areas) / total, rel=1e-4)
    near = our_areas[there <= 1.7].sum() + their_areas[back <= 1.7].sum()
    assert found.surface_dice == pytest.approx(near / total, abs=1e-5)
    for distances, areas in ((there, our_areas), (back, their_areas)):
        assert found.hausdorff_95_mm is not None
        assert areas[distances <= found.hausdorff_95_mm + 1e-3].sum() >= 0.95 * areas.sum()
    assert found.dice == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))
    volume = abs(np.linalg.det(GRID.lps_from_ijk[:3, :3])) / 1000
    assert found.volume_ml == pytest.approx(a.sum() * volume, rel=1e-5)


def test_axes_stored_another_way_change_nothing(tmp_path: Path, names: Path) -> None:
    a, b = ball(GRID, (2, 1, 0), (9, 12, 14)), ball(GRID, (0, 0, 0), (10, 11, 15))
    reference = save(tmp_path / "b.nii.gz", b)
    straight = evaluate_pair(save(tmp_path / "a.nii.gz", a), reference, EvaluationSettings(names))
    flip = np.eye(4)
    flip[0, 0], flip[0, 3] = -1, GRID.shape[2] - 1
    turned = Grid(GRID.shape, GRID.lps_from_ijk @ flip)
    mirrored = save(tmp_path / "c.nii.gz", np.ascontiguousarray(a[:, :, ::-1]), grid=turned)
    found = evaluate_pair(mirrored, reference, EvaluationSettings(names))
    assert not found.findings
    for figure, value in straight.scores["liver"].as_dict().items():
        assert found.scores["liver"].as_dict()[figure] == pytest.approx(value, rel=1e-5), figure


def test_spellings_of_one_organ_are_one_structure(tmp_path: Path, names: Path) -> None:
    mask = ball(GRID, (0, 0, 0), (9, 9, 9))
    other = LabelMap(GRID, (mask.astype(np.uint8) * 5,), (structure_for(5, "Liver"),))
    write_labels(other, tmp_path / "a.seg.nrrd")
    result = evaluate_pair(tmp_path / "a.seg.nrrd", save(tmp_path / "b.seg.nrrd", mask), EvaluationSettings())
    assert result.scores["liver"].dice == 1.0


def test_a_structure_that_is_in_neither_is_said(tmp_path: Path, names: Path) -> None:
    path = save(tmp_path / "a.nii.gz", ball(GRID, (0, 0, 0), (9, 9, 9)))
    for settings in (EvaluationSettings(names, structures=("aorta",)), EvaluationSettings(names, lesions=("aorta",))):
        with pytest.raises(LabelError, match="no structure aorta; there are: liver"):
            evaluate_paths(path, path, settings)
    only = evaluate_paths(path, path, EvaluationSettings(names, structures=("Liver",)))
    assert list(only.cases[0].scores) == ["liver"]


def test_a_structure_that_only_some_cases_have_fails_none(tmp_path: Path, names: Path) -> None:
    liver, spleen = ball(GRID, (-6, 0, 0), (8, 8, 8)), ball(GRID, (14, 0, 0), (4, 6, 6))
    for folder in ("pred", "ref"):
        structures = (structure_for(1, "liver"), structure_for(2, "spleen"))
        both = LabelMap(GRID, (liver.astype(np.uint8) + spleen * np.uint8(2),), structures)
        (tmp_path / folder).mkdir()
        write_labels(both, tmp_path / folder / "whole.seg.nrrd")
        write_labels(LabelMap(GRID, (liver.astype(np.uint8),), structures[:1]), tmp_path / folder / "without.seg.nrrd")
    settings = EvaluationSettings(structures=("spleen",))
    evaluation = evaluate_paths(tmp_path / "pred", tmp_path / "ref", settings)
    assert not evaluation.failed
    assert summarise(evaluation)["spleen"]["dice"].cases == 1
    assert evaluation.cases[-1].case == "without" and evaluation.cases[-1].mean_dice is None


def make_folders(tmp_path: Path) -> tuple[Path, Path]:
    spleen = ball(GRID, (14, 0, 0), (4, 6, 6))
    for n, shift in enumerate((0.0, 6.0, 2.0)):
        save(tmp_path / "ref" / f"case{n}.nii.gz", ball(GRID, (-6, 0, 0), (8, 10, 12)), spleen)
        save(tmp_path / "pred" / f"case{n}.nrrd", ball(GRID, (-6, shift, 0), (8, 10, 12)), None if n == 1 else spleen)
    return tmp_path / "pred", tmp_path / "ref"


def test_folders_are_matched_by_name_and_summed_up_worst_first(tmp_path: Path, names: Path) -> None:
    found, reference = make_folders(tmp_path)
    save(reference / "lonely.nii.gz", ball(GRID, (0, 0, 0), (5, 5, 5)))
    save(found / "extra.nii.gz", ball(GRID, (0, 0, 0), (5, 5, 5)))
    evaluation = evaluate_paths(found, reference, EvaluationSettings(names))
    assert [c.case for c in evaluation.cases] == ["case1", "case2", "case0"]
    assert evaluation.failed == {"lonely": "there is no prediction"} and evaluation.unmatched == ("extra",)
    dice = summarise(evaluation)["liver"]["dice"]
    values = [c.scores["liver"].dice or 0.0 for c in evaluation.cases]
    assert dice.mean == pytest.approx(np.mean(values)) and dice.median == pytest.approx(np.median(values))
    assert dice.worst == min(values) and dice.worst_case == "case1"
    assert dice.interval is not None and dice.interval[0] <= dice.mean <= dice.interval[1]
    spleen = summarise(evaluation)["spleen"]
    assert spleen["dice"].worst == 0.0 and spleen["dice"].cases == 3 and spleen["hausdorff_mm"].cases == 2


def test_reference_names_may_have_a_suffix_and_company(tmp_path: Path, names: Path) -> None:
    liver = ball(GRID, (0, 0, 0), (9, 9, 9))
    save(tmp_path / "pred" / "case1.nii.gz", liver)
    save(tmp_path / "ref" / "case1_labels.nii.gz", liver)
    save(tmp_path / "ref" / "case1_image.nii.gz", liver)
    with pytest.raises(InputError, match=r"case1; in the second: case1_image, case1_labels.*--reference-suffix"):
        evaluate_paths(tmp_path / "pred", tmp_path / "ref", EvaluationSettings(names))
    evaluation = evaluate_paths(
        tmp_path / "pred", tmp_path / "ref", EvaluationSettings(names, reference_suffix="_labels")
    )
    assert [c.case for c in evaluation.cases] == ["case1"] and not evaluation.failed and not evaluation.unmatched


class Outline(HTMLParser):
    """Which elements are open, and what the page shows."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: list[bytes] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "img":
            source = dict(attrs)["src"] or ""
            self.pictures.append(base64.b64decode(source.removeprefix("data:image/png;base64,"), validate=True))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(tmp_path: Path, names: Path) -> None:
    found, reference = make_folders(tmp_path)
    (found / "case2.nrrd").unlink()
    page = as_html(evaluate_paths(found, reference, EvaluationSettings(names, lesions=("liver",), pictures=True)))
    outline = Outline(page)
    assert not outline.open and "http" not in page
    for picture in outline.pictures:
        with Image.open(io.BytesIO(picture)) as opened:
            assert opened.format == "PNG" and min(opened.size) > 100
    for said in ("case2: there is no prediction", "1 of 1 pieces found", "case1: mean Dice", "0 and no distances"):
        assert said in outline.text


def test_reports_hold_every_figure(tmp_path: Path, names: Path) -> None:
    found, reference = make_folders(tmp_path)
    evaluation = evaluate_paths(found, reference, EvaluationSettings(names, lesions=("spleen",), pictures=True))
    rows = list(csv.DictReader(io.StringIO(as_csv(evaluation))))
    assert len(rows) == 6 and rows[0]["case"] == "case1"
    missed = next(r for r in rows if r["case"] == "case1" and r["structure"] == "spleen")
    assert missed["dice"] == "0.0" and missed["hausdorff_mm"] == "" and missed["lesions"] == "1"
    assert float(rows[0]["dice"]) == evaluation.cases[0].scores["liver"].dice
    document = json.loads(json.dumps(as_json(evaluation), allow_nan=False))
    assert document["cases"][0]["lesions"]["spleen"] == {"reference": 1, "found": 0, "false": 0, "sensitivity": 0.0}
    page = as_html(evaluation)
    assert page.count("data:image/png;base64,") == 6 and "case1" in page and "<script" not in page


def test_names_in_a_report_are_escaped(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", ball(GRID, (0, 0, 0), (9, 9, 9)))
    (tmp_path / "names.json").write_text(json.dumps({"1": "=<b>x"}))
    evaluation = evaluate_paths(path, path, EvaluationSettings(tmp_path / "names.json"))
    assert "<b>" not in as_html(evaluation) and "'=<b>x" in as_csv(evaluation)


def test_what_cannot_be_compared_is_said(tmp_path: Path, names: Path) -> None:
    found, reference = make_folders(tmp_path)
    (found / "case2.nrrd").write_bytes(b"no label map")
    evaluation = evaluate_paths(found, reference, EvaluationSettings(names))
    assert set(evaluation.failed) == {"case2"} and len(evaluation.cases) == 2
    with pytest.raises(InputError, match="two folders"):
        evaluate_paths(found, reference / "case0.nii.gz", EvaluationSettings())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file or folder"):
        evaluate_paths(found / "nowhere", reference, EvaluationSettings())
    with pytest.raises(InputError, match="No label map"):
        evaluate_paths(tmp_path / "empty", reference, EvaluationSettings())
    save(found / "case0.nii.gz", ball(GRID, (0, 0, 0), (5, 5, 5)))
    with pytest.raises(InputError, match="two label maps of the case case0"):
        label_files(found)


def test_pieces_found_missed_and_false_are_counted() -> None:
    reference, found = np.zeros((12, 30, 30), bool), np.zeros((12, 30, 30), bool)
    for n, box in enumerate((slice(1, 5), slice(8, 14), slice(18, 24))):
        reference[2:8, box, 4:12] = True
        if n != 1:
            found[2:8, box, 6:14] = True
    reference[9, 27, 27] = True
    found[3, 3, 25] = found[10, 3, 25] = True
    found[2, 8, 4] = True
    score = score_lesions(found, reference)
    assert (score.reference, score.found, score.false) == (4, 2, 2)
    assert score.sensitivity == 0.5
    assert score_lesions(found, np.zeros_like(found)).sensitivity is None


def test_pieces_below_a_size_count_on_neither_side() -> None:
    reference, found = np.zeros((12, 30, 30), bool), np.zeros((12, 30, 30), bool)
    reference[2:8, 2:9, 2:9] = found[2:8, 3:9, 2:9] = True
    reference[9, 25:27, 25] = True
    found[9, 25, 25:28] = True
    found[2, 20:22, 20] = True
    assert score_lesions(found, reference) == LesionScore(reference=2, found=2, false=1)
    assert score_lesions(found, reference, least_voxels=3) == LesionScore(reference=1, found=1, false=0)


def test_a_lesion_diameter_is_that_of_a_ball() -> None:
    assert voxels_of_ball(10.0, (5.0, 0.8, 0.8)) == pytest.approx(4 / 3 * np.pi * 125 / 3.2)
