"""The receiver killed with -9, a disk that is full, TLS with one authority: nothing acknowledged is lost."""

from __future__ import annotations

import random
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pydicom
import pytest

from tests.live.dicom_peers import PATIENCE_S, calling, files_in, instances, receiving, send

TRIALS = 2


@pytest.mark.parametrize("trial", range(TRIALS))
def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path, trial) -> None:
    series = {str(ds.SOPInstanceUID): ds for ds in instances(60, size=64)}
    acknowledged: list[str] = []
    enough = random.Random(trial).randrange(1, 40)
    has_enough = threading.Event()

    def stream(port: int) -> None:
        with calling(port) as association:
            for uid, ds in series.items():
                if association.send_c_store(ds).get("Status") != 0:
                    return
                acknowledged.append(uid)
                if len(acknowledged) >= enough:
                    has_enough.set()

    with receiving(tmp_path) as running:
        victim = psutil.Process(running.process.pid)
        sender = threading.Thread(target=stream, args=(running.port,))
        sender.start()
        assert has_enough.wait(PATIENCE_S)
        time.sleep(random.Random(trial).random() * 0.02)
        victim.kill()
        sender.join()
        again = running.wait_for("listening", since=len(running.seen))
        kept = {f.stem: f for f in files_in(tmp_path)}
        assert set(acknowledged) <= set(kept)
        for uid in acknowledged:
            assert pydicom.dcmread(kept[uid]).PixelData == series[uid].PixelData
        assert list((tmp_path / "incoming").iterdir()) == [], "what was half written is removed at the next start"
        assert set(send(int(again["port"]), list(series.values()))) == {0}
    assert {f.stem for f in files_in(tmp_path)} == set(series)


def test_where_no_room_is_left_the_sender_is_told_and_can_send_again(tmp_path) -> None:
    (ds,) = instances(1)
    free = shutil.disk_usage(tmp_path).free
    with receiving(tmp_path / "a", spare_bytes=2 * free) as running:
        assert send(running.port, [ds]) == [0xA700]
        assert "Free some space" in running.wait_for("refused")["reason"]
    with receiving(tmp_path / "b", most_bytes=1000) as running:
        assert send(running.port, [ds]) == [0xA700]
        assert "Discard" in running.wait_for("refused")["reason"]
    assert files_in(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 1 MB that can really be filled."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    if sys.platform != "linux" or psutil.Process().uids().effective != 0:
        pytest.skip("only root can mount a small disk")
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_really_full_loses_nothing_acknowledged(small_disk) -> None:
    series = instances(30, size=220)
    with receiving(small_disk) as running:
        statuses = send(running.port, series)
        assert set(statuses) == {0, 0xA700}
        kept = {f.stem for f in files_in(small_disk)}
        assert kept == {str(ds.SOPInstanceUID) for ds, status in zip(series, statuses, strict=True) if status == 0}
        first = files_in(small_disk)[0]
        first.unlink()
        missing = next(ds for ds in series if str(ds.SOPInstanceUID) == first.stem)
        assert send(running.port, [missing]) == [0], "it goes on where there is room again"


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    """An authority, a certificate that it signed, and one that another signed."""
    folder = tmp_path_factory.mktemp("keys")
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not installed")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True)

    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")  # fmt: skip
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "peer.key",
            "-out", "peer.csr", "-subj", "/CN=localhost")  # fmt: skip
    openssl("x509", "-req", "-in", "peer.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-out", "peer.pem")  # fmt: skip
    return folder


def client(keys: Path, name: str | None) -> tuple[ssl.SSLContext, str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(keys / "ca.pem")
    if name is not None:
        context.load_cert_chain(keys / f"{name}.pem", keys / f"{name}.key")
    return context, "localhost"


def test_over_tls_only_who_shows_a_signed_certificate_gets_in(tmp_path, keys) -> None:
    tls = tuple(str(keys / name) for name in ("peer.pem", "peer.key", "ca.pem"))
    series = instances(6)
    with receiving(tmp_path, tls=tls, stall_s=5.0) as running:
        for stranger in (None, client(keys, None), client(keys, "other")):
            with calling(running.port, tls=stranger) as association:
                assert not association.is_established
        with calling(running.port, tls=client(keys, "peer")) as association:
            assert association.is_established
            assert [association.send_c_store(ds).Status for ds in series] == [0] * 6
    assert len(files_in(tmp_path)) == 6
