"""The structures the program knows by name: pure data.

Codes and meanings are those of DICOM's context groups (CID 7151 and the groups it includes), as pydicom lists them.
The few structures that DICOM has no code for carry SNOMED CT's own (`SNOMED_ONLY`). Colours follow 3D Slicer's generic
anatomy table.
"""

from __future__ import annotations

from dataclasses import dataclass

from .labels import Code, Colour

RIGHT = Code("24028007", "SCT", "Right")
LEFT = Code("7771000", "SCT", "Left")

SNOMED_ONLY = frozenset({"110765007", "244849004", "181674001", "78333006", "75297007", "68455001", "74281007"})
"""Codes of SNOMED CT that no DICOM context group lists."""
ABNORMAL = frozenset({"108369006", "4147007", "52988006", "367643001", "27925004", "396339007", "6574001"})
"""Types that are abnormal, not anatomy: DICOM wants another category for them (CID 7150)."""

_ARTERY = (216, 101, 79)
_VEIN = (0, 151, 206)
_BONE = (241, 214, 145)
_VERTEBRA = (226, 202, 134)
_RIB = (253, 232, 158)
_MUSCLE = (192, 104, 88)
_TUMOUR = (144, 238, 144)
_CYST = (205, 205, 100)


@dataclass(frozen=True)
class StandardStructure:
    """One row: the standard name, other names in use, code, colour."""

    name: str
    code: Code
    colour: Colour
    laterality: Code | None = None
    part_of: str = ""
    aliases: tuple[str, ...] = ()


def _row(
    name: str, sct: str, meaning: str, colour: Colour, *aliases: str, side: Code | None = None, part_of: str = ""
) -> StandardStructure:
    return StandardStructure(name, Code(sct, "SCT", meaning), colour, side, part_of, aliases)


def _pair(
    organ: str, sct: str, meaning: str, colour: Colour, *aliases: str, part_of: str = ""
) -> tuple[StandardStructure, StandardStructure]:
    """Right and left of an organ, with the usual spellings of each; `{side}` in `part_of` is filled in."""
    right = _side("right", RIGHT, organ, sct, meaning, colour, aliases, part_of)
    return right, _side("left", LEFT, organ, sct, meaning, colour, aliases, part_of)


def _side(
    word: str, side: Code, organ: str, sct: str, meaning: str, colour: Colour, aliases: tuple[str, ...], part_of: str
) -> StandardStructure:
    spellings = [f"{o} {word}" for o in (organ, *aliases)] + [f"{word} {o}" for o in aliases]
    part = part_of.format(side=word)
    return _row(f"{word} {organ}", sct, meaning, colour, *spellings, side=side, part_of=part)


_VERTEBRA_CODES = {
    "C1": "14806007", "C2": "39976000", "C3": "113205007", "C4": "5329002", "C5": "36978003", "C6": "36054005",
    "C7": "87391001", "T1": "64864005", "T2": "53733008", "T3": "1626008", "T4": "73071006", "T5": "56401006",
    "T6": "45296009", "T7": "62487009", "T8": "11068009", "T9": "82687006", "T10": "7610001", "T11": "12989004",
    "T12": "23215003", "L1": "66794005", "L2": "14293000", "L3": "36470004", "L4": "11994002", "L5": "49668003",
}  # fmt: skip

ABDOMEN: tuple[StandardStructure, ...] = (
    _row("liver", "10200004", "Liver", (221, 130, 101)),
    _row("gallbladder", "28231008", "Gallbladder", (139, 150, 98), "gall bladder"),
    _row("bile duct", "28273000", "Bile duct", (0, 145, 30), "bile ducts"),
    _row("common bile duct", "79741001", "Common bile duct", (0, 145, 30)),
    _row("pancreas", "15776009", "Pancreas", (249, 180, 111)),
    _row("spleen", "78961009", "Spleen", (157, 108, 162)),
    *_pair("kidney", "64033007", "Kidney", (185, 102, 83)),
    _row("kidneys", "64033007", "Kidney", (185, 102, 83), "kidney", "both kidneys"),
    *_pair("adrenal", "23451007", "Adrenal gland", (249, 186, 150), "adrenal gland", "suprarenal gland"),
    *_pair("ureter", "87953007", "Ureter", (248, 223, 109)),
    _row("oesophagus", "32849002", "Esophagus", (211, 171, 143), "esophagus"),
    _row("stomach", "69695003", "Stomach", (216, 132, 105)),
    _row("duodenum", "38848004", "Duodenum", (255, 253, 229)),
    _row("small bowel", "30315005", "Small intestine", (205, 167, 142), "small intestine"),
    _row("colon", "71854001", "Colon", (204, 168, 143)),
    _row("large bowel", "14742008", "Large intestine", (204, 168, 143), "large intestine"),
    _row("rectum", "34402009", "Rectum", (214, 158, 133)),
    _row("urinary bladder", "89837001", "Bladder", (222, 154, 132), "bladder"),
    _row("prostate", "41216001", "Prostate", (230, 158, 140)),
    _row("uterus", "35039007", "Uterus", (255, 181, 158)),
)

