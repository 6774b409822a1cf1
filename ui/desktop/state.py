"""What the desktop shows: the open twin and how it is looked at. Views and panels listen, and ask it for changes.

While a series is loaded but not yet segmented, `twin` is None and `volume` is the image: views draw slices from
`volume` and everything else from `twin`, when there is one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.geometry import Point3
from surgtwin.domain.labels import Colour
from surgtwin.domain.measurement import Measurement, MeasurementKind
from surgtwin.domain.plan_shelf import PlanShelf
from surgtwin.domain.twin import Side, Twin, TwinImage
from surgtwin.domain.volume import Volume
from ui.render.appearance import Look, default_looks
from ui.render.scene import middle_of_organs
from ui.render.windows import default_window

from .history import Edit, History
from .twin_changes import Accept, AddMeasurement, Change, ChangePlans, RemoveMeasurement, SetSide, Unaccept, Writer
from .view_state import Comparison, Tool, ViewState

MEASUREMENT_WORDS = {
    MeasurementKind.DISTANCE: "distance", MeasurementKind.ANGLE: "angle", MeasurementKind.ROI: "region",
}  # fmt: skip

__all__ = ["AppState", "Comparison", "Tool"]


class AppState(ViewState):
    """The one place that knows what is open and how it is shown. Lives on the main thread."""

    twin_changed = Signal()
    """Another twin, image, or revision is open, or nothing is: draw everything anew."""
    details_changed = Signal()
    """Something of the twin that is text changed: side, acceptance, saved or not."""
    structure_changed = Signal(str)
    """Visibility, opacity or colour of the structure with that name; "" means of all of them."""
    colour_chosen = Signal(str)
    """A person gave that structure another colour, or took that back."""
    selection_changed = Signal()
    measurements_changed = Signal()
    history_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._twin: Twin | None = None
        self._image_id = ""
        self._path: Path | None = None
        self._writer: Writer | None = None
        self._read_only = False
        self._displays: dict[str, Look] = {}
        self._before_solo: dict[str, bool] | None = None
        self._soloed = ""
        self._selected = ""
        self._history = History()

    # --- what is open

    @property
    def twin(self) -> Twin | None:
        return self._twin

    @property
    def image(self) -> TwinImage | None:
        """The twin's image that is shown."""
        return self._twin.image(self._image_id) if self._twin is not None else None

    @property
    def path(self) -> Path | None:
        """Folder of the twin; None while it is not saved."""
        return self._path

    @property
    def is_saved(self) -> bool:
        return self._path is not None

    @property
    def read_only(self) -> bool:
        """True if another program writes to this twin, or an older revision is shown."""
        return self._read_only

    def open_twin(
        self, twin: Twin, *, path: Path | None = None, writer: Writer | None = None, read_only: bool = False
    ) -> None:
        """Show `twin`. With a `path` and no `writer` it is read-only."""
        same_grid = self._grid is not None and self._grid.is_same_space(twin.primary.grid)
        was_bare = self._twin is None
        self._drop(writer)
        self._twin, self._path, self._writer = twin, path, writer
        self._read_only = read_only or (path is not None and writer is None)
        self._image_id = twin.images[0].image_id
        self._put_on_slices(twin.primary, twin.images[0].twin_from_image)
        self._displays = default_looks(twin.labels)
        if not same_grid:
            self._look_anew(twin.primary, middle_of_organs(twin))
        elif was_bare and self._is_at_start:
            self._cursor = self._inside(middle_of_organs(twin))
        self._tell_all()

    def show_volume(self, volume: Volume) -> None:
        """Show an image that has no twin yet; nothing of it can be edited."""
        self._drop()
        self._put_on_slices(volume)
        self._look_anew(volume, volume.grid.center())
        self._tell_all()

    def close(self) -> None:
        """Show nothing, and let other programs write to the twin."""
        self._drop()
        self._tell_all()

    def set_saved(self, path: Path, writer: Writer | None) -> None:
        """The open twin lies at `path` from now on; another program may write to where it lay before."""
        if self._writer is not None and self._writer is not writer:
            self._writer.close()
        self._path, self._writer = path, writer
        self._read_only = writer is None
        self.details_changed.emit()

    def set_image(self, image_id: str) -> None:
        """Show another image of the twin on the slices."""
        if self._twin is None or image_id == self._image_id:
            return
        image = self._twin.image(image_id)
        self._put_on_slices(image.volume, image.twin_from_image)
        self._image_id = image_id
        self._window = default_window(image.volume)
        self._cursor = self._inside(self._cursor)
        self._tell_all()

    @property
    def _is_at_start(self) -> bool:
        """True if nobody has moved the cross-hair since the image came."""
        return self._grid is not None and self._cursor == self._inside(self._grid.center())

    def _drop(self, kept: Writer | None = None) -> None:
        if self._writer is not None and self._writer is not kept:
            self._writer.close()
        self._put_on_slices(None)
        self._twin, self._path, self._writer = None, None, None
        self._read_only, self._image_id, self._selected = False, "", ""
        self._displays, self._before_solo, self._soloed = {}, None, ""
        self._comparison, self._pointer = None, None
        self._history.clear()

    def _tell_all(self) -> None:
        self.twin_changed.emit()
        for signal in (self.window_changed, self.cursor_moved, self.selection_changed, self.compare_changed):
            signal.emit()
        for signal in (self.measurements_changed, self.details_changed, self.history_changed):
            signal.emit()

    # --- structures

    def structure_names(self) -> tuple[str, ...]:
        return tuple(self._displays)

    def visible(self, name: str) -> bool:
        shown = self._displays.get(name)
        return shown is not None and shown.visible

    def opacity(self, name: str) -> float:
        return self._displays[name].opacity

    def colour(self, name: str) -> Colour:
        return self._displays[name].colour

    @property
    def soloed(self) -> str:
        """Name of the structure that is shown alone, or empty."""
        return self._soloed

    def set_visible(self, name: str, visible: bool) -> None:
        self._end_solo()
        self._set_display(name, visible=visible)

    def set_opacity(self, name: str, opacity: float) -> None:
        self._set_display(name, opacity=min(max(opacity, 0.0), 1.0))

    def set_colour(self, name: str, colour: Colour) -> None:
        """Undoable: a colour is kept with the case."""
        before = self.colour(name)
        if colour != before:
            self._run(
                f"Colour of {name}",
                lambda: self._paint(name, colour),
                lambda: self._paint(name, before),
            )

    def _paint(self, name: str, colour: Colour) -> None:
        self._set_display(name, colour=colour)
        self.colour_chosen.emit(name)

    def set_colours(self, colours: dict[str, Colour]) -> None:
        """Colours that were kept with the case, as it opens."""
        for name, colour in colours.items():
            self._set_display(name, colour=colour)

    def solo(self, name: str | None) -> None:
        """Show `name` (and what is part of it) alone; None, or the same name again, shows what was shown before."""
        if name is None or name == self._soloed:
            before = dict(self._before_solo or {})
            self._end_solo()
            if before:
                self._show(lambda n: before.get(n, True))
            return
        if self._before_solo is None:
            self._before_solo = {n: d.visible for n, d in self._displays.items()}
        self._soloed = name
        family = self.with_parts(name)
        self._show(lambda n: n in family)

    def show_only(self, names: Iterable[str]) -> None:
        """Exactly these visible."""
        chosen = set(names)
        self._end_solo()
        self._show(lambda n: n in chosen)

    def with_parts(self, name: str) -> frozenset[str]:
        """The structure and everything that is part of it."""
        names = {name}
        structures = self._twin.structures if self._twin is not None else ()
        for _ in structures:
            names |= {s.name for s in structures if s.part_of in names}
        return frozenset(names)

    def _show(self, is_visible: Callable[[str], bool]) -> None:
        self._displays = {n: replace(d, visible=is_visible(n)) for n, d in self._displays.items()}
        self.structure_changed.emit("")

    def _end_solo(self) -> None:
        self._before_solo, self._soloed = None, ""

    def _set_display(
        self, name: str, *, visible: bool | None = None, opacity: float | None = None, colour: Colour | None = None
    ) -> None:
        shown = self._displays.get(name)
        if shown is None:
            return
        changed = Look(
            shown.visible if visible is None else visible,
            shown.colour if colour is None else colour,
            shown.opacity if opacity is None else opacity,
        )
        if changed != shown:
            self._displays[name] = changed
            self.structure_changed.emit(name)

    @property
    def selected(self) -> str:
        """Name of the structure that is selected, or empty."""
        return self._selected

    def select(self, name: str) -> None:
        if name != self._selected and (not name or name in self._displays):
            self._selected = name
            self.selection_changed.emit()

    # --- changing the twin, undoable

    @property
    def can_edit(self) -> bool:
        return self._twin is not None and not self._read_only

    def set_side(self, side: Side) -> None:
        if self._twin is None or side is self._twin.operated_side:
            return
        before = self._twin.operated_side
        self._edit(f"Operated side {side.value or 'not stated'}", SetSide(side), SetSide(before))

    def accept(self, name: str, by: str) -> None:
        """A person says that the structure is right."""
        if self._twin is not None and name not in self._twin.accepted:
            self._edit(f"Accept {name}", Accept(name, by), Unaccept(name))

    def unaccept(self, name: str, by: str) -> None:
        if self._twin is not None and name in self._twin.accepted:
            self._edit(f"Withdraw acceptance of {name}", Unaccept(name), Accept(name, by))

    def is_accepted(self, name: str) -> bool:
        return self._twin is not None and name in self._twin.accepted

    def measurements(self) -> tuple[Measurement, ...]:
        return self._twin.measurements if self._twin is not None else ()

    def measure(self, kind: MeasurementKind, points_mm: tuple[Point3, ...]) -> None:
        """Keep a measurement with the next free name ("distance 2"); raises InputError if the points make none."""
        if not self.can_edit:
            return
        taken = {m.name for m in self.measurements()}
        word = MEASUREMENT_WORDS[kind]
        number = next(n for n in range(1, len(taken) + 2) if f"{word} {n}" not in taken)
        made = Measurement(uuid.uuid4().hex[:12], kind, points_mm, self._image_id, f"{word} {number}")
        self._edit(f"Add {made.name}", AddMeasurement(made), RemoveMeasurement(made.measurement_id))

    def remove_measurement(self, measurement_id: str) -> None:
        for m in self.measurements():
            if m.measurement_id == measurement_id:
                self._edit(f"Remove {m.name or m.kind.value}", RemoveMeasurement(measurement_id), AddMeasurement(m))

    @property
    def undo_text(self) -> str:
        return self._history.undo_text

    @property
    def redo_text(self) -> str:
        return self._history.redo_text

    def undo(self) -> None:
        self._history.undo()
        self.history_changed.emit()

    def redo(self) -> None:
        self._history.redo()
        self.history_changed.emit()

    def record(self, edit: Edit) -> None:
        """An edit that has been done already, elsewhere than in the twin, and can be undone."""
        self._history.record(edit)
        self.history_changed.emit()

    def change_plans(self, change: Callable[[PlanShelf], PlanShelf]) -> None:
        """Save, rename, remove or approve plans, at once; on disk too where the twin has been saved."""
        if self.can_edit:
            self._apply(ChangePlans(change))

    def _edit(self, text: str, forward: Change, backward: Change) -> None:
        if self.can_edit:
            self._run(text, lambda: self._apply(forward), lambda: self._apply(backward))

    def _run(self, text: str, do: Callable[[], None], undo: Callable[[], None]) -> None:
        self._history.run(Edit(text, do, undo))
        self.history_changed.emit()

    def _apply(self, change: Change) -> None:
        if self._twin is None:
            return
        if self._writer is not None:
            change.write(self._writer)
        self._twin = change.applied_to(self._twin)
        if isinstance(change, AddMeasurement | RemoveMeasurement):
            self.measurements_changed.emit()
        self.details_changed.emit()
