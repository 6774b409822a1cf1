"""The state: what can be seen, undone, kept."""

from __future__ import annotations

import pytest

from surgtwin.domain.measurement import MeasurementKind
from surgtwin.domain.twin import Side, Twin
from surgtwin.domain.volume import Window
from ui.desktop.state import AppState, Tool

pytestmark = pytest.mark.desktop


def names_shown(state: AppState) -> set[str]:
    return {n for n in state.structure_names() if state.visible(n)}


def test_outer_surface_is_hidden_at_first_and_all_else_shown(state: AppState) -> None:
    assert names_shown(state) == set(state.structure_names()) - {"body"}


def test_solo_shows_the_organ_with_its_parts_and_gives_back_what_was_shown(state: AppState) -> None:
    state.set_visible("spleen", False)
    before = names_shown(state)
    state.solo("liver")
    assert names_shown(state) == {"liver", "liver tumour"}
    state.solo("aorta")
    assert names_shown(state) == {"aorta"}
    state.solo(None)
    assert names_shown(state) == before
    assert state.soloed == ""


def test_showing_something_during_solo_ends_it(state: AppState) -> None:
    state.solo("liver")
    state.set_visible("aorta", True)
    assert state.soloed == ""
    assert names_shown(state) == {"liver", "liver tumour", "aorta"}


def test_every_edit_can_be_undone_and_redone_and_says_what_it_undoes(state: AppState) -> None:
    def seen() -> tuple[object, ...]:
        twin = state.twin
        assert twin is not None
        return (twin.operated_side, twin.accepted, twin.measurements, state.colour("liver"))

    steps = [seen()]
    edits = [
        (lambda: state.set_side(Side.RIGHT), "Operated side right"),
        (lambda: state.accept("liver", "AB"), "Accept liver"),
        (lambda: state.measure(MeasurementKind.DISTANCE, ((0, 0, 0), (3, 4, 0))), "Add distance 1"),
        (lambda: state.set_colour("liver", (1, 2, 3)), "Colour of liver"),
        (lambda: state.unaccept("liver", "AB"), "Withdraw acceptance of liver"),
        (lambda: state.remove_measurement(state.measurements()[0].measurement_id), "Remove distance 1"),
    ]
    for edit, text in edits:
        edit()
        steps.append(seen())
        assert state.undo_text == text
    for step in reversed(steps[:-1]):
        state.undo()
        assert seen() == step
    assert state.undo_text == ""
    for step in steps[1:]:
        state.redo()
        assert seen() == step


def test_read_only_twin_takes_no_edit(twin: Twin, tmp_path: object) -> None:
    state = AppState()
    state.open_twin(twin, read_only=True)
    state.set_side(Side.LEFT)
    state.accept("liver", "AB")
    state.measure(MeasurementKind.DISTANCE, ((0, 0, 0), (3, 4, 0)))
    assert state.twin is twin
    assert state.undo_text == ""


def test_edit_that_the_writer_refuses_changes_nothing(twin: Twin) -> None:
    class Refusing:
        def set_side(self, side: Side) -> None:
            raise OSError

        def close(self) -> None:
            pass

    state = AppState()
    state.open_twin(twin, path=None, writer=Refusing())  # type: ignore[arg-type]
    with pytest.raises(OSError):
        state.set_side(Side.LEFT)
    assert state.twin is not None
    assert state.twin.operated_side is Side.NOT_STATED
    assert state.undo_text == ""


def test_cursor_stays_inside_an_oblique_image(state: AppState) -> None:
    assert state.volume is not None
    grid = state.volume.grid
    state.set_cursor((1e5, -1e5, 1e5))
    ijk = grid.to_ijk(state.cursor_mm)
    assert (ijk > -1e-6).all()
    assert (ijk < [n - 1 + 1e-6 for n in grid.size_ijk]).all()


def test_image_without_twin_is_shown_and_keeps_its_look_when_the_twin_arrives(twin: Twin) -> None:
    state = AppState()
    state.show_volume(twin.primary)
    assert state.twin is None
    assert state.volume is twin.primary
    place = tuple(twin.primary.grid.to_lps((3, 4, 5)))
    state.set_cursor(place)
    state.set_window(Window(150, 90))
    cursor = state.cursor_mm
    state.open_twin(twin)
    assert state.cursor_mm == cursor
    assert state.window == Window(150, 90)


def test_signals_come_once_for_a_change_and_not_at_all_for_none(state: AppState) -> None:
    heard: list[str] = []
    state.structure_changed.connect(heard.append)
    state.set_visible("liver", False)
    state.set_visible("liver", False)
    state.set_opacity("liver", 2.0)
    assert heard == ["liver", "liver"]
    assert state.opacity("liver") == 1.0


def test_tool_of_an_unknown_name_is_refused(state: AppState) -> None:
    state.set_tool("distance")
    assert state.tool is Tool.DISTANCE
    with pytest.raises(ValueError):
        state.set_tool("scalpel")
