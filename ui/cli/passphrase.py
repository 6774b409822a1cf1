"""Asking a person for a passphrase without showing it."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from surgtwin.errors import ReviewError


def ask_passphrase(file: Path | None, prompt: str, *, twice: bool = False) -> str:
    """The passphrase from a file's first line, or typed on the terminal.

    Parameters
    ----------
    twice
        Ask again to be sure; not with a file.

    Raises
    ------
    ReviewError
        If there is neither file nor terminal, the file can't be read, or the two differ.
    """
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ReviewError(f"The passphrase can't be read from '{file}': {error}.") from error
        return lines[0] if lines else ""
    if not sys.stdin.isatty():
        raise ReviewError("There is no terminal to ask for the passphrase; give it with --passphrase-file FILE.")
    typed = getpass.getpass(f"{prompt}: ")
    if twice and getpass.getpass(f"{prompt}, again: ") != typed:
        raise ReviewError("The two passphrases differ. Nothing was made.")
    return typed
