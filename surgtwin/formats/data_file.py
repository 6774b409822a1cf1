"""The values of an image whose header lies in a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from ..errors import FormatError


def open_beside(header_path: Path, name: str) -> BinaryIO:
    """The data file that a header names, in the header's own folder.

    Other folders are refused: a header from elsewhere must not make the program open any file of this machine.

    Raises
    ------
    FormatError
        If there are several data files, the file lies elsewhere or is missing.
    """
    words = name.split()
    if words and (words[0].upper() == "LIST" or "%" in name):
        raise FormatError(f"'{header_path.name}' keeps its values in several files. Save it as one file.")
    if not name or Path(name).name != name or name in (".", "..") or "\\" in name or "\0" in name:
        raise FormatError(f"'{header_path.name}' names a data file in another folder. Put both into one folder.")
    path = header_path.with_name(name)
    if not path.is_file():
        raise FormatError(f"'{header_path.name}' needs its data file '{name}', which is not beside it.")
    return path.open("rb")
