"""What is known of the patient flows into a plan's figures and findings, and never silently changes a verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from surgtwin.clinical.fhir import read_fhir
from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.patient_record import PatientRecord
from surgtwin.domain.plan import Parenchyma, PatientFigures, Plan, Resection
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.patient_settings import PatientSettings
from surgtwin.planning.settings import PlanningSettings
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.clinical.messages import NOW, bundle, concept, medication, observation
from tests.planning.shapes import STRAIGHT, ball, make_geometry

HEIGHT, WEIGHT = observation("8302-2", 172, "cm"), observation("29463-7", 70, "kg")
SNOMED = "http://snomed.info/sct"


@pytest.fixture(scope="module")
def geometry() -> TwinGeometry:
    return make_geometry({"liver": ball((0, 0, 0), 30)}, STRAIGHT, 34)


def judged(geometry: TwinGeometry, *resources, figures: PatientFigures = PatientFigures(), days=0) -> PlanEvaluation:  # noqa: B008
    record = PatientRecord(read_fhir(bundle(*resources)).entries) if resources else PatientRecord()
    known = replace(geometry, twin=replace(geometry.twin, record=record))
    cut = PlaneCut(STRAIGHT.point(5, 0, 0), STRAIGHT.direction(1, 0, 0))
    plan = Plan(figures, (Resection("A", "liver", cut),))
    settings = PlanningSettings(patient=PatientSettings(now=NOW + timedelta(days=days)))
    return evaluate_plan(known, plan, settings)


def codes(evaluation: PlanEvaluation) -> list[str]:
    return [f.code for f in evaluation.findings if f.code.startswith("patient-")]


def told(evaluation: PlanEvaluation, code: str) -> str:
    (message,) = [f.message for f in evaluation.findings if f.code == code]
    return message


def test_without_a_record_nothing_is_said_and_nothing_changes(geometry) -> None:
    assert codes(judged(geometry)) == []
    assert judged(geometry).resections[0].sflr_percent == {}


def test_the_latest_height_and_weight_complete_a_plan_and_are_named(geometry) -> None:
    older = observation("29463-7", 60, "kg", id="old", effectiveDateTime="2026-03-01")
    evaluation = judged(geometry, HEIGHT, older, WEIGHT)
    stated = judged(geometry, figures=PatientFigures(172, 70))
    assert evaluation.resections[0].sflr_percent == stated.resections[0].sflr_percent != {}
    assert codes(evaluation) == ["patient-size-from-record"]
    assert "172 cm (2 days old, FHIR R4) and 70.0 kg" in told(evaluation, "patient-size-from-record")
    assert evaluation.plan.patient == PatientFigures()
    about = evaluation_as_json(evaluation)["patient"]
    assert (about["height_cm"], about["weight_kg"]) == (172, 70)
    assert [m["quantity"] for m in about["from_record"]] == ["height", "weight"]


def test_a_plans_own_figures_win_and_a_disagreement_is_said(geometry) -> None:
    evaluation = judged(geometry, HEIGHT, WEIGHT, figures=PatientFigures(173, 85))
    assert evaluation.body.bsa_m2 == pytest.approx((173 * 85 / 3600) ** 0.5)
    assert codes(evaluation) == ["patient-weight-differs"]
    assert "85.0 kg" in told(evaluation, "patient-weight-differs")


def test_height_and_weight_that_do_not_go_together_are_not_used(geometry) -> None:
    swapped = judged(geometry, observation("8302-2", 70, "cm"), observation("29463-7", 172, "kg"))
    assert codes(swapped) == ["patient-size-doubtful"]
    assert swapped.body.bsa_m2 is None


def test_outdated_and_preliminary_values_are_said(geometry) -> None:
    evaluation = judged(geometry, HEIGHT, observation("29463-7", 70, "kg", status="preliminary"), days=40)
    assert codes(evaluation) == ["patient-weight-outdated", "patient-size-from-record", "patient-weight-preliminary"]
    assert "42 days old" in told(evaluation, "patient-weight-outdated")


@pytest.mark.parametrize(
    ("drug", "found"),
    [
        (medication("Eliquis"), ["patient-anticoagulant"]),
        (medication("Eliquis", "stopped", effectivePeriod={"end": "2026-03-09T12:00:00Z"}), ["patient-anticoagulant"]),
        (medication("Eliquis", "stopped", effectivePeriod={"end": "2026-03-08T11:00:00Z"}), []),
        (medication("Marcumar", "stopped", effectivePeriod={"end": "2026-03-03"}), ["patient-anticoagulant"]),
        (medication("Plavix", "active", "MedicationRequest"), ["patient-antiplatelet"]),
        (medication("Plavix", "stopped"), ["patient-antiplatelet"]),
        (medication("Paracetamol"), []),
        (medication("Avastin", effectivePeriod={"end": "2026-03-01"}), ["patient-chemotherapy-pause",
                                                                        "patient-chemotherapy"]),
    ],
)  # fmt: skip
def test_blood_thinners_count_until_their_usual_pause_is_over(geometry, drug, found) -> None:
    assert codes(judged(geometry, drug)) == found


def test_a_drug_is_told_with_its_pause_and_its_source(geometry) -> None:
    text = told(judged(geometry, medication("Eliquis 5 mg")), "patient-anticoagulant")
    assert text.startswith("Eliquis 5 mg (apixaban), an anticoagulant, is taken") and "2 days (Douketis" in text


def test_chemotherapy_and_cirrhosis_are_said_and_change_no_threshold(geometry) -> None:
    cirrhosis = {"resourceType": "Condition", "id": "c", "code": concept(SNOMED, "19943007", "Cirrhosis of liver")}
    evaluation = judged(geometry, medication("FOLFOX", "completed", effectivePeriod={"end": "2026-01-10"}), cirrhosis)
    assert codes(evaluation) == ["patient-cirrhosis", "patient-chemotherapy"]
    assert evaluation.resections[0].least_percent == 20.0
    assert "20 % must remain; in use after chemotherapy are 30 %" in told(evaluation, "patient-chemotherapy")
    stated = judged(geometry, medication("FOLFOX"), figures=PatientFigures(parenchyma=Parenchyma.CHEMOTHERAPY))
    assert codes(stated) == []
    over = medication("FOLFOX", "completed", effectivePeriod={"end": "2024-01-10"})
    assert codes(judged(geometry, over)) == []


def test_scores_are_told_where_every_input_is_there(geometry) -> None:
    lab = [
        observation("14631-6", 60, "umol/L"),
        observation("1751-7", 25, "g/L"),
        observation("6301-6", 2.0, "{INR}"),
        observation("2160-0", 1.0, "mg/dL"),
    ]
    ascites = {"resourceType": "Condition", "id": "a", "code": concept(SNOMED, "389026000", "Ascites"),
               "severity": {"text": "Mild"}}  # fmt: skip
    clear = {"resourceType": "Condition", "id": "e", "code": concept(SNOMED, "13920009", "Hepatic encephalopathy"),
             "verificationStatus": concept("x", "refuted")}  # fmt: skip
    some = judged(geometry, *lab)
    assert [s.key for s in some.patient.scores] == ["albi", "meld"]
    every = judged(geometry, *lab, ascites, clear)
    assert [s.key for s in every.patient.scores] == ["albi", "child-pugh", "meld"]
    assert every.patient.scores[1].text == "Child-Pugh 11, class C"
    assert {"patient-liver-function", "patient-inr"} <= set(codes(every))


def test_platelets_and_allergies_are_said(geometry) -> None:
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "code": {"text": "Latex"}, "criticality": "high"}
    other = {"resourceType": "AllergyIntolerance", "id": "b", "code": {"text": "Peanut"}}
    few = observation("777-3", 40, "10*9/L")
    found = codes(judged(geometry, few, allergy, other))
    assert found == ["patient-platelets", "patient-allergy-latex", "patient-allergy-other"]
