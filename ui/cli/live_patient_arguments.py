"""What `surgtwin live patient` takes."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .live_events import address, seconds

AddCommand = Callable[..., argparse.ArgumentParser]


def add_patient(actions: Any, command: AddCommand) -> None:
    """`surgtwin live patient`: take files in, listen, or show."""
    text = "take the patient's values, drugs and allergies in (FHIR R4, HL7 v2), or show them with age and trend"
    p = command(actions, "patient", "live_patient", text)
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("files", type=Path, nargs="*", metavar="FILE", help="FHIR R4 in JSON, or HL7 v2 results (ORU^R01)")
    p.add_argument("--mllp", type=address, metavar="HOST:PORT", help="listen for HL7 v2 results, e.g. 127.0.0.1:2575")
    p.add_argument(
        "--allow", type=_network, action="append", metavar="NETWORK", help="who may send, e.g. 10.1.2.0/24; repeatable"
    )
    p.add_argument("--for", dest="seconds", type=seconds, metavar="TIME", help="with --mllp: stop after, e.g. 30s")
    p.add_argument("--time-zone", metavar="ZONE", help="of HL7 v2 times that state none, e.g. Europe/Vienna or +01:00")
    p.add_argument(
        "--code",
        type=_local_code,
        action="append",
        metavar="SYSTEM|CODE=QUANTITY",
        help="what a laboratory's own code means, e.g. '99LAB|ICG=icg-r15'; repeatable",
    )
    p.add_argument("--by", metavar="WHO", help="who vouches for values without an identity; else the account's name")


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no address or network like 10.1.2.0/24") from error


def _local_code(text: str) -> tuple[tuple[str, str], str]:
    code, _, quantity = text.rpartition("=")
    system, _, value = code.rpartition("|")
    if not (system and value and quantity):
        raise argparse.ArgumentTypeError(f"'{text}' is not SYSTEM|CODE=QUANTITY")
    return (system, value), quantity
