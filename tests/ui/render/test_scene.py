"""The 3D scene off-screen: sides, colours, transparency, the cube."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Twin
from ui.render.appearance import Look, default_looks
from ui.render.cameras import PRESETS, orbit, preset, project, screen_directions
from ui.render.offscreen import describe_renderer, is_software, offscreen_window, render_rgb
from ui.render.orientation_cube import cube_renderer, follow, place
from ui.render.scene import TwinScene
from ui.render.slices import edge_letters

SIZE = (200, 160)
LIVER_LOOK = {
    "anterior": np.s_[:, :100],
    "posterior": np.s_[:, 100:],
    "left": np.s_[:, :100],
    "right": np.s_[:, 100:],
    "superior": np.s_[:80],
    "inferior": np.s_[:80],
}
LETTERS = {
    "anterior": ("R", "L", "S", "I"),
    "posterior": ("L", "R", "S", "I"),
    "left": ("A", "P", "S", "I"),
    "right": ("P", "A", "S", "I"),
    "superior": ("L", "R", "A", "P"),
    "inferior": ("R", "L", "A", "P"),
}


@pytest.fixture(autouse=True)
def _no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server has none."""
    monkeypatch.delenv("DISPLAY", raising=False)


def seen_from(twin: Twin, name: str, looks: dict[str, Look] | None = None) -> np.ndarray:
    scene = TwinScene(twin, looks)
    scene.look_from(preset(name), SIZE[0] / SIZE[1])
    return render_rgb([scene.renderer], SIZE)


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_liver_appears_on_its_side_from_every_direction(
    sphere_twin: Twin, share_of: Callable[..., np.ndarray], name: str
) -> None:
    red = share_of(seen_from(sphere_twin, name), "red")
    assert red.sum() > 300
    assert red[LIVER_LOOK[name]].sum() > 0.9 * red.sum()


@pytest.mark.parametrize("name", list(PRESETS))
def test_letters_follow_the_camera(sphere_twin: Twin, name: str) -> None:
    scene = TwinScene(sphere_twin)
    scene.look_from(preset(name), 1.0)
    assert edge_letters(*screen_directions(scene.renderer.GetActiveCamera())) == LETTERS[name]


def test_dragging_right_turns_the_front_of_the_patient_to_the_right(sphere_twin: Twin) -> None:
    scene = TwinScene(sphere_twin)
    scene.look_from(preset("anterior"), 1.0)
    camera = scene.renderer.GetActiveCamera()
    front = np.add(camera.GetFocalPoint(), (0, -20, 0))
    before = project(scene.renderer, front, SIZE)[0]
    orbit(camera, 10.0, 0.0)
    assert project(scene.renderer, front, SIZE)[0] > before + 1


def test_a_point_is_projected_where_it_is_drawn(sphere_twin: Twin, share_of: Callable[..., np.ndarray]) -> None:
    scene = TwinScene(sphere_twin)
    scene.look_from(preset("anterior"), SIZE[0] / SIZE[1])
    red = share_of(render_rgb([scene.renderer], SIZE), "red")
    rows, columns = np.nonzero(red)
    column, row = project(scene.renderer, sphere_twin.mesh("liver").vertices_mm.mean(axis=0), SIZE)
    assert abs(columns.mean() - column) < 3
    assert abs(rows.mean() - row) < 3


def test_what_is_hidden_is_not_drawn(sphere_twin: Twin, share_of: Callable[..., np.ndarray]) -> None:
    looks = default_looks(sphere_twin.labels) | {"liver": Look(False, (255, 0, 0))}
    assert not share_of(seen_from(sphere_twin, "anterior", looks), "red").any()


def test_a_translucent_organ_shows_what_lies_behind_it(sphere_twin: Twin, share_of: Callable[..., np.ndarray]) -> None:
    centre = sphere_twin.mesh("liver").vertices_mm.mean(axis=0)
    spleen = sphere_twin.mesh("spleen")
    inside = (spleen.vertices_mm - spleen.vertices_mm.mean(axis=0)) * 0.4 + centre
    hidden = replace(spleen, vertices_mm=inside)
    twin = replace(sphere_twin, meshes=(sphere_twin.mesh("liver"), hidden))
    opaque = seen_from(twin, "anterior")
    glass = seen_from(twin, "anterior", default_looks(twin.labels) | {"liver": Look(True, (255, 0, 0), 0.3)})
    assert not share_of(opaque, "blue").any()
    assert share_of(glass, "blue").sum() > 100


def test_depth_is_sorted_only_where_something_is_translucent(sphere_twin: Twin) -> None:
    scene = TwinScene(sphere_twin)
    assert not scene.renderer.GetUseDepthPeeling()
    scene.set_look("liver", Look(True, (255, 0, 0), 0.4))
    assert scene.renderer.GetUseDepthPeeling()


def test_the_liver_is_seen_through_when_it_holds_a_tumour_and_skin_is_hidden(sphere_twin: Twin) -> None:
    names = ("liver", "liver tumour 1", "skin", "bone", "spleen")
    structures = tuple(structure_for(n, name) for n, name in enumerate(names, start=1))
    labels = np.zeros(sphere_twin.labels.grid.shape, dtype=np.uint8)
    labels[0, 0, :5] = range(1, 6)
    looks = default_looks(LabelMap(sphere_twin.labels.grid, (labels,), structures))
    assert looks["liver"].opacity < 0.6
    assert looks["liver tumour 1"].opacity == 1.0
    assert looks["spleen"].opacity == 1.0
    assert not looks["skin"].visible
    assert looks["bone"].visible
    assert looks["bone"].opacity < 0.5


def test_the_cube_lies_in_the_bottom_right_corner_and_turns_with_the_scene(sphere_twin: Twin) -> None:
    pictures = []
    for name in ("anterior", "left"):
        scene = TwinScene(sphere_twin, {n: Look(False, (9, 9, 9)) for n in ("liver", "spleen")})
        scene.look_from(preset(name), SIZE[0] / SIZE[1])
        cube = cube_renderer()
        place(cube, SIZE)
        follow(cube, scene.renderer.GetActiveCamera())
        pictures.append(render_rgb([scene.renderer, cube], SIZE).astype(int))
    bright = pictures[0].min(axis=-1) > 180
    assert bright.any()
    assert not bright[: SIZE[1] - 96].any()
    assert not bright[:, : SIZE[0] - 96].any()
    assert np.abs(pictures[0] - pictures[1]).max() > 100


def test_the_renderer_says_what_it_is() -> None:
    window = offscreen_window((16, 16))
    word = "software" if is_software(window) else "hardware"
    window.Finalize()
    assert describe_renderer().endswith(word)
