"""The code systems that are known, under whatever name a source uses for them."""

from __future__ import annotations

LOINC, ATC, RXNORM, SNOMED, ICD10, UCUM = "LOINC", "ATC", "RxNorm", "SNOMED CT", "ICD-10", "UCUM"

_NAMES = {
    "http://loinc.org": LOINC, "ln": LOINC, "loinc": LOINC, "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "http://www.whocc.no/atc": ATC, "urn:oid:2.16.840.1.113883.6.73": ATC, "http://fhir.de/CodeSystem/bfarm/atc": ATC,
    "http://fhir.de/CodeSystem/dimdi/atc": ATC, "atc": ATC,
    "http://www.nlm.nih.gov/research/umls/rxnorm": RXNORM, "rxnorm": RXNORM,
    "http://snomed.info/sct": SNOMED, "sct": SNOMED,
    "http://hl7.org/fhir/sid/icd-10": ICD10, "http://hl7.org/fhir/sid/icd-10-cm": ICD10,
    "http://hl7.org/fhir/sid/icd-10-gm": ICD10, "http://fhir.de/CodeSystem/bfarm/icd-10-gm": ICD10,
    "http://fhir.de/CodeSystem/dimdi/icd-10-gm": ICD10, "i10": ICD10, "i10c": ICD10,
    "http://unitsofmeasure.org": UCUM, "ucum": UCUM,
}  # fmt: skip


def system_named(name: str) -> str:
    """The plain name of a code system; the name as it is if it is not known."""
    return _NAMES.get(name, _NAMES.get(name.lower(), name))
