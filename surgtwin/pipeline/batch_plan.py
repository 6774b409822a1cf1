"""What a batch will do with each input: make a case, keep a finished one, leave it out, or name it as unusable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .batch_identity import case_id_of, case_key
from .batch_inputs import InputUnit
from .batch_protocol import Protocol
from .batch_select import Candidate
from .batch_workers import TaskResult

Json = dict[str, Any]


@dataclass(frozen=True)
class PlannedCase:
    """An image that the protocol takes.

    Parameters
    ----------
    inputs
        Numbers of the inputs it was found in; several if the same image was given twice.
    finished
        Its record if it was made before with the same protocol, model and program; None if it is to be made.
    """

    candidate: Candidate
    case_id: str
    key: str
    inputs: tuple[int, ...]
    finished: Json | None = None


@dataclass(frozen=True)
class InputFailure:
    """Why nothing came of an input, or of one of its cases."""

    input_number: int
    type: str
    message: str
    private_message: str
    case_id: str = ""

    def as_json(self) -> Json:
        """As it stands in the manifest: names nobody."""
        return {"input": self.input_number, "case_id": self.case_id or None, "type": self.type, "message": self.message}


@dataclass(frozen=True)
class BatchPlan:
    """What is to be done with the inputs, numbered from 1 in their order.

    Parameters
    ----------
    judged
        All images of each input with the verdict of the rules.
    left_out
        Numbers of the inputs whose images the rules leave out.
    """

    cases: tuple[PlannedCase, ...] = ()
    failures: tuple[InputFailure, ...] = ()
    left_out: tuple[int, ...] = ()
    judged: Mapping[int, tuple[Candidate, ...]] = field(default_factory=dict)

    @property
    def to_do(self) -> tuple[PlannedCase, ...]:
        """The cases that are to be made."""
        return tuple(case for case in self.cases if case.finished is None)


def make_plan(looks: Sequence[TaskResult], protocol: Protocol, records: Mapping[str, Json]) -> BatchPlan:
    """The plan of what was seen in each input.

    Parameters
    ----------
    looks
        One for each input, in their order: the answer holds `candidates`, each with `model_sha256`.
    records
        Of finished cases, by case id.
    """
    cases: dict[str, PlannedCase] = {}
    failures: list[InputFailure] = []
    left_out: list[int] = []
    judged: dict[int, tuple[Candidate, ...]] = {}
    for number, look in enumerate(looks, 1):
        if look.failure:
            failures.append(InputFailure(number, look.failure, look.message, look.private_message))
            continue
        models = {row["key"]: row.pop("model_sha256", "") for row in look.answer["candidates"]}
        found = tuple(Candidate(**row) for row in look.answer["candidates"])
        judged[number] = found
        for candidate in (c for c in found if c.is_taken):
            _add(cases, candidate, number, models[candidate.key], protocol, records)
        refused = _refused_studies(found, number)
        failures += refused
        if not refused and not any(c.is_taken for c in found):
            left_out.append(number)
    return BatchPlan(tuple(cases.values()), tuple(failures), tuple(left_out), judged)


def _add(
    cases: dict[str, PlannedCase],
    candidate: Candidate,
    number: int,
    model_sha256: str,
    protocol: Protocol,
    records: Mapping[str, Json],
) -> None:
    case_id = case_id_of(candidate.input_sha256)
    key = case_key(candidate.input_sha256, protocol.sha256(), model_sha256)
    known = cases.get(case_id)
    numbers = (number,) if known is None else (*known.inputs, number)
    record = records.get(case_id)
    finished = record if record is not None and record["key"] == key else None
    first = candidate if known is None else known.candidate
    cases[case_id] = PlannedCase(first, case_id, key, tuple(dict.fromkeys(numbers)), finished)


def _refused_studies(found: Sequence[Candidate], number: int) -> list[InputFailure]:
    """The studies of which nothing is taken although something would fit the rules, were it sound."""
    studies: dict[str, list[Candidate]] = {}
    for candidate in found:
        studies.setdefault(candidate.study or candidate.key, []).append(candidate)
    failures = []
    for members in studies.values():
        refused = [c for c in members if c.is_refused]
        if refused and not any(c.is_taken for c in members):
            best = max(refused, key=lambda c: c.score)
            failures.append(InputFailure(number, "input", best.public_why, best.why))
    return failures


def key_document(plan: BatchPlan, failures: Sequence[InputFailure], units: Sequence[InputUnit]) -> Json:
    """Which input is which case: the one document that may name patients, through their files' names."""
    cases: dict[str, list[Json]] = {}
    of_input: dict[int, list[str]] = {}
    for case in plan.cases:
        told = {"series": case.candidate.key, "description": case.candidate.description}
        cases[case.case_id] = [{"path": str(units[number - 1].path), **told} for number in case.inputs]
        for number in case.inputs:
            of_input.setdefault(number, []).append(case.case_id)
    failed: dict[int, list[Json]] = {}
    for failure in failures:
        told = replace(failure, message=failure.private_message).as_json()
        failed.setdefault(failure.input_number, []).append(told)
    return {
        "note": "This file tells which patient a case is of. Do not pass it on.",
        "cases": cases,
        "inputs": [
            {
                "input": number,
                "path": str(unit.path),
                "cases": of_input.get(number, []),
                "failures": failed.get(number, []),
                "is_left_out": number in plan.left_out,
            }
            for number, unit in enumerate(units, 1)
        ],
    }
