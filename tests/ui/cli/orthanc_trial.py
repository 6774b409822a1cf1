"""A real archive, sent to and fetched from by the command line; run in a network namespace of its own.

    unshare --net python orthanc_trial.py FOLDER OBJECTS SERIES PLUGIN

All of the folder OBJECTS is sent; the series in the folder SERIES, part of it, is fetched. PLUGIN is the library of
Orthanc's DICOMweb plugin, or empty.

Orthanc listens on every address there is, which in a new namespace is the loopback alone. The last line of stdout is
JSON: what each command answered.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DICOM, WEB, MOVE = 4242, 8042, 11112
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
PATIENCE_S = 60.0


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def configuration(folder: Path, plugin: str) -> Path:
    wanted: dict[str, Any] = {
        "Name": "trial",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "DicomAet": "ARCHIVE",
        "DicomPort": DICOM,
        "HttpPort": WEB,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomModalities": {"us": ["SURGTWIN", "127.0.0.1", MOVE]},
        "Plugins": [plugin] if plugin else [],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(wanted))
    return path


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return
        time.sleep(0.1)
    raise SystemExit(f"Orthanc did not begin to listen on {port}")


def command(*argv: object) -> dict[str, Any]:
    from ui.cli.main import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main([*map(str, argv), "--json"])
    return {"code": code, "said": json.loads(said.getvalue() or "null")}


def trial(folder: Path, objects: Path, series: Path, *, has_web: bool) -> dict[str, Any]:
    import pydicom

    uid = str(pydicom.dcmread(next(p for p in series.rglob("*") if p.is_file())).SeriesInstanceUID)
    dimse, web = ("--pacs", f"ARCHIVE@127.0.0.1:{DICOM}"), ("--dicomweb", f"http://127.0.0.1:{WEB}/dicom-web")
    told = {
        "echo": command("send", "--echo", *dimse),
        "wrong port": command("send", "--echo", "--pacs", f"ARCHIVE@127.0.0.1:{DICOM + 1}"),
        "send": command("send", objects, *dimse),
        "commit": command("send", series, *dimse, "--commit", MOVE),
        "list": command("fetch", *dimse, "--series", uid),
        "get": command("fetch", *dimse, "--series", uid, "-o", folder / "get"),
        "move": command("fetch", *dimse, "--series", uid, "-o", folder / "move", "--move-port", MOVE),
        "again": command("fetch", *dimse, "--series", uid, "-o", folder / "get"),
        "nothing": command("fetch", *dimse, "--series", "1.2.3", "-o", folder / "none"),
    }
    if has_web:
        told |= {
            "web echo": command("send", "--echo", *web),
            "web list": command("fetch", *web, "--series", uid),
            "web": command("fetch", *web, "--series", uid, "-o", folder / "web"),
            "stow": command("send", objects, *web),
        }
    return told


def main(folder: Path, objects: Path, series: Path, plugin: str) -> None:
    raise_loopback()
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", str(configuration(folder, plugin))], stdout=log, stderr=log)
        try:
            for port in (DICOM, WEB):
                wait_for(port, process)
            sys.stdout.write(json.dumps(trial(folder, objects, series, has_web=bool(plugin))) + "\n")
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), plugin=sys.argv[4])