THORAX_AND_HEAD: tuple[StandardStructure, ...] = (
    *_pair("lung", "39607008", "Lung", (197, 165, 145)),
    _row("lungs", "39607008", "Lung", (197, 165, 145), "lung", "both lungs"),
    *_pair("upper lobe of lung", "45653009", "Upper lobe of lung", (172, 138, 115), "lung upper lobe",
           part_of="{side} lung"),
    *_pair("lower lobe of lung", "90572001", "Lower lobe of lung", (202, 164, 140), "lung lower lobe",
           part_of="{side} lung"),
    _row("right middle lobe of lung", "72481006", "Middle lobe of right lung", (224, 186, 162),
         "lung middle lobe right", "middle lobe of right lung", side=RIGHT, part_of="right lung"),
    _row("trachea", "44567001", "Trachea", (182, 228, 255)),
    _row("heart", "80891009", "Heart", (206, 110, 84)),
    _row("myocardium", "74281007", "Myocardium", (192, 90, 70), "heart myocardium", part_of="heart"),
    _row("left atrium", "82471001", "Left atrium", (203, 108, 81), "heart atrium left", side=LEFT, part_of="heart"),
    _row("right atrium", "73829009", "Right atrium", (150, 98, 160), "heart atrium right", side=RIGHT, part_of="heart"),
    _row("left ventricle", "87878005", "Left ventricle", (198, 86, 70), "heart ventricle left", side=LEFT,
         part_of="heart"),
    _row("right ventricle", "53085002", "Right ventricle", (130, 90, 150), "heart ventricle right", side=RIGHT,
         part_of="heart"),
    _row("left atrial appendage", "33626005", "Left auricular appendage", (203, 108, 81), "atrial appendage left",
         side=LEFT, part_of="heart"),
    _row("thyroid", "69748006", "Thyroid", (62, 162, 114), "thyroid gland"),
    _row("brain", "12738006", "Brain", (250, 250, 225)),
    _row("spinal cord", "2748008", "Spinal cord", (244, 214, 49)),
)  # fmt: skip

VESSELS: tuple[StandardStructure, ...] = (
    _row("aorta", "15825003", "Aorta", (224, 97, 76)),
    _row("coeliac trunk", "57850000", "Truncus coeliacus", _ARTERY, "celiac trunk", "celiac artery", "coeliac artery"),
    _row("superior mesenteric artery", "42258001", "Superior mesenteric artery", _ARTERY, "sma"),
    _row("inferior mesenteric artery", "33795007", "Inferior mesenteric artery", _ARTERY, "ima"),
    _row("hepatic artery", "76015000", "Hepatic artery", _ARTERY, "hepatic arteries"),
    _row("splenic artery", "22083002", "Splenic artery", _ARTERY),
    *_pair("renal artery", "2841007", "Renal artery", _ARTERY),
    *_pair("iliac artery", "10293006", "Iliac artery", _ARTERY),
    *_pair("common iliac artery", "73634005", "Common iliac artery", _ARTERY),
    _row("pulmonary artery", "81040000", "Pulmonary artery", (0, 122, 171)),
    _row("brachiocephalic trunk", "12691009", "Innominate artery", _ARTERY, "brachiocephalic artery"),
    *_pair("subclavian artery", "36765005", "Subclavian artery", _ARTERY),
    *_pair("common carotid artery", "32062004", "Common carotid artery", _ARTERY),
    _row("coronary arteries", "41801008", "Coronary artery", _ARTERY, "coronary artery"),
    _row("inferior vena cava", "64131007", "Inferior vena cava", _VEIN, "ivc", "vena cava", "postcava"),
    _row("superior vena cava", "48345005", "Superior vena cava", _VEIN, "svc"),
    _row("portal vein", "32764006", "Portal vein", _VEIN),
    _row("portal and splenic vein", "110765007", "Portal vein and splenic vein", _VEIN, "portal vein and splenic vein"),
    _row("hepatic vein", "8993003", "Hepatic vein", _VEIN, "hepatic veins"),
    _row("splenic vein", "35819009", "Splenic vein", _VEIN),
    _row("superior mesenteric vein", "90771006", "Superior Mesenteric Vein", _VEIN, "smv"),
    *_pair("renal vein", "56400007", "Renal vein", _VEIN),
    *_pair("iliac vein", "244411005", "Iliac vein", _VEIN, "iliac vena"),
    *_pair("common iliac vein", "46027005", "Common iliac vein", _VEIN),
    *_pair("brachiocephalic vein", "8887007", "Innominate vein", _VEIN),
    _row("pulmonary vein", "122972007", "Pulmonary vein", (186, 77, 64), "pulmonary veins"),
)

