"""Which of several series: a picture of each, its rank and why, and what speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QCheckBox, QListWidget, QListWidgetItem, QWidget

from surgtwin.domain.patient import Patient
from surgtwin.progress import Progress

from ..icons import pixmap
from ..jobs import JobRunner
from ..panels.labels import text_label
from ..wording import patient_details, patient_name
from .base import AskingDialog

if TYPE_CHECKING:
    from surgtwin.pipeline.images import ImageChoice, ImageChoices

THUMBNAIL_PX = 88
REGULARISE = (
    "Regularise: resample the slices onto even spacing. Gaps are filled by interpolation; "
    "this is recorded in the twin. Do not plan across a filled gap."
)


class SeriesChooser(AskingDialog):
    """Rows best first; the best that can be used is selected."""

    chosen = Signal(object, bool)
    """The ImageChoice, and whether it is to be regularised."""

    def __init__(self, choices: ImageChoices, parent: QWidget | None = None) -> None:
        super().__init__("Choose a series", _sentence(choices), "Build the twin", parent)
        self._choices = choices
        self.list = QListWidget()
        self.list.setIconSize(QSize(THUMBNAIL_PX, THUMBNAIL_PX))
        self.list.setWordWrap(True)
        self.list.setSpacing(2)
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.setAccessibleName("Series, best first")
        self._names_patients = len(_patients(choices)) > 1
        for choice in choices.choices:
            self.list.addItem(self._item(choice))
        self.list.currentRowChanged.connect(self._refresh)
        self.list.itemDoubleClicked.connect(lambda _item: self.accept_button.click())
        self.reason = text_label(wrap=True)
        self.regularise = QCheckBox("Regularise the slices")
        self.explained = text_label(REGULARISE, "quiet", wrap=True)
        self.regularise.toggled.connect(lambda _on: self._refresh(self.list.currentRow()))
        for widget in (self.reason, self.regularise, self.explained):
            self.body.addWidget(widget)
        self.body.insertWidget(0, self.list, 1)
        if choices.skipped:
            self.body.addWidget(self._skipped_label())
        self.accepted.connect(self._tell)
        self.resize(720, 560)
        usable = next((n for n, c in enumerate(choices.choices) if not c.refusal), 0)
        self.list.setCurrentRow(usable)
        self._fetching = -1
        self._thumbnails = JobRunner(self)
        self._thumbnails.failed.connect(lambda _error: self._fetch_after(self._fetching))
        self.finished.connect(lambda _code: self._thumbnails.cancel())
        self._fetch_after(-1)

    def current(self) -> ImageChoice:
        return self._choices.choices[max(self.list.currentRow(), 0)]

    def _refresh(self, row: int) -> None:
        if row < 0:
            return
        choice = self._choices.choices[row]
        refused = bool(choice.refusal)
        self.reason.setText(choice.refusal)
        self.reason.setVisible(refused)
        mendable = refused and can_regularise(choice)
        self.regularise.setVisible(mendable)
        self.explained.setVisible(mendable)
        self.accept_button.setEnabled(not refused or (mendable and self.regularise.isChecked()))

    def _tell(self) -> None:
        choice = self.current()
        self.chosen.emit(choice, bool(choice.refusal) and self.regularise.isChecked())

    def _item(self, choice: ImageChoice) -> QListWidgetItem:
        item = QListWidgetItem(
            QIcon(pixmap("open_file", THUMBNAIL_PX, "#353a42")), describe(choice, self._names_patients)
        )
        item.setToolTip("\n".join(choice.reasons))
        item.setSizeHint(QSize(0, THUMBNAIL_PX + 16))
        return item

    def _skipped_label(self) -> QWidget:
        skipped = self._choices.skipped
        label = text_label(f"{len(skipped)} files were passed over (hold the mouse here to see why).", "quiet")
        shown = [f"{s.path}: {s.reason}" for s in skipped[:20]]
        label.setToolTip("\n".join([*shown, *(["…"] if len(skipped) > len(shown) else [])]))
        return label

    def _fetch_after(self, row: int) -> None:
        """Thumbnails one after the other, in the background."""
        rows = range(row + 1, len(self._choices.choices))
        self._fetching = next((n for n in rows if self._choices.choices[n].series is not None), -1)
        if self._fetching >= 0:
            choice = self._choices.choices[self._fetching]
            self._thumbnails.run("Picture", lambda progress: _thumbnail(choice, progress), self._set_thumbnail)

    def _set_thumbnail(self, image: QImage) -> None:
        item = self.list.item(self._fetching)
        if item is not None:
            item.setIcon(QIcon(QPixmap.fromImage(image)))
        self._fetch_after(self._fetching)


def can_regularise(choice: ImageChoice) -> bool:
    """True if the slices are there and only their spacing speaks against the series."""
    return choice.series is not None and choice.series.needs_regularise


def describe(choice: ImageChoice, names_patient: bool = False) -> str:
    """Description (and whose it is); modality and size; why it is ranked so; a word for what cannot be used."""
    lines = [choice.description or "Series without a description"]
    if names_patient and choice.series is not None:
        lines[0] = f"{patient_name(choice.series.patient)}  ·  {lines[0]}"
    lines.append("  ·  ".join((choice.modality or "Image file", *_size(choice))))
    if choice.refusal:
        lines.append("Cannot be used as it is")
    elif choice.reasons:
        lines.append(", ".join(choice.reasons[:3]))
    return "\n".join(lines)


def _size(choice: ImageChoice) -> list[str]:
    series = choice.series
    if series is None or series.shape_kji is None:
        return []
    slices, rows, columns = series.shape_kji
    words = [f"{slices} slices of {columns} x {rows}"]
    return words if series.spacing is None else [*words, f"{series.spacing[2]:.1f} mm apart"]


def _sentence(choices: ImageChoices) -> str:
    patients = _patients(choices)
    if len(patients) == 1:
        patient = next(iter(patients))
        return f"{patient_name(patient)}   {patient_details(patient)}"
    if len(patients) > 1:
        return f"This input holds images of {len(patients)} patients. Check whose series you choose."
    return "Best suited first."


def _patients(choices: ImageChoices) -> set[Patient]:
    return {c.series.patient for c in choices.choices if c.series is not None}


def _thumbnail(choice: ImageChoice, progress: Progress) -> QImage:
    from surgtwin.dicom.thumbnail import thumbnail

    progress.check()
    if choice.series is None:
        return QImage()
    grey = thumbnail(choice.series, THUMBNAIL_PX)
    rows, columns = grey.shape
    return QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8).copy()
