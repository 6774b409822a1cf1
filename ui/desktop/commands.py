"""What the menus, buttons and drops do. Dialogs are opened here and never wait."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from surgtwin.domain.finding import Finding
from surgtwin.domain.geometry import transform_points
from surgtwin.domain.twin import Side
from surgtwin.domain.volume import Volume

from .command_base import IMAGE_FILTER, make_button
from .dialogs.about_dialog import AboutDialog
from .dialogs.modality_dialog import ModalityDialog
from .dialogs.series_chooser import SeriesChooser
from .dialogs.settings_dialog import SettingsDialog
from .dialogs.shortcuts_dialog import ShortcutsDialog
from .dialogs.side_dialog import SideDialog
from .jobs import JobRunner
from .kept_settings import KeptSettings
from .opener import Opener
from .places import place_inside
from .planning.book import MODE
from .saver import Saver
from .saving_commands import SavingCommands
from .side_check import side_warning
from .state import AppState
from .views.confidence_overlay import ConfidenceOverlay

if TYPE_CHECKING:
    from surgtwin.pipeline.images import ImageChoices

    from .main_window import MainWindow

PICTURE_FILTER = "PNG picture (*.png)"
DEFAULT_OVERLAY = 0.4


class Commands(SavingCommands):
    """One method per thing a person can ask for."""

    def __init__(
        self, state: AppState, jobs: JobRunner, kept: KeptSettings, opener: Opener, saver: Saver, window: MainWindow
    ) -> None:
        super().__init__(state, jobs, kept, opener, saver, window)
        self.live = window.live
        self.confidence = ConfidenceOverlay(state, window.views)
        opener.choices_found.connect(self.choose_series)
        opener.modality_needed.connect(self.ask_modality)
        for ended in (jobs.cancelled, jobs.failed):
            ended.connect(lambda _error=None: self._offer_organs())
        saver.place_needed.connect(self._ask_place)

    # --- files

    def open_path(self, path: Path) -> None:
        """Open what was dropped or named; a job that runs is only stopped if the person says so."""
        self._when_free(f"open {path.name}", lambda: self._opener.open_path(path))

    def open_phantom(self) -> None:
        self._when_free("open the phantom", self._opener.open_phantom)

    def open_revision(self, number: int) -> None:
        """An older revision to be looked at, or the one that counts, to be changed."""
        self._when_free(f"open revision {number}", lambda: self.live.history.show(number))

    def ask_folder(self) -> None:
        dialog = QFileDialog(self._window, "Open a DICOM folder or a twin", self.start_folder())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._ask_file(dialog, self.open_path)

    def ask_file(self) -> None:
        dialog = QFileDialog(self._window, "Open an image file", self.start_folder(), IMAGE_FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._ask_file(dialog, self.open_path)

    def choose_series(self, choices: ImageChoices) -> SeriesChooser:
        chooser = SeriesChooser(choices, self._window)
        chooser.chosen.connect(self._opener.build)
        chooser.open()
        return chooser

    def ask_modality(self, volume: Volume) -> ModalityDialog:
        """The file does not say what it is, and its values do not tell."""
        dialog = ModalityDialog(volume, self._window)
        dialog.stated.connect(lambda modality: self._opener.find_organs_as(volume, modality))
        dialog.rejected.connect(self._offer_organs)
        dialog.open()
        return dialog

    def find_organs(self) -> None:
        """Segment the image that is shown without a twin."""
        self._window.notice.hide()
        self._opener.find_organs()

    def _offer_organs(self) -> None:
        """An image is on the screen whose organs were not found: say so, and offer it."""
        if self.state.twin is None and self.state.volume is not None and not self._jobs.is_running:
            self._window.notice.tell(
                "The organs of this image have not been found yet.", make_button("Find organs", self.find_organs),
                is_warning=False,
            )  # fmt: skip

    def ask_screenshot(self) -> None:
        dialog = QFileDialog(self._window, "Save a picture of the views", self.start_folder(), PICTURE_FILTER)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(f"{self.state.twin.case_id if self.state.twin is not None else 'picture'}.png")
        dialog.setDefaultSuffix("png")
        self._ask_file(dialog, self._window.save_picture)

    def show_settings(self) -> SettingsDialog:
        dialog = SettingsDialog(self._kept, self._window)
        dialog.open()
        return dialog

    def quit(self) -> None:
        self._window.close()

    # --- planning

    def lay_cut(self) -> None:
        """Two clicks on the organ from now on; in Plan mode."""
        self.state.set_mode(MODE)
        self.plans.lay()

    # --- looking

    def search(self) -> None:
        self._window.search_box.take_focus()

    def cancel_job(self) -> None:
        """Give up what the next click would lay or place; else stop what is computed."""
        desk = self._planning.desk
        if desk.is_placing:
            desk.stop_placing()
        elif self._planning.pane is not None:
            self._planning.end_compare()
        elif self.live.has_page and not self.state.busy:
            self.live.leave_page()
        else:
            self._jobs.cancel()

    def can_cancel(self, state: AppState) -> bool:
        return state.busy or self._planning.desk.is_placing or self._planning.pane is not None or self.live.has_page

    def toggle_large(self, view: str) -> None:
        self.state.set_maximised("" if self.state.maximised == view else view)

    def toggle_crosshair(self) -> None:
        self.state.set_crosshair(not self.state.crosshair)

    def toggle_overlay(self) -> None:
        kept = self._kept.now.label_opacity or DEFAULT_OVERLAY
        self.state.set_label_opacity(0.0 if self.state.label_opacity > 0 else kept)

    def end_compare(self) -> None:
        self.state.set_comparison(None)

    # --- structures

    def toggle_selected(self) -> None:
        name = self.state.selected
        self.state.set_visible(name, not self.state.visible(name))

    def solo_selected(self) -> None:
        self.state.solo(self.state.selected)

    def show_all(self) -> None:
        self.state.show_only(self.state.structure_names())

    def hide_all(self) -> None:
        self.state.show_only(())

    def accept_selected(self) -> None:
        self.accept(self.state.selected)

    def accept(self, name: str) -> None:
        """Accept a structure in the reader's name, or take that back."""
        by = self._kept.reader()
        if self.state.is_accepted(name):
            self.state.unaccept(name, by)
        else:
            self.state.accept(name, by)

    def go_to_selected(self) -> None:
        self.go_to_structure(self.state.selected)

    def go_to_structure(self, name: str) -> None:
        """Select it and put the cross-hair into the voxel of it that is nearest to its middle."""
        self.state.select(name)
        twin = self.state.twin
        place = place_inside(twin.labels, name) if twin is not None and name else None
        if twin is not None and place is not None:
            self.state.set_cursor(transform_points(twin.image(twin.labels_on).twin_from_image, place))

    def go_to_finding(self, finding: Finding) -> None:
        if finding.where_mm is not None:
            self.state.set_cursor(finding.where_mm)
        elif finding.structure:
            self.state.set_visible(finding.structure, True)
            self.go_to_structure(finding.structure)

    # --- the side

    def choose_side(self, side: Side) -> SideDialog | None:
        """Ask the person to confirm the side; what speaks against it stays on the screen afterwards."""
        twin = self.state.twin
        if twin is None or side is twin.operated_side:
            return None
        dialog = SideDialog(twin, side, self._window)

        def state_it() -> None:
            self.state.set_side(side)
            warning = side_warning(twin, side)
            if warning:
                self._window.notice.tell(warning)

        dialog.accepted.connect(state_it)
        dialog.open()
        return dialog

    # --- help

    def show_shortcuts(self) -> ShortcutsDialog:
        dialog = ShortcutsDialog(self._window.actions_table.rows, self.state.mouse_profile, self._window)
        dialog.open()
        return dialog

    def show_about(self) -> AboutDialog:
        dialog = AboutDialog(self._window)
        dialog.open()
        return dialog
