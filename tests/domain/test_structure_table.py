"""Codes are the standard's; the names in use find them."""

from __future__ import annotations

import pydicom.sr._concepts_dict as dicom_concepts
import pytest

from surgtwin.domain.labels import Structure
from surgtwin.domain.structure_rows import LEFT, RIGHT, SNOMED_ONLY, TABLE
from surgtwin.domain.structure_table import category_for, link_parts, match, structure_for

PROPERTY_TYPE_GROUPS = {4, 7150, 7151, 7152, 7153, 7154, 7155, 7156, 7157, 7159, 7160, 7166, 7191, 7192, 7194}
SIDED = """
    kidney adrenal_gland kidney_cyst subclavian_artery common_carotid_artery brachiocephalic_vein iliac_artery
    iliac_vena humerus scapula clavicula femur hip gluteus_maximus gluteus_medius gluteus_minimus autochthon iliopsoas
    lung_upper_lobe lung_lower_lobe""".split()  # noqa: SIM905
UNSIDED = """
    spleen gallbladder liver stomach pancreas lung_middle_lobe_right esophagus trachea thyroid_gland small_bowel
    duodenum colon urinary_bladder prostate sacrum heart aorta pulmonary_vein brachiocephalic_trunk
    atrial_appendage_left superior_vena_cava inferior_vena_cava portal_vein_and_splenic_vein spinal_cord brain skull
    sternum costal_cartilages vertebrae_S1""".split()  # noqa: SIM905
LEVELS = [f"C{n}" for n in range(1, 8)] + [f"T{n}" for n in range(1, 13)] + [f"L{n}" for n in range(1, 6)]
TOTALSEGMENTATOR = (
    UNSIDED
    + [f"{name}_{side}" for name in SIDED for side in ("left", "right")]
    + [f"vertebrae_{level}" for level in LEVELS]
    + [f"rib_{side}_{n}" for side in ("left", "right") for n in range(1, 13)]
)


def dicom_meanings() -> dict[str, set[str]]:
    """Code value -> meanings that DICOM's groups of property types and anatomic regions give it."""
    meanings: dict[str, set[str]] = {}
    for entries in dicom_concepts.concepts["SCT"].values():
        for value, (meaning, groups) in entries.items():
            if PROPERTY_TYPE_GROUPS & set(groups):
                meanings.setdefault(value, set()).add(meaning)
    return meanings


def test_every_code_and_meaning_is_one_of_dicoms_or_declared_snomeds_own() -> None:
    meanings = dicom_meanings()
    for row in TABLE:
        if row.code.value in SNOMED_ONLY:
            assert row.code.value not in meanings, row.name
        else:
            assert row.code.meaning in meanings.get(row.code.value, set()), row.name


def test_no_two_rows_share_a_name() -> None:
    names = [row.name for row in TABLE]
    assert len(set(names)) == len(names)


def test_there_are_117_classes_of_totalsegmentator_here() -> None:
    assert len(set(TOTALSEGMENTATOR)) == 117


@pytest.mark.parametrize("name", TOTALSEGMENTATOR)
def test_each_class_of_totalsegmentator_is_known_with_its_side(name: str) -> None:
    row = match(name)
    assert row is not None
    words = name.split("_")
    expected = RIGHT if "right" in words else LEFT if "left" in words else None
    assert row.laterality == expected


@pytest.mark.parametrize("level", LEVELS)
def test_a_vertebra_gets_its_own_level(level: str) -> None:
    row = match(f"vertebrae_{level}")
    assert row is not None
    assert row.code.meaning == f"{level} vertebra"


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("Right Kidney", "right kidney"),
        ("kidney_left", "left kidney"),
        ("Tumour 2", "tumour"),
        ("IVC", "inferior vena cava"),
        ("rib_left_11", "left rib"),
        ("portal vein and splenic vein", "portal and splenic vein"),
        ("liver tumor", "liver tumour"),
    ],
)
def test_spellings_find_their_row(name: str, standard: str) -> None:
    row = match(name)
    assert row is not None
    assert row.name == standard


def test_a_name_is_kept_verbatim_and_an_unknown_one_gets_no_code() -> None:
    known, unknown, unnamed = structure_for(3, "Kidney_LEFT"), structure_for(9, "gizmo"), structure_for(4)
    assert (known.name, known.laterality) == ("Kidney_LEFT", LEFT)
    assert (unknown.name, unknown.code) == ("gizmo", None)
    assert unnamed.name == "label 4"


def test_a_part_points_at_the_name_its_whole_has_here() -> None:
    cyst, kidney = link_parts([structure_for(1, "kidney_cyst_right"), structure_for(2, "kidney_right")])
    assert cyst.part_of == kidney.name == "kidney_right"


def test_tumours_are_abnormal_and_organs_are_anatomy() -> None:
    def meaning(s: Structure) -> str:
        return category_for(s).meaning

    assert meaning(structure_for(1, "tumour")) == "Morphologically Abnormal Structure"
    assert meaning(structure_for(1, "liver")) == "Anatomical Structure"
    assert meaning(structure_for(1, "gizmo")) == "Tissue"
