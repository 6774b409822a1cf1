"""The picture for a report: content, legibility, privacy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from surgtwin.domain.twin import Twin
from surgtwin.errors import DiskError, InputError
from ui.render import screenshot as module
from ui.render.appearance import default_looks
from ui.render.legend import legend_picture, legend_rows
from ui.render.screenshot import VIEWS, screenshot, write_screenshot
from ui.render.text import shortened, width

SIZE = (800, 520)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is drawn on the page's head."""
    texts: list[str] = []
    draw = module.write

    def note(*args: object, **named: object) -> None:
        texts.append(str(args[2]))
        draw(*args, **named)

    monkeypatch.setattr(module, "write", note)
    return texts


def test_the_overview_has_the_liver_in_four_tiles_each_on_its_side(
    sphere_twin: Twin, share_of: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "case.png"
    write_screenshot(sphere_twin, path, size=(1600, 1000))
    with Image.open(path) as image:
        page = np.asarray(image.convert("RGB"))
    assert page.shape == (1000, 1600, 3)
    red = share_of(page, "red")
    views = red[42:, :1292]
    upper, lower = np.array_split(views, 2)
    axial, scene = np.array_split(upper, 2, axis=1)
    for tile in (axial, scene):
        assert tile.sum() > 200
        assert tile[:, : tile.shape[1] // 2].sum() > 0.8 * tile.sum()
    assert lower.sum() > 0
    assert [p.name for p in tmp_path.iterdir()] == ["case.png"]


@pytest.mark.parametrize("view", [v for v in VIEWS if v != "overview"])
def test_every_view_can_be_drawn_alone(sphere_twin: Twin, view: str) -> None:
    page = screenshot(sphere_twin, size=SIZE, view=view)
    assert page.shape == (SIZE[1], SIZE[0], 3)
    assert page.std() > 10


def test_the_head_names_the_case_and_never_the_patient(sphere_twin: Twin, written: list[str]) -> None:
    screenshot(sphere_twin, size=SIZE, view="axial")
    text = " ".join(written)
    assert "case-77" in text
    assert "Research use only" in text
    for secret in ("QX-774411", "Zyxwholm", "Ottoline", "19610412"):
        assert secret not in text


def test_identity_is_written_when_a_person_asks_for_it(sphere_twin: Twin, written: list[str]) -> None:
    screenshot(sphere_twin, size=(1600, 1000), view="axial", identity=True)
    assert "QX-774411" in " ".join(written)


def test_the_legend_lists_volume_and_acceptance_largest_first(sphere_twin: Twin) -> None:
    rows = legend_rows(sphere_twin, default_looks(sphere_twin.labels))
    expected = {s.name: f"{sphere_twin.labels.volume_ml(s):.0f} mL" for s in sphere_twin.structures}
    assert {row.name: row.volume for row in rows} == expected
    assert {row.name: row.is_accepted for row in rows} == {"liver": True, "spleen": False}


def test_a_legend_without_room_is_cut_to_what_fits(sphere_twin: Twin) -> None:
    picture = legend_picture(sphere_twin, default_looks(sphere_twin.labels), (200, 90), 14)
    assert picture.size == (200, 90)


def test_a_long_name_keeps_its_end() -> None:
    short = shortened("hepatocellular carcinoma of segment 8 number 12", 14, 160)
    assert width(short, 14) <= 160
    assert short.endswith("12")
    assert "..." in short


def test_what_cannot_be_drawn_or_written_is_said(sphere_twin: Twin, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no view 'oblique'"):
        screenshot(sphere_twin, view="oblique")
    with pytest.raises(InputError, match="pixels"):
        screenshot(sphere_twin, size=(10, 10))
    with pytest.raises(InputError, match=r"\.bmp"):
        write_screenshot(sphere_twin, tmp_path / "case.bmp")
    with pytest.raises(DiskError, match=r"case\.png"):
        write_screenshot(sphere_twin, tmp_path / "missing" / "case.png", size=SIZE, view="axial")
