"""Pseudonyms of a batch: always the same, and nothing that names the patient stays in an image."""

from __future__ import annotations

import io
import re

import numpy as np
import pydicom

from surgtwin.dicom.load import load
from surgtwin.dicom.scan import scan
from surgtwin.dicom.write import write_series
from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.patient import Patient
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.pipeline.batch_identity import case_id_of, case_key, content_names, without_identity, without_names
from tests.conftest import make_oblique_grid

PATIENT = Patient("SECRET-4711", "HOSPITAL", "Nobody^Knows", "19610203", "F")


def test_a_case_id_belongs_to_the_bytes_and_has_no_letters_that_are_misread():
    ids = {case_id_of(f"{n:064x}") for n in range(500)}
    assert len(ids) == 500 and case_id_of("0" * 64) in ids
    assert all(re.fullmatch(r"case(-[2-9A-HJ-NP-Z]{4}){3}", case) for case in ids)


def test_a_key_changes_with_input_protocol_and_model():
    keys = {case_key(a, b, c) for a in "12" for b in "34" for c in "56"}
    assert len(keys) == 8


def test_an_image_without_identity_names_nobody_and_keeps_its_values_and_place(tmp_path):
    grid = make_oblique_grid((6, 8, 9))
    values = np.arange(6 * 8 * 9, dtype=np.int16).reshape(6, 8, 9)
    written = Volume(grid, values, Modality.CT, SourceInfo("synthetic", content_sha256(grid, values)), PATIENT)
    write_series(written, tmp_path / "s", description="Scan of Nobody")
    volume = load(scan(tmp_path / "s").series[0])
    bare = without_identity(volume, "case-1")
    assert bare.source.dicom is not None and volume.source.dicom is not None
    told = bare.source.dicom.header + repr((bare.source, vars(bare.patient))).encode()
    uids = (volume.source.dicom.study_instance_uid, *volume.source.dicom.sop_instance_uids)
    for name in ("SECRET", "Nobody", "19610203", "HOSPITAL", *uids):
        assert name.encode() in volume.source.dicom.header + repr((volume.source, vars(volume.patient))).encode()
        assert name.encode() not in told, name
    header = pydicom.dcmread(io.BytesIO(bare.source.dicom.header))
    assert header.PatientID == "case-1" and header.PatientIdentityRemoved == "YES"
    assert header.SOPInstanceUID == bare.source.dicom.sop_instance_uids[0]
    assert len(set(bare.source.dicom.sop_instance_uids)) == 6
    assert np.array_equal(bare.values, values) and bare.grid.is_same_space(volume.grid)


def test_names_of_files_folders_and_patients_are_taken_out_of_messages(tmp_path):
    folder = tmp_path / "DOE_JANE"
    (folder / "inner-Jane").mkdir(parents=True)
    (folder / "inner-Jane" / "jane.doe.1.dcm").write_bytes(b"")
    names = content_names(folder, PATIENT)
    told = without_names("doe_jane: inner-Jane/jane.doe.1.dcm of NOBODY (SECRET-4711) has 12 slices.", names)
    assert told == "[name]: [name] of [name] ([name]) has 12 slices."
    assert without_names("nothing to hide", ()) == "nothing to hide"
