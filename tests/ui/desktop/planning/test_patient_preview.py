"""What a hand sees while it drags rests on the same figures of the patient as the last word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surgtwin.clinical.fhir import read_fhir
from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.patient_record import PatientRecord
from surgtwin.domain.plan import Plan, Resection
from surgtwin.progress import SILENT
from tests.clinical.messages import bundle, observation
from tests.planning.shapes import STRAIGHT, ball, make_geometry
from ui.desktop.planning.judging import Judge


def test_a_preview_uses_the_records_height_and_weight_as_the_evaluation_does() -> None:
    record = PatientRecord(
        read_fhir(bundle(observation("8302-2", 172, "cm"), observation("29463-7", 70, "kg"))).entries
    )
    geometry = make_geometry({"liver": ball((0, 0, 0), 30)}, STRAIGHT, 34)
    geometry = replace(geometry, twin=replace(geometry.twin, record=record))
    cut = PlaneCut(STRAIGHT.point(5, 0, 0), STRAIGHT.direction(1, 0, 0))
    judge, plan = Judge(geometry), Plan(resections=(Resection("A", "liver", cut),))
    quick, exact = (judge.quick(plan, SILENT).numbers["A"], judge.exact(plan, SILENT).numbers["A"])
    assert quick.sflr_percent.keys() == exact.sflr_percent.keys()
    assert quick.sflr_percent["Vauthey"] == pytest.approx(exact.sflr_percent["Vauthey"], rel=0.02)
