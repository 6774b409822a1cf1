"""How a DICOM receiver listens; free of the libraries that do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MIB = 2**20


@dataclass(frozen=True)
class ReceiverSettings:
    """How the receiver listens.

    Parameters
    ----------
    callers
        AE titles that may call; empty: all.
    networks
        Addresses and networks that may connect ("10.1.2.0/24"); empty: all that reach the port.
    tls
        Files of certificate, key, and the authority that peers' certificates must be signed by; None without TLS.
    """

    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "SURGTWIN"
    callers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    tls: tuple[str, str, str] | None = None
    associations: int = 4
    most_bytes: int = 200 * 1024 * MIB
    spare_bytes: int = 1024 * MIB
    object_bytes: int = 1024 * MIB
    stall_s: float = 30.0


def settings_from(raw: dict[str, Any]) -> ReceiverSettings:
    """The settings as `dataclasses.asdict` and JSON left them."""
    lists = {name: tuple(raw[name]) for name in ("callers", "networks")}
    return ReceiverSettings(**{**raw, **lists, "tls": tuple(raw["tls"]) if raw["tls"] else None})
