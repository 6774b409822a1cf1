"""How large the organs of adults are, as pure data with sources. Adding a structure means a row here."""

from __future__ import annotations

from dataclasses import dataclass

MEASURED = "hand-made labels of 25 abdominal CTs of adults (Beyond the Cranial Vault, Landman et al. 2015)"
GERAGHTY = "Geraghty et al., Abdom Imaging 2004;29:482 (149 CTs)"
CAGLAR = "Caglar et al., Folia Morphol 2014;73:331 (212 CTs)"
SAISHO = "Saisho et al., Clin Anat 2007;20:933"
CHEONG = "Cheong et al., Clin J Am Soc Nephrol 2007;2:38 (150 MRs)"
WANG = "Wang et al., Chin Med Sci J 2012;27:220 (81 CTs)"
SISLI = "Sisli Etfal Hastan Tip Bul 2021;55:333 (115 CTs)"
VAUTHEY = "Vauthey et al., Liver Transpl 2002;8:233"
ADULT_YEARS = 16.0
"""The ranges are those of adults; a younger patient's organs are not judged by them."""
LIVER_SHARE = (0.6, 1.6)
"""Of the volume that the body surface predicts: a judgement; people of one size differ this much."""


@dataclass(frozen=True)
class VolumeRange:
    """What a structure usually measures in adults, in mL.

    Parameters
    ----------
    usual_ml
        About nineteen of twenty adults without disease of this organ.
    possible_ml
        With disease too, short of the extreme: beyond it a wrong segmentation is likelier than a rare organ.
    source
        Where ``usual_ml`` is from; ``possible_ml`` is a judgement.
    """

    usual_ml: tuple[float, float]
    possible_ml: tuple[float, float]
    source: str


VOLUME_RANGES: dict[str, VolumeRange] = {
    "liver": VolumeRange((730.0, 2600.0), (600.0, 3500.0), f"{GERAGHTY}; {VAUTHEY}, body surface 1.4 to 2.4 m2"),
    "spleen": VolumeRange((50.0, 450.0), (40.0, 1200.0), f"{CAGLAR}, mean 198, SD 88; {MEASURED}"),
    "right kidney": VolumeRange((78.0, 290.0), (60.0, 400.0), f"{CHEONG}, women 154, SD 33, men 202, SD 36"),
    "left kidney": VolumeRange((78.0, 290.0), (60.0, 400.0), f"{CHEONG}, women 154, SD 33, men 202, SD 36"),
    "gallbladder": VolumeRange((2.0, 90.0), (2.0, 150.0), MEASURED),
    "stomach": VolumeRange((100.0, 1300.0), (40.0, 1800.0), MEASURED),
    "pancreas": VolumeRange((20.0, 135.0), (15.0, 200.0), f"{SAISHO}, mean 72, SD 26; {MEASURED}"),
    "aorta": VolumeRange((20.0, 300.0), (15.0, 500.0), MEASURED),
    "inferior vena cava": VolumeRange((35.0, 190.0), (15.0, 250.0), MEASURED),
    "portal and splenic vein": VolumeRange((10.0, 110.0), (5.0, 150.0), MEASURED),
    "oesophagus": VolumeRange((4.0, 65.0), (3.0, 100.0), f"{MEASURED}; the part in an abdominal scan"),
    "right adrenal": VolumeRange((1.0, 8.0), (0.8, 15.0), f"{WANG}, 2.6 to 6.6; {SISLI}, mean 3.5, SD 1.3"),
    "left adrenal": VolumeRange((1.0, 10.0), (0.8, 15.0), f"{WANG}, 2.9 to 5.8; {SISLI}, mean 4.8, SD 1.3"),
}


def usual_range_ml(name: str, expected_liver_ml: float | None) -> tuple[float, float] | None:
    """Return the usual volume of a structure, the liver's by what the body's size predicts where that is known."""
    row = VOLUME_RANGES.get(name)
    if row is None:
        return None
    if name != "liver" or expected_liver_ml is None:
        return row.usual_ml
    return (LIVER_SHARE[0] * expected_liver_ml, LIVER_SHARE[1] * expected_liver_ml)
