"""Exports of the open twin, in the colours that are on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from surgtwin.domain.labels import Colour
from surgtwin.domain.twin import Twin
from surgtwin.progress import Progress

from .dialogs.export_dialog import ExportOrder


def in_colours(twin: Twin, colours: Mapping[str, Colour]) -> Twin:
    """The twin with other colours; the labels themselves are shared."""
    structures = tuple(replace(s, colour=colours.get(s.name, s.colour)) for s in twin.structures)
    meshes = tuple(replace(m, colour=colours.get(m.name, m.colour)) for m in twin.meshes)
    return replace(twin, labels=replace(twin.labels, structures=structures), meshes=meshes)


def export_surfaces(twin: Twin, colours: Mapping[str, Colour], order: ExportOrder, progress: Progress) -> int:
    """Write the surfaces that were ordered; answers how many files that were."""
    from surgtwin.pipeline.export import export_meshes

    files = export_meshes(
        in_colours(twin, colours),
        order.folder,
        formats=order.formats,
        names=set(order.names),
        frame=order.frame,
        progress=progress.part(0.0, 1.0, "Exporting surfaces"),
    )
    return len(files)


def export_label_map(twin: Twin, colours: Mapping[str, Colour], path: Path, progress: Progress) -> int:
    """Write layer 0 of the label map in the format of the file's ending; answers 1."""
    from surgtwin.pipeline.label_output import write_label_file

    progress.update(0.0, "Exporting the label map")
    coloured = in_colours(twin, colours)
    volume = coloured.image(coloured.labels_on).volume
    write_label_file(coloured.labels, volume, path, model=coloured.provenance.model)
    return 1
