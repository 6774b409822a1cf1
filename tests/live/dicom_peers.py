"""Peers for the DICOM receiver's tests: a receiver in a real process, senders, and objects to send."""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE

from surgtwin.domain.patient import Patient
from surgtwin.errors import SourceError
from surgtwin.live.dicom_receiver import be_quiet
from surgtwin.live.dicom_receiver_settings import ReceiverSettings
from surgtwin.live.dicom_source_process import SourceProcess
from tests.conftest import make_oblique_grid
from tests.dicom.series_writer import ct_values, slice_dataset

PATIENT = Patient("SECRET-ID", "", "Secret^Name", "19500101", "F")
PATIENCE_S = 60.0
be_quiet()  # a record of pytest's would keep a failed connection, and its socket, alive


def instances(count: int, change: Callable[[Dataset, int], None] | None = None, size: int = 16) -> list[Dataset]:
    """Slices of one CT series of the patient above."""
    grid = make_oblique_grid((count, size, size + 2))
    values = ct_values(grid.shape)
    uids = (generate_uid(), generate_uid(), generate_uid())
    found = []
    for k in range(count):
        ds = slice_dataset(values, grid, k, uids)
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if change is not None:
            change(ds, k)
        found.append(ds)
    return found


class Running:
    """A receiver in its process."""

    def __init__(self, inbox: Path, patient: Patient = PATIENT, **settings: Any) -> None:
        wanted = asdict(ReceiverSettings(**{"port": 0, "spare_bytes": 0, **settings}))
        configuration = {"receiver": wanted, "inbox": str(inbox), "patient": asdict(patient)}
        self.process = SourceProcess("surgtwin.live.dicom_receiver", configuration)
        self.inbox = inbox
        self.seen: list[dict[str, Any]] = []
        try:
            self.port = int(self.wait_for("listening")["port"])
        except SourceError:
            self.process.close()
            raise

    def wait_for(self, kind: str, since: int = 0) -> dict[str, Any]:
        """The first event of a kind, from the `since`-th event on."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for event in self.seen[since:]:
                if event["event"] == kind:
                    return event
            self.seen += self.process.events()
            time.sleep(0.01)
        raise AssertionError(f"no {kind} came; there came: {self.seen}")


@contextmanager
def receiving(inbox: Path, patient: Patient = PATIENT, **settings: Any) -> Iterator[Running]:
    running = Running(inbox, patient, **settings)
    try:
        yield running
    finally:
        running.process.close()


@contextmanager
def calling(port: int, *, called: str = "SURGTWIN", calling_aet: str = "CT1", tls: Any = None) -> Iterator[Any]:
    """An association of a scanner, established or not."""
    entity = AE(ae_title=calling_aet)
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    entity.add_requested_context("1.2.840.10008.1.1")
    entity.network_timeout = entity.dimse_timeout = entity.acse_timeout = PATIENCE_S
    with warnings.catch_warnings():
        # pynetdicom's requestor drops its socket without closing it where shutting it down fails.
        warnings.filterwarnings("ignore", "unclosed <s", ResourceWarning)
        association = entity.associate("127.0.0.1", port, ae_title=called, tls_args=tls)
        try:
            yield association
        finally:
            if association.is_established:
                association.release()
            association.dul.socket = None
            gc.collect()


def send(port: int, datasets: list[Dataset]) -> list[int]:
    """The statuses that the receiver answered."""
    with calling(port) as association:
        assert association.is_established
        return [int(association.send_c_store(ds).Status) for ds in datasets]


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def random_pixels(ds: Dataset, seed: int) -> None:
    ds.PixelData = np.random.default_rng(seed).integers(0, 4000, ds.Rows * ds.Columns).astype("<u2").tobytes()