BONES_AND_MUSCLES: tuple[StandardStructure, ...] = (
    _row("bone", "3138006", "Bone", _BONE, "bones", "skeleton"),
    _row("spine", "421060004", "Spine", _VERTEBRA, "vertebral column"),
    _row("vertebra", "51282000", "Vertebra", _VERTEBRA, "vertebrae", "vertebrae S1", "S1 vertebra"),
    *(
        _row(f"{level} vertebra", sct, f"{level} vertebra", _VERTEBRA, f"vertebrae {level}", f"vertebra {level}", level)
        for level, sct in _VERTEBRA_CODES.items()
    ),
    _row("sacrum", "54735007", "Sacrum", (212, 188, 102)),
    *_pair("rib", "113197003", "Rib", _RIB, "ribs"),
    _row("ribs", "113197003", "Rib", _RIB, "rib"),
    _row("sternum", "56873002", "Sternum", (244, 217, 154)),
    _row("costal cartilages", "50016007", "Costal Cartilage", (111, 184, 210), "costal cartilage"),
    _row("skull", "89546000", "Skull", _BONE),
    *_pair("humerus", "85050009", "Humerus", _BONE),
    *_pair("scapula", "79601000", "Scapula", _BONE),
    *_pair("clavicle", "51299004", "Clavicle", _BONE, "clavicula"),
    *_pair("femur", "71341001", "Femur", _BONE),
    *_pair("hip", "29836001", "Hip", _BONE, "hip bone"),
    *_pair("gluteus maximus", "181674001", "Gluteus maximus muscle", _MUSCLE),
    *_pair("gluteus medius", "78333006", "Gluteus medius muscle", _MUSCLE),
    *_pair("gluteus minimus", "75297007", "Gluteus minimus muscle", _MUSCLE),
    *_pair("deep back muscle", "244849004", "Deep muscle of back", _MUSCLE, "autochthon"),
    *_pair("iliopsoas", "68455001", "Iliopsoas muscle", _MUSCLE),
    _row("muscle", "91727004", "Muscle", _MUSCLE, "muscles", "skeletal muscle"),
)

WHOLE_BODY_AND_LESIONS: tuple[StandardStructure, ...] = (
    _row("skin", "39937001", "Skin", (177, 122, 101)),
    _row("body", "38266002", "Entire body", (177, 122, 101), "body surface"),
    _row("fat", "55603005", "Fat", (230, 220, 70)),
    _row("tumour", "108369006", "Neoplasm", _TUMOUR, "tumor", "neoplasm"),
    _row("lesion", "52988006", "Lesion", _TUMOUR),
    _row("liver tumour", "108369006", "Neoplasm", _TUMOUR, "liver tumor", "liver lesion", "hepatic tumour",
         "hepatic tumor", part_of="liver"),
    _row("kidney tumour", "108369006", "Neoplasm", _TUMOUR, "kidney tumor", "renal tumour", "renal tumor"),
    _row("pancreas tumour", "108369006", "Neoplasm", _TUMOUR, "pancreas tumor", "pancreatic tumour",
         "pancreatic tumor", part_of="pancreas"),
    _row("mass", "4147007", "Mass", _TUMOUR),
    _row("cyst", "367643001", "Cyst", _CYST),
    _row("liver cyst", "367643001", "Cyst", _CYST, "hepatic cyst", part_of="liver"),
    *_pair("kidney cyst", "367643001", "Cyst", _CYST, "renal cyst", part_of="{side} kidney"),
)  # fmt: skip

TABLE: tuple[StandardStructure, ...] = (
    *ABDOMEN, *THORAX_AND_HEAD, *VESSELS, *BONES_AND_MUSCLES, *WHOLE_BODY_AND_LESIONS,
)  # fmt: skip
