"""What the commands take that speak DICOM with other machines: live receive, live watch, live inbox, fetch, send."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .live_events import ROLES, address, port, seconds

AddCommand = Callable[..., argparse.ArgumentParser]
MAX_AE_TITLE = 16


def add_arrivals(actions: Any, command: AddCommand) -> None:
    """`surgtwin live receive`, `live watch` and `live inbox`."""
    _receive(actions, command)
    _watch(actions, command)
    _inbox(actions, command)


def _receive(actions: Any, command: AddCommand) -> None:
    p = command(
        actions, "receive", "live_receive", "a DICOM receiver: series that arrive are offered to the twin", json=False
    )
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("--port", type=port, default=11112, help="default 11112; 0 takes a free one and says which")
    p.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this computer only)")
    p.add_argument("--aet", type=ae_title, default="SURGTWIN", metavar="AET", help="its AE title (default SURGTWIN)")
    p.add_argument("--allow-aet", type=ae_title, action="append", metavar="AET", help="who may call; may be repeated")
    p.add_argument(
        "--allow-host", type=_network, action="append", metavar="ADDRESS", help="who may connect, e.g. 10.1.2.0/24"
    )
    _add_tls(p)
    p.add_argument("--associations", type=_count, default=4, metavar="N", help="at the same time (default 4)")
    p.add_argument("--most", type=_count, default=200, metavar="GB", help="that the inbox may hold (default 200)")
    _add_intake(p)


def _watch(actions: Any, command: AddCommand) -> None:
    p = command(actions, "watch", "live_watch", "offer series that appear in a folder to the twin", json=False)
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("folder", type=Path, metavar="FOLDER", help="its files are copied, never changed or removed")
    p.add_argument(
        "--settle", type=seconds, default=2.0, metavar="TIME", help="a file unchanged for so long is whole (default 2s)"
    )
    _add_intake(p)


def _add_intake(p: argparse.ArgumentParser) -> None:
    p.add_argument("--inbox", type=Path, metavar="DIR", help="where instances are kept (default CASE.inbox)")
    p.add_argument(
        "--idle", type=seconds, default=10.0, metavar="TIME", help="a series is complete when none came (default 10s)"
    )
    p.add_argument("--expect", type=_count, metavar="N", help="or when it has so many instances")
    p.add_argument("--role", choices=ROLES, default="intra-op", help="what the images are (default intra-op)")
    p.add_argument("--quality", choices=("preview", "refined"), default="preview", help="refined takes minutes")
    p.add_argument("--regularise", action="store_true", help="resample missing or unevenly spaced slices")
    p.add_argument("--accept", action="store_true", help="make each the current revision; overrides no failed gate")
    p.add_argument("--by", metavar="WHO", help="who decides; the account's name if not given")
    p.add_argument("--once", action="store_true", help="stop after one series; exit code 3 if it was not taken in")
    p.add_argument("--for", dest="seconds", type=seconds, metavar="TIME", help="stop after, e.g. 30s")
    p.add_argument("--json", action="store_true", help="one JSON document a line on stdout for every event")


def _inbox(actions: Any, command: AddCommand) -> None:
    p = command(actions, "inbox", "live_inbox", "what arrived for a twin, and what the patient gate holds", json=False)
    inbox = p.add_subparsers(dest="inbox_action", metavar="WHAT", required=True)
    a = command(inbox, "list", "live_inbox", "every series that arrived, with what became of it, and why")
    _add_inbox(a)
    a.add_argument("--with-identity", action="store_true", help="also whom held series state as their patient")
    a = command(inbox, "admit", "live_inbox", "let a held series of the twin's patient go to the twin")
    _add_inbox(a)
    a.add_argument("series", metavar="SERIES", help="its UID, as list shows it")
    a.add_argument("--by", metavar="WHO", help="who decides; the account's name if not given")
    a = command(inbox, "discard", "live_inbox", "delete what is held of a series")
    _add_inbox(a)
    a.add_argument("series", metavar="SERIES", help="its UID, as list shows it")
    a = command(inbox, "tidy", "live_inbox", "delete the files of series that the twin has taken in")
    _add_inbox(a)


def _add_inbox(p: argparse.ArgumentParser) -> None:
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("--inbox", type=Path, metavar="DIR", help="the folder (default CASE.inbox)")


def _add_tls(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--tls",
        nargs=3,
        type=Path,
        metavar=("CERT", "KEY", "CA"),
        help="PEM files; the other side has to show a certificate that CA signed",
    )


def ae_title(text: str) -> str:
    """An AE title (PS3.5, 6.2), for argparse."""
    title = text.strip()
    if not title or len(title) > MAX_AE_TITLE or not title.isascii() or not title.isprintable() or "\\" in title:
        raise argparse.ArgumentTypeError(f"'{text}' is no AE title: up to {MAX_AE_TITLE} plain characters")
    return title


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no address or network, like 10.1.2.3 or 10.1.2.0/24") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 on")
    return int(text)


def add_archive(commands: Any, command: AddCommand) -> None:
    """`surgtwin fetch` and `surgtwin send`."""
    p = command(commands, "fetch", "fetch", "list an archive's series, and fetch them whole")
    _add_peer(p)
    for name, text in (
        ("--patient-id", "exactly, or with * and ?"),
        ("--study-date", "YYYYMMDD, or a range YYYYMMDD-YYYYMMDD"),
        ("--accession", "accession number"),
        ("--modality", "CT, MR ..."),
        ("--study", "StudyInstanceUID"),
        ("--series", "SeriesInstanceUID"),
    ):
        p.add_argument(name, default="", metavar=name.strip("-").upper().replace("-", "_"), help=text)
    p.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="fetch; one folder a series is made in it")
    p.add_argument("--all", action="store_true", help="fetch every series that matches")
    p.add_argument("--move-port", type=port, metavar="PORT", help="by C-MOVE to this port; else by C-GET")
    p.add_argument("--move-host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on for C-MOVE")
    p = command(commands, "send", "send", "give DICOM files (SEG, RTSTRUCT, SR, images) to an archive")
    p.add_argument("files", type=Path, nargs="*", metavar="FILE", help="files, or folders of them")
    _add_peer(p)
    p.add_argument("--echo", action="store_true", help="test first whether the archive answers")
    text = "ask the PACS to vouch for keeping them (storage commitment); it answers to this port"
    p.add_argument("--commit", type=port, metavar="PORT", help=text)
    p.add_argument("--commit-host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on for that")


def _add_peer(p: argparse.ArgumentParser) -> None:
    peer = p.add_mutually_exclusive_group(required=True)
    peer.add_argument("--pacs", type=_pacs, metavar="AET@HOST:PORT", help="an archive that speaks DICOM's protocol")
    peer.add_argument("--dicomweb", metavar="URL", help="an archive that speaks DICOMweb, e.g. https://host/dicom-web")
    p.add_argument("--aet", type=ae_title, default="SURGTWIN", metavar="AET", help="our AE title (default SURGTWIN)")
    p.add_argument("--auth", type=Path, metavar="FILE", help="with --dicomweb: holds 'Bearer TOKEN' or 'Basic ...'")
    p.add_argument("--timeout", type=seconds, default=30.0, metavar="TIME", help="for every answer (default 30s)")
    _add_tls(p)


def _pacs(text: str) -> tuple[str, str, int]:
    called, _, place = text.rpartition("@")
    if not called:
        raise argparse.ArgumentTypeError(f"'{text}' is not AET@HOST:PORT, like ARCHIVE@localhost:4242")
    return (ae_title(called), *address(place))
