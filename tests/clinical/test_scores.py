"""The liver's scores against published examples and bounds; drugs and substances by code and name."""

from __future__ import annotations

import pytest

from surgtwin.clinical.drugs import drugs_of
from surgtwin.clinical.quantities import BY_LOINC, QUANTITIES
from surgtwin.clinical.scores import albi, child_pugh, meld, meld_na
from surgtwin.clinical.substances import ALLERGIES, CONDITIONS, is_no_allergy, kinds_of

MG_DL = 17.104
ATC, RXNORM = "http://www.whocc.no/atc", "http://www.nlm.nih.gov/research/umls/rxnorm"


def test_albi_is_the_published_line_with_its_bounds() -> None:
    assert albi(10.0, 40.0).value == pytest.approx(0.66 - 3.4)
    assert [albi(10.0, g).grade for g in (45.0, 30.0, 20.0)] == ["grade 1", "grade 2", "grade 3"]


@pytest.mark.parametrize(
    ("bilirubin", "albumin", "inr", "ascites", "encephalopathy", "points", "grade"),
    [
        (1.0, 40.0, 1.1, 0, 0, 5, "class A"),
        (2.5, 32.0, 1.1, 0, 0, 7, "class B"),
        (4.0, 25.0, 2.5, 2, 2, 15, "class C"),
        (2.0, 35.0, 1.7, 0, 0, 8, "class B"),
    ],
)
def test_child_pugh_counts_points(bilirubin, albumin, inr, ascites, encephalopathy, points, grade) -> None:
    score = child_pugh(bilirubin * MG_DL, albumin, inr, ascites, encephalopathy)
    assert (score.value, score.grade) == (points, grade)


def test_meld_has_its_floor_its_example_and_its_ceiling() -> None:
    assert meld(5.0, 50.0, 0.9).value == 6.0
    # 3.78 ln 3 + 11.2 ln 1.5 + 9.57 ln 1.5 + 6.43 = 19.0
    assert meld(3.0 * MG_DL, 1.5 * 88.4017, 1.5).value == 19.0
    assert meld(60 * MG_DL, 10 * 88.4, 9.0).value == 40.0


def test_sodium_raises_meld_only_above_eleven_and_within_bounds() -> None:
    middle = meld(3.0 * MG_DL, 1.5 * 88.4017, 1.5)
    assert meld_na(middle, 130.0).value == round(19 + 1.32 * 7 - 0.033 * 19 * 7)
    assert meld_na(middle, 140.0).value == 19.0
    assert meld_na(middle, 110.0).value == meld_na(middle, 125.0).value
    assert meld_na(meld(5.0, 50.0, 0.9), 125.0).value == 6.0


@pytest.mark.parametrize(
    ("name", "codes", "drugs"),
    [
        ("Marcumar 3 mg", (), ["phenprocoumon"]),
        ("tablets", ((ATC, "B01AF02"),), ["apixaban"]),
        ("tablets", ((RXNORM, "11289"),), ["warfarin"]),
        ("FOLFOX", (), ["oxaliplatin", "fluorouracil"]),
        ("something", ((ATC, "B01AD02"),), ["an antithrombotic drug"]),
        ("something", ((ATC, "L01EX02"),), ["an antineoplastic drug"]),
        ("ASS 100", (), ["aspirin"]),
        ("Vitamin K", ((ATC, "B02BA01"),), []),
        ("embassy lozenges", (), []),
    ],
)
def test_drugs_are_known_by_code_and_by_whole_words_of_their_name(name, codes, drugs) -> None:
    assert [d.name for d in drugs_of(name, codes)] == drugs


@pytest.mark.parametrize(
    ("name", "codes", "kinds"),
    [
        ("Iodinated contrast", (), ["contrast"]),
        ("Amoxicillin", (), ["antibiotics"]),
        ("Natural rubber latex", (), ["latex"]),
        ("x", (("http://snomed.info/sct", "111088007"),), ["latex"]),
        ("Peanut", (), []),
    ],
)
def test_allergies_that_matter_are_known(name, codes, kinds) -> None:
    assert [k.key for k in kinds_of(ALLERGIES, name, codes)] == kinds
    assert is_no_allergy((("http://snomed.info/sct", "716186003"),))


def test_conditions_are_known_by_any_code_below() -> None:
    icd = "http://hl7.org/fhir/sid/icd-10"
    assert [k.key for k in kinds_of(CONDITIONS, "x", ((icd, "K74.60"),))] == ["cirrhosis"]
    assert [k.key for k in kinds_of(CONDITIONS, "Leberzirrhose", ())] == ["cirrhosis"]
    assert [k.key for k in kinds_of(CONDITIONS, "Zirrhose der Leber", ())] == ["cirrhosis"]


def test_every_quantity_can_hold_its_bounds_and_no_code_means_two() -> None:
    assert sum(len(q.loinc) for q in QUANTITIES.values()) == len(BY_LOINC)
    for quantity in QUANTITIES.values():
        assert quantity.plausible[0] < quantity.plausible[1]
        assert set(quantity.loinc.values()) <= set(quantity.units)
        assert any(u.factor == 1.0 and code == quantity.unit for k in quantity.units.values() for code, u in k.items())
