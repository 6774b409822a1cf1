"""What reaches stdout and stderr, whatever their encoding."""

from __future__ import annotations

import io
import json
import sys

import pytest

from ui.cli.console import note, print_anything, say, write_json

ODD = "pão 門脈 \udcff"
"""Accents, CJK, and a byte of a file name that is no UTF-8."""


def _redirected(monkeypatch, encoding: str) -> tuple[io.BytesIO, io.BytesIO]:
    streams = (io.BytesIO(), io.BytesIO())
    for name, raw in zip(("stdout", "stderr"), streams, strict=True):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    print_anything()
    return streams


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_is_whole_in_every_encoding(monkeypatch, encoding):
    out, _ = _redirected(monkeypatch, encoding)
    write_json({"name": ODD})
    assert json.loads(out.getvalue().decode(encoding)) == {"name": ODD}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_name_the_terminal_cannot_show_does_not_stop_a_command(monkeypatch, encoding):
    out, error = _redirected(monkeypatch, encoding)
    say(ODD)
    note(ODD)
    assert out.getvalue().startswith(b"p") and error.getvalue().startswith(b"p")
