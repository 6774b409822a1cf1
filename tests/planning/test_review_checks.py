"""A plan says so when a reader has rejected what it rests on, or it was changed after it was signed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.finding import Severity
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.plan import PatientFigures, Plan, Resection
from surgtwin.domain.review import ReviewBook, ReviewState, SignOff, structure_hashes
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import OBLIQUE, ball, make_twin

SHAPES = {"liver": ball((0, 0, 0), 20), "tumour": ball((12, 0, 0), 5), "kidney": ball((0, 0, -27), 4)}
CUT = PlaneCut(OBLIQUE.point(2, 0, 0), OBLIQUE.direction(1, 0, 0))
PLAN = Plan(PatientFigures(170, 70), (Resection("A", "liver", CUT, targets=("tumour",)),))


@pytest.fixture(scope="module")
def twin():
    return make_twin(SHAPES, OBLIQUE, 34.0, with_meshes=False)


def said(twin, name: str, state: ReviewState) -> SignOff:
    hashed = structure_hashes(twin.labels, [twin.labels.structure(name)])[name]
    return SignOff(name, state, hashed, 1, "Dr. B", "ab" * 32, "2026-01-02T03:04:05Z", reason="a cyst.")


def found(twin) -> list[tuple[str, Severity, str]]:
    findings = evaluate_plan(TwinGeometry(twin), PLAN).findings
    return [(f.code, f.severity, f.message) for f in findings if "review" in f.code or "rejected" in f.code]


def test_a_rejected_target_is_an_error(twin):
    rejected = replace(twin, reviews=ReviewBook((said(twin, "tumour", ReviewState.REJECTED),)))
    assert found(rejected) == [
        ("structure-rejected", Severity.ERROR, "Dr. B has rejected 'tumour': a cyst. Correct it, then plan.")
    ]


def test_an_organ_changed_after_it_was_signed_is_a_warning(twin):
    book = ReviewBook((said(twin, "liver", ReviewState.ACCEPTED),))
    assert found(replace(twin, reviews=book)) == []
    layers = [layer.copy() for layer in twin.labels.layers]
    liver = twin.labels.structure("liver")
    layers[liver.layer][tuple(np.argwhere(layers[liver.layer] == liver.label)[0])] = 0
    labels = LabelMap(twin.labels.grid, tuple(layers), twin.labels.structures)
    ((code, severity, message),) = found(replace(twin, labels=labels, reviews=book))
    assert (code, severity) == ("changed-since-review", Severity.WARNING)
    assert message.startswith("'liver' was accepted by Dr. B, changed since")


def test_what_the_plan_does_not_rest_on_is_not_asked(twin):
    assert found(replace(twin, reviews=ReviewBook((said(twin, "kidney", ReviewState.REJECTED),)))) == []
