"""Writing surfaces and label maps for other programs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from .command_base import CommandBase
from .dialogs.export_dialog import ExportDialog, ExportOrder
from .exporting import export_label_map, export_surfaces

LABEL_FILTER = "NIfTI (*.nii.gz);;NRRD for 3D Slicer (*.seg.nrrd);;DICOM SEG (*.dcm)"
LABEL_ENDINGS = {"NIfTI": ".nii.gz", "NRRD": ".seg.nrrd", "DICOM": ".dcm"}


class ExportCommands(CommandBase):
    """What leaves the program as files."""

    def ask_export(self) -> ExportDialog | None:
        twin = self.state.twin
        if twin is None:
            return None
        parent = self.state.path.parent if self.state.path is not None else self._saver.folder()
        dialog = ExportDialog(self.state, parent / f"{twin.case_id}-surfaces", self._window)
        dialog.ordered.connect(self.export)
        dialog.open()
        return dialog

    def export(self, order: ExportOrder) -> None:
        twin, colours = self.state.twin, self._colours()
        if twin is not None:
            self._run(
                "Exporting surfaces",
                lambda progress: export_surfaces(twin, colours, order, progress),
                f"Exported to {order.folder.name} in {order.folder.parent}",
            )

    def ask_export_labels(self) -> None:
        twin = self.state.twin
        if twin is None:
            return
        dialog = QFileDialog(self._window, "Export the label map", self.start_folder(), LABEL_FILTER)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(f"{twin.case_id}-labels.nii.gz")

        def export(path: Path) -> None:
            ending = LABEL_ENDINGS[dialog.selectedNameFilter().split(" ")[0]]
            named = path if path.name.endswith(tuple(LABEL_ENDINGS.values())) else path.with_name(path.name + ending)
            colours = self._colours()
            self._run(
                "Exporting the label map",
                lambda progress: export_label_map(twin, colours, named, progress),
                f"Exported {named.name}",
            )

        self._ask_file(dialog, export)
