"""What kind of file system a folder lies on: SQLite's write-ahead log is unsafe on a network share.

SQLite: "all processes using a database must be on the same host computer; WAL does not work over a network
filesystem" (sqlite.org/wal.html).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

NETWORK_TYPES = frozenset({
    "9p", "acfs", "afpfs", "afs", "autofs.nfs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs",
    "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.gvfsd-fuse", "fuse.rclone", "fuse.s3fs",
    "fuse.sshfs", "fuse.vmhgfs-fuse", "gfs2", "gpfs", "glusterfs", "lustre", "macfuse", "ncpfs", "nfs",
    "nfs3", "nfs4", "ocfs2", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "webdav",
})  # fmt: skip
"""File system types, as mount tables name them, whose files other machines can see or change."""
_DRIVE_REMOTE = 4
"""Windows, GetDriveTypeW: DRIVE_REMOTE."""
_MAC_MOUNT = re.compile(r"^.+ on (?P<point>/.*) \((?P<type>\w+)[,)]")


def network_file_system(path: Path) -> str:
    """The type of the network file system that holds `path` ("nfs4", "cifs", ...), or an empty string."""
    where = _nearest_existing(path)
    if os.name == "nt":
        return _windows_network(str(where))
    table = _mac_mounts() if sys.platform == "darwin" else _linux_mounts()
    kind = type_of(where, table)
    return kind if kind in NETWORK_TYPES else ""


def type_of(path: Path, mounts: list[tuple[str, str]]) -> str:
    """The type of the file system that holds an absolute path, from (mount point, type) pairs; later ones win."""
    best, kind = -1, ""
    for point, mounted in mounts:
        if path.is_relative_to(point) and len(Path(point).parts) >= best:
            best, kind = len(Path(point).parts), mounted
    return kind


def parse_proc_mounts(text: str) -> list[tuple[str, str]]:
    """(mount point, type) of each line of /proc/mounts, where blanks are written \\040."""
    fields = [line.split(" ") for line in text.splitlines()]
    return [(_unescape(f[1]), f[2]) for f in fields if len(f) >= 3]


def parse_mac_mount(text: str) -> list[tuple[str, str]]:
    """(mount point, type) of each line that macOS's `mount` prints."""
    found = [_MAC_MOUNT.match(line) for line in text.splitlines()]
    return [(m["point"], m["type"]) for m in found if m is not None]


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), text)


def _nearest_existing(path: Path) -> Path:
    where = Path(os.path.realpath(path))
    while not where.exists() and where != where.parent:
        where = where.parent
    return where


def _linux_mounts() -> list[tuple[str, str]]:
    try:
        return parse_proc_mounts(Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return []


def _mac_mounts() -> list[tuple[str, str]]:
    try:
        done = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_mac_mount(done.stdout)


if sys.platform == "win32":

    def _windows_network(path: str) -> str:
        import ctypes

        if path.startswith("\\\\"):
            return "a network share"
        drive = os.path.splitdrive(path)[0] + "\\"
        return "a network drive" if ctypes.windll.kernel32.GetDriveTypeW(drive) == _DRIVE_REMOTE else ""

else:

    def _windows_network(path: str) -> str:
        return ""
