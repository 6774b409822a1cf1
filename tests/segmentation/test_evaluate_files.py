from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, generate_binary_structure
from scipy.spatial import cKDTree

from segmentation.evaluate_files import EvaluationSettings, evaluate_pair, evaluate_paths, label_files
from segmentation.evaluation_report import as_csv, as_html, as_json, summarise
from segmentation.lesions import score_lesions
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


def surface_mm(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Centres of the surface voxels in the patient's frame, by the grid's affine alone."""
    edge = mask & ~binary_erosion(mask, generate_binary_structure(3, 1))
    k, j, i = np.nonzero(edge)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


@pytest.mark.parametrize("shift", [(3.0, -2.0, 4.0), (0.5, 6.0, 0.0)])
def test_figures_on_an_oblique_grid_equal_nearest_neighbours_in_space(
    tmp_path: Path, names: Path, shift: tuple[float, float, float]
) -> None:
    a, b = ball(GRID, shift, (9, 12, 14)), ball(GRID, (0, 0, 0), (10, 11, 15))
    settings = EvaluationSettings(names, tolerance_mm=1.7)
    result = evaluate_pair(save(tmp_path / "a.nii.gz", a), save(tmp_path / "b.nii.gz", b), settings)
    found = result.scores["liver"]
    ours, theirs = surface_mm(a, GRID), surface_mm(b, GRID)
    there, back = cKDTree(theirs).query(ours)[0], cKDTree(ours).query(theirs)[0]
    merged = np.concatenate([there, back])
    assert found.hausdorff_mm == pytest.approx(merged.max(), rel=1e-4)
    assert found.hausdorff_95_mm == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), rel=1e-4)
    assert found.surface_distance_mm == pytest.approx(merged.mean(), rel=1e-4)
    assert found.surface_dice == pytest.approx((merged <= 1.7).mean(), abs=1e-9)
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
    assert found.scores == straight.scores and not found.findings


def test_spellings_of_one_organ_are_one_structure(tmp_path: Path, names: Path) -> None:
    mask = ball(GRID, (0, 0, 0), (9, 9, 9))
    other = LabelMap(GRID, (mask.astype(np.uint8) * 5,), (structure_for(5, "Liver"),))
    write_labels(other, tmp_path / "a.seg.nrrd")
    result = evaluate_pair(tmp_path / "a.seg.nrrd", save(tmp_path / "b.seg.nrrd", mask), EvaluationSettings())
    assert result.scores["liver"].dice == 1.0


def test_a_structure_that_is_in_neither_is_said(tmp_path: Path, names: Path) -> None:
    path = save(tmp_path / "a.nii.gz", ball(GRID, (0, 0, 0), (9, 9, 9)))
    with pytest.raises(LabelError, match="aorta"):
        evaluate_pair(path, path, EvaluationSettings(names, structures=("aorta",)))
    only = evaluate_pair(path, path, EvaluationSettings(names, structures=("liver",)))
    assert list(only.scores) == ["liver"]


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
    assert dice.interval[0] <= dice.mean <= dice.interval[1]
    spleen = summarise(evaluation)["spleen"]
    assert spleen["dice"].worst == 0.0 and spleen["dice"].cases == 3 and spleen["hausdorff_mm"].cases == 2


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
