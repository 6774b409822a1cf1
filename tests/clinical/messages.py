"""Synthetic messages in the form of HL7's own examples; every name, number and value in them is made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
Json = dict[str, Any]


def observation(code: str, value: float | None, unit: str | None, /, **changes: Any) -> Json:
    """A FHIR Observation; `changes` replaces or, with None, removes top-level fields."""
    quantity = {"value": value, "unit": unit or "", "system": UCUM, "code": unit}
    resource = {
        "resourceType": "Observation",
        "id": f"obs-{code}",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code, "display": f"test {code}"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-03-08T09:00:00+01:00",
        "valueQuantity": {k: v for k, v in quantity.items() if v is not None},
        **changes,
    }
    return {k: v for k, v in resource.items() if v is not None}


def patient(number: str = "SECRET-4711", born: str = "1961-02-03", /, **changes: Any) -> Json:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "urn:x", "value": number, "assigner": {"display": "HOSPITAL"}}],
        "name": [{"family": "Nobody", "given": ["Knows"]}],
        "birthDate": born,
        "gender": "female",
        **changes,
    }


def bundle(*resources: Json) -> bytes:
    entries = [{"resource": r} for r in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def concept(system: str, code: str, text: str = "") -> Json:
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


def medication(name: str, status: str = "active", kind: str = "MedicationStatement", **changes: Any) -> Json:
    return {
        "resourceType": kind,
        "id": f"med-{name}",
        "status": status,
        "medicationCodeableConcept": {"text": name},
        "subject": {"reference": "Patient/p1"},
        **({"intent": "order"} if kind == "MedicationRequest" else {}),
        **changes,
    }


def obx(code: str, value: str, unit: str, n: int = 1, **fields: str) -> str:
    """An OBX segment; fields by number, e.g. f11="P"."""
    cells = {1: str(n), 2: "NM", 3: f"{code}^test {code}^LN", 5: value, 6: f"{unit}^^UCUM" if unit else "", 11: "F",
             14: "20260308090000+0100"}  # fmt: skip
    cells |= {int(key[1:]): text for key, text in fields.items()}
    return "|".join(["OBX", *(cells.get(k, "") for k in range(1, max(cells) + 1))])


def oru(*results: str, **changes: str) -> bytes:
    """An ORU^R01; `changes`: header, pid, obr, or a field of MSH as m11="T"."""
    cells = {1: "^~\\&", 2: "LAB", 3: "CITY", 4: "TWIN", 5: "OR", 6: "20260308101500+0100", 8: "ORU^R01^ORU_R01",
             9: "MSG0001", 10: "P", 11: "2.5.1", 17: "UNICODE UTF-8"}  # fmt: skip
    cells |= {int(key[1:]) - 1: text for key, text in changes.items() if key[0] == "m"}
    header = "|".join(["MSH", *(cells.get(k, "") for k in range(1, 18))])
    pid = changes.get("pid", "PID|1||SECRET-4711^^^HOSPITAL^MR||Nobody^Knows||19610203|F")
    order = changes.get("obr", "OBR|1||ORD77^LAB|24323-8^Panel^LN|||20260308090000+0100")
    return "\r".join(filter(None, (header, pid, order, *results))).encode() + b"\r"
