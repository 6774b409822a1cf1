"""The archive that `fetch` and `send` talk to, made of their options."""

from __future__ import annotations

import argparse
import ssl
from pathlib import Path

from surgtwin.dicom.net_dimse import DimseArchive, Peer
from surgtwin.dicom.net_web import WebArchive
from surgtwin.errors import InputError

from .usage import UsageError

MAX_SECRET_BYTES = 16 * 1024


def open_archive(options: argparse.Namespace) -> DimseArchive | WebArchive:
    """By --pacs or --dicomweb; nothing is connected yet. Raises UsageError, InputError, SourceError."""
    if options.dicomweb is not None:
        secret = "" if options.auth is None else _secret(options.auth)
        return WebArchive(options.dicomweb, authorization=secret, tls=_tls(options.tls), timeout_s=options.timeout)
    if options.auth is not None:
        raise UsageError("--auth goes with --dicomweb; a PACS is told who calls by --aet and --tls.")
    return DimseArchive(peer_of(options))


def peer_of(options: argparse.Namespace) -> Peer:
    """The archive that --pacs names."""
    called, host, port = options.pacs
    move_port, move_host = getattr(options, "move_port", None), getattr(options, "move_host", "127.0.0.1")
    return Peer(host, port, called, options.aet, options.timeout, _tls(options.tls), move_port, move_host)


def _secret(path: Path) -> str:
    """What the file says goes into the Authorization header; on a command line everyone could read it."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read as text.") from error
    if not text or not text.isprintable():
        raise InputError(f"{path} should hold one line like 'Bearer TOKEN' or 'Basic LETTERS'.")
    return text


def _tls(paths: list[Path] | None) -> ssl.SSLContext | None:
    if paths is None:
        return None
    certificate, key, authority = paths
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"The files of --tls can't be used: {error}. They have to be PEM.") from error
    return context
