"""`surgtwin demo`: the whole path on a phantom, with nothing to bring along."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.export import export_meshes
from surgtwin.pipeline.images import open_image
from surgtwin.pipeline.summary import twin_summary
from surgtwin.progress import Progress
from surgtwin.store.save import save_twin
from ui.phantom import has_phantom, write_phantom_series

from .console import ProgressBar, note, say, write_json
from .display import has_display
from .info import say_twin
from .input_steps import network, note_findings

FORMATS = ("stl", "glb")


def run(options: argparse.Namespace) -> int:
    folder: Path = options.output
    twin_path = folder / "phantom.twin"
    bar = ProgressBar()
    progress = bar.progress()
    try:
        series = _phantom(folder, progress.part(0.0, 0.2, "Making a phantom CT"))
        volume, _ = open_image(series, progress=progress.part(0.2, 0.25))
        twin = build_twin(volume, network(options), progress=progress.part(0.25, 0.9))
        save_twin(twin, twin_path, overwrite=True, progress=progress.part(0.9, 0.95, "Saving"))
        files = export_meshes(
            twin, folder / "meshes", formats=FORMATS, progress=progress.part(0.95, 1.0, "Exporting surfaces")
        )
    finally:
        bar.close()
    opens_window = has_display() and not options.no_window
    pictures = [] if opens_window else _pictures(twin_path, folder)
    if options.json:
        paths = {"twin": str(twin_path), "meshes": [str(f) for f in files], "pictures": [str(p) for p in pictures]}
        write_json({**paths, **twin_summary(twin)})
    else:
        say_twin(twin)
        say(f"\nphantom CT: {series}\ntwin:       {twin_path}\nmeshes:     {folder / 'meshes'} ({len(files)} files)")
        for picture in pictures:
            say(f"picture:    {picture}")
    note_findings(twin.findings)
    if opens_window:
        from ui.desktop.app import run as run_desktop

        return run_desktop(twin_path)
    if not has_display():
        note("There is no display, so pictures were written in place of the desktop.")
    return 0


def _phantom(folder: Path, progress: Progress) -> Path:
    """Write the phantom's DICOM series; one of a demo made before is replaced, nothing else is touched."""
    series = folder / "dicom"
    if series.exists() and has_phantom():
        shutil.rmtree(series)
    folder.mkdir(parents=True, exist_ok=True)
    return write_phantom_series(series, progress)


def _pictures(twin_path: Path, folder: Path) -> list[Path]:
    from surgtwin.store.load import load_twin
    from ui.render.screenshot import write_screenshot

    twin = load_twin(twin_path)
    written = []
    for view in ("overview", "anterior"):
        path = folder / f"{view}.png"
        write_screenshot(twin, path, view=view)
        written.append(path)
    return written
