"""Statistics of sign-offs: Dice of what was found and what was signed, and alarms that chance does not raise."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from twin_samples import sample_twin

from surgtwin.domain.labels import LabelMap
from surgtwin.domain.review import ReviewState, SignOff
from surgtwin.review.sign_off import Opinion, signed
from surgtwin.review.statistics import UNKNOWN, Outcome, collect, figures, scanner_of
from surgtwin.store.save import save_twin
from surgtwin.store.writer import TwinWriter


def header(**fields: str) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for name, value in fields.items():
        setattr(dataset, name, value)
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def network_twin(case_id: str):
    twin = sample_twin()
    structures = tuple(replace(s, origin="network") for s in twin.labels.structures)
    volume = twin.primary
    dicom = replace(volume.source.dicom, header=header(Manufacturer="Maker", ManufacturerModelName="One"))
    primary = replace(twin.images[0], volume=replace(volume, source=replace(volume.source, dicom=dicom)))
    provenance = replace(twin.provenance, model={"name": "ct_abdomen", "version": "1.2"})
    labels = replace(twin.labels, structures=structures)
    return replace(
        twin, case_id=case_id, labels=labels, images=(primary, *twin.images[1:]), provenance=provenance, confidence=None
    )


def outcome(n: int, state=ReviewState.ACCEPTED, dice: float | None = 1.0, scanner: str = "A") -> Outcome:
    utc = f"2026-01-01T{n // 60:02d}:{n % 60:02d}:00Z"
    said = SignOff("liver", state, "00" * 32, 1, "Dr. B", "ab" * 32, utc, reason="torn")
    return Outcome(Path(f"{n}.twin"), f"case-{n}", "liver", "net 1", scanner, said, dice)


def test_dice_is_of_what_was_found_and_what_was_signed(tmp_path, reader):
    first = network_twin("case-a")
    save_twin(first, tmp_path / "a.twin")
    layer = first.labels.layers[0].copy()
    liver = np.argwhere(layer == 1)
    layer[tuple(liver[: len(liver) // 4].T)] = 0
    with TwinWriter(tmp_path / "a.twin") as writer:
        edited = LabelMap(first.labels.grid, (layer, first.labels.layers[1]), first.labels.structures)
        twin = writer.append(replace(first, labels=edited), "corrected")
        for names, opinion in (
            (["liver"], Opinion(ReviewState.CORRECTED, 60.0)),
            (["left kidney"], Opinion(ReviewState.ACCEPTED)),
            (["body"], Opinion(ReviewState.REJECTED, reason="table inside")),
        ):
            writer.review(signed(twin.case_id, twin.revision.number, twin.labels, names, opinion, reader))
    outcomes, unreadable = collect([tmp_path])
    assert not unreadable
    found = {o.structure: o for o in outcomes}
    assert found["liver"].dice == pytest.approx(2 * 0.75 / 1.75)
    assert found["left kidney"].dice == 1.0
    assert found["body"].dice is None
    assert {(o.model, o.scanner) for o in outcomes} == {("ct_abdomen 1.2", "Maker One")}


def test_what_no_network_found_is_not_counted(tmp_path, reader):
    save_twin(sample_twin(), tmp_path / "a.twin")
    with TwinWriter(tmp_path / "a.twin") as writer:
        twin = writer.twin
        writer.review(signed(twin.case_id, 1, twin.labels, ["liver"], Opinion(ReviewState.ACCEPTED), reader))
    assert collect([tmp_path]) == ([], [])


def test_a_forged_sign_off_is_not_counted(tmp_path, reader):
    save_twin(network_twin("case-a"), tmp_path / "a.twin")
    with TwinWriter(tmp_path / "a.twin") as writer:
        twin = writer.twin
        (said,) = signed(twin.case_id, 1, twin.labels, ["liver"], Opinion(ReviewState.ACCEPTED), reader)
        writer.review([replace(said, comment="added")])
    assert collect([tmp_path]) == ([], [])


def test_a_group_tells_its_counts_and_dice():
    told = figures(
        [outcome(1, dice=0.9), outcome(2, ReviewState.CORRECTED, 0.7), outcome(3, ReviewState.REJECTED, None)]
    )
    (group,) = told
    assert (group.count, group.accepted, group.corrected, group.rejected) == (3, 1, 1, 1)
    assert group.mean_dice == pytest.approx(0.8)
    assert group.least_dice == 0.7
    assert group.alarms == ()


def test_a_steady_model_raises_no_alarm():
    rng = np.random.default_rng(3)
    steady = [outcome(n, dice=float(d), scanner="AB"[n % 2]) for n, d in enumerate(rng.normal(0.94, 0.02, 200))]
    assert all(not g.alarms for g in figures(steady))


def test_a_model_that_gets_worse_raises_an_alarm():
    rng = np.random.default_rng(4)
    dice = [*rng.normal(0.95, 0.01, 30), *rng.normal(0.85, 0.02, 10)]
    (group,) = figures([outcome(n, dice=float(d)) for n, d in enumerate(dice)])
    (alarm,) = group.alarms
    assert alarm.startswith("the last 10 have a mean Dice of 0.8")


def test_a_model_that_is_rejected_more_often_raises_an_alarm():
    kept = [outcome(n, dice=0.95) for n in range(30)]
    lost = [outcome(30 + n, ReviewState.REJECTED, None) for n in range(10)]
    (group,) = figures([*kept, *lost])
    assert group.alarms == ("the last 10 were corrected or rejected 10 times, before 0 of 30",)


def test_a_scanner_on_which_the_model_is_worse_raises_an_alarm_at_that_scanner_alone():
    rng = np.random.default_rng(5)
    good = [outcome(n, dice=float(d), scanner="A") for n, d in enumerate(rng.normal(0.95, 0.01, 20))]
    bad = [outcome(n, dice=float(d), scanner="B") for n, d in enumerate(rng.normal(0.80, 0.02, 8))]
    at_a, at_b = figures([*good, *bad])
    assert at_a.alarms == ()
    assert at_b.alarms[0].startswith("this scanner's 8 have a mean Dice of")


def test_few_cases_raise_no_alarm():
    assert (
        figures([*(outcome(n, dice=0.95) for n in range(9)), *(outcome(9 + n, dice=0.2) for n in range(10))])[0].alarms
        == ()
    )


@pytest.mark.parametrize("data", [b"", b"no DICOM at all", header(Manufacturer=""), bytes(range(256))])
def test_a_scanner_that_is_not_told_is_not_known(data):
    assert scanner_of(data) == UNKNOWN
