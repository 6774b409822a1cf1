"""Points on an organ's surface carry it and what lies in it; neighbours stay; the command keeps it as a revision."""

from __future__ import annotations

import json

import numpy as np
import pytest

from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import FormatError, LabelError, TwinError
from surgtwin.live.surface_update import propose_surface_update
from surgtwin.live.update import propose_update
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.ports import Segmentation
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from tests.registration.bodies import MIDDLE, body_grid, image_of, places
from ui.cli.live_surface import read_points
from ui.cli.main import main

SHIFT = np.array([0.0, -7.0, 4.0])


@pytest.fixture(scope="module")
def twin():
    grid = body_grid()
    p = places(grid) - MIDDLE
    layer = np.zeros(grid.shape, dtype=np.uint8)
    layer[np.linalg.norm((p - (-10, 0, 0)) / (48, 36, 38), axis=-1) < 1] = 6
    layer[np.linalg.norm(p - (-20, 0, 0), axis=-1) < 10] = 14
    layer[np.linalg.norm(p - (66, 20, 0), axis=-1) < 14] = 1
    names = {6: "liver", 14: "tumour", 1: "spleen"}
    labels = LabelMap(grid, (layer,), tuple(structure_for(label, name) for label, name in names.items()))
    return build_twin(image_of(grid), lambda v, progress: Segmentation(labels))


def touched(twin, count: int = 80) -> np.ndarray:
    vertices = twin.mesh("liver").vertices_mm
    front = np.flatnonzero((vertices[:, 1] < MIDDLE[1] + 5) & (np.linalg.norm(vertices - MIDDLE, axis=1) > 33))
    return vertices[np.random.default_rng(1).choice(front, count, replace=False)] + SHIFT


@pytest.fixture(scope="module")
def update(twin):
    return propose_surface_update(twin, "liver", touched(twin))


def centre(labels, name: str) -> np.ndarray:
    return labels.grid.to_lps(np.argwhere(labels.mask(name)).mean(axis=0)[::-1])


def test_the_organ_and_what_lies_in_it_go_along(twin, update) -> None:
    assert set(update.members) == {"liver", "tumour"}
    for name in update.members:
        assert centre(update.twin.labels, name) - centre(twin.labels, name) == pytest.approx(SHIFT, abs=1.5)
    motion = {m.structure: m for m in update.twin.registration.motions}["tumour"]
    assert motion.mean_mm == pytest.approx(np.linalg.norm(SHIFT), abs=1.5)
    assert 0 < motion.error_mm < 10
    assert update.twin.registration.is_passed


def test_neighbours_stay_where_they_were(twin, update) -> None:
    assert np.array_equal(update.twin.labels.mask("spleen"), twin.labels.mask("spleen"))
    assert update.twin.mesh("spleen") is twin.mesh("spleen")


def test_volumes_are_kept(twin, update) -> None:
    for name in ("liver", "tumour"):
        before, after = (t.labels.volume_ml(t.labels.structure(name)) for t in (twin, update.twin))
        assert after == pytest.approx(before, rel=0.06)


def test_an_image_cannot_be_laid_on_what_no_image_shows(update) -> None:
    with pytest.raises(TwinError, match="carried by points"):
        propose_update(update.twin, image_of(body_grid(), noise=3))


def test_an_unknown_organ_is_named(twin) -> None:
    with pytest.raises(LabelError, match="heart"):
        propose_surface_update(twin, "heart", touched(twin))


def test_the_command_answers_and_keeps_the_revision(twin, tmp_path, capsys) -> None:
    save_twin(twin, tmp_path / "case.twin")
    rows = "\n".join(",".join(f"{v:.4f}" for v in p) for p in touched(twin))
    (tmp_path / "points.csv").write_text("x,y,z\n" + rows + "\n")
    command = ["live", "surface", str(tmp_path / "case.twin"), str(tmp_path / "points.csv"), "--organ", "liver"]
    assert main([*command, "--accept", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "accepted"
    assert answer["registration"]["moved_structures"] == ["liver", "tumour"]
    assert load_twin(tmp_path / "case.twin").revision.number == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [("x,y,z\n1,2\n", "Row 2"), ("1,2,3\n4,five,6\n", "Row 2"), ("1,2,nan\n", "not finite")],
)
def test_lists_that_are_no_points_are_refused(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_points(path)
