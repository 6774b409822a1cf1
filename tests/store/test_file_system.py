from __future__ import annotations

from pathlib import Path

import pytest

from surgtwin.store.file_system import (
    NETWORK_TYPES,
    network_file_system,
    parse_mac_mount,
    parse_proc_mounts,
    type_of,
)

PROC_MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
//server/share /mnt/hospital\\040share cifs rw,vers=3.1.1 0 0
server:/export /home nfs4 rw 0 0
/dev/vdb /home/local xfs rw 0 0
"""
MAC_MOUNT = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//user@server/Share on /Volumes/Share (smbfs, nodev, nosuid, mounted by user)
server:/export on /Volumes/old nfs (nfs)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/a.twin", "ext4"),
        ("/mnt/hospital share/a.twin", "cifs"),
        ("/mnt/hospital sharex/a.twin", "ext4"),
        ("/home/somebody/a.twin", "nfs4"),
        ("/home/local/a.twin", "xfs"),
        ("/tmp", "tmpfs"),
    ],
)
def test_the_innermost_mount_decides(path: str, kind: str) -> None:
    assert type_of(Path(path), parse_proc_mounts(PROC_MOUNTS)) == kind


def test_the_mount_table_of_macos_is_understood() -> None:
    mounts = parse_mac_mount(MAC_MOUNT)
    assert type_of(Path("/Volumes/Share/x"), mounts) == "smbfs"
    assert type_of(Path("/Users/me"), mounts) == "apfs"
    assert type_of(Path("/Volumes/Share/x"), mounts) in NETWORK_TYPES


def test_a_later_mount_over_the_same_point_wins() -> None:
    assert type_of(Path("/a/b"), [("/a", "ext4"), ("/a", "nfs")]) == "nfs"


def test_a_folder_that_does_not_exist_yet_lies_where_its_parent_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surgtwin.store.file_system.os.name", "posix")
    monkeypatch.setattr("surgtwin.store.file_system.sys.platform", "linux")
    monkeypatch.setattr("surgtwin.store.file_system._linux_mounts", lambda: [("/", "ext4"), (str(tmp_path), "nfs")])
    assert network_file_system(tmp_path / "not" / "there.twin") == "nfs"
    assert network_file_system(tmp_path.parent / "there.twin") == ""


def test_the_temporary_folder_of_the_tests_is_local(tmp_path: Path) -> None:
    assert network_file_system(tmp_path) == ""
