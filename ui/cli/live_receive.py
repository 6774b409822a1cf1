"""`surgtwin live receive`: a DICOM receiver for a twin; complete series are offered to it as updates."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from surgtwin.live.dicom_receiver_settings import ReceiverSettings

from .live_intake import follow
from .usage import UsageError

MODULE = "surgtwin.live.dicom_receiver"


def run(options: argparse.Namespace) -> int:
    """Receive until the time is over or the person stops it."""
    settings = ReceiverSettings(
        host=options.host,
        port=options.port,
        ae_title=options.aet,
        callers=tuple(options.allow_aet or ()),
        networks=tuple(options.allow_host or ()),
        tls=tls_files(options.tls),
        associations=options.associations,
        most_bytes=options.most * 2**30,
    )
    if not _is_loopback(settings.host) and not settings.networks and settings.tls is None:
        raise UsageError(
            f"--host {settings.host} lets other computers send to this twin: say which, with --allow-host ADDRESS or "
            "--tls CERT KEY CA."
        )
    return follow(options, MODULE, {"receiver": asdict(settings)})


def tls_files(paths: Sequence[Path] | None) -> tuple[str, str, str] | None:
    """Certificate, key and authority as --tls gives them."""
    if paths is None:
        return None
    certificate, key, authority = (str(path.resolve()) for path in paths)
    return certificate, key, authority


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
