"""The phantom to try the program on. Its generator, `sample_data`, comes with the source tree, not with the wheel."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from surgtwin.errors import InputError
from surgtwin.progress import SILENT, Progress

_SOURCE_TREE = Path(__file__).resolve().parent.parent


def has_phantom() -> bool:
    """True where the generator can be imported; in a source tree it lies beside the packages."""
    if (_SOURCE_TREE / "sample_data" / "phantom.py").is_file() and str(_SOURCE_TREE) not in sys.path:
        sys.path.append(str(_SOURCE_TREE))  # an editable install maps only the packages of the wheel
    return find_spec("sample_data") is not None


def write_phantom_series(folder: Path, progress: Progress = SILENT) -> Path:
    """Write the phantom's DICOM series into the new `folder` and answer it.

    Raises
    ------
    InputError
        If this is an installed wheel.
    """
    if not has_phantom():
        raise InputError("The phantom generator comes with the source tree: run `python3 tasks.py demo` there.")
    from sample_data.phantom import SMALL, make_phantom
    from surgtwin.dicom.write import write_series

    phantom = make_phantom(SMALL, progress.part(0.0, 0.9, "Making the phantom"))
    write_series(phantom.volume, folder, description="Phantom abdomen, portal venous")
    return folder
