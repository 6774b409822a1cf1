"""Which DICOM objects are taken from and given to other machines, in which encodings (PS3.4, B.5; PS3.5, 10)."""

from __future__ import annotations

from .decode import DECODERS
from .header import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE

VERIFICATION = "1.2.840.10008.1.1"
IMAGE_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT Image",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT Image",
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT Image",
    "1.2.840.10008.5.1.4.1.1.4": "MR Image",
    "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR Image",
    "1.2.840.10008.5.1.4.1.1.4.4": "Legacy Converted Enhanced MR Image",
    "1.2.840.10008.5.1.4.1.1.13.1.1": "X-Ray 3D Angiographic Image",
    "1.2.840.10008.5.1.4.1.1.128": "Positron Emission Tomography Image",
}
"""Volumes, or slices of them; cone-beam scanners send CT Image or X-Ray 3D Angiographic Image."""
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
DERIVED_CLASSES = {
    SEGMENTATION: "Segmentation",
    RT_STRUCTURE_SET: "RT Structure Set",
    "1.2.840.10008.5.1.4.1.1.88.11": "Basic Text SR",
    "1.2.840.10008.5.1.4.1.1.88.22": "Enhanced SR",
    "1.2.840.10008.5.1.4.1.1.88.33": "Comprehensive SR",
    "1.2.840.10008.5.1.4.1.1.88.34": "Comprehensive 3D SR",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image",
    "1.2.840.10008.5.1.4.1.1.104.1": "Encapsulated PDF",
}
"""What this program and others make of images."""
NATIVE_SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG)
"""The deflated one is not among them: half a megabyte of it can inflate to gigabytes."""
READABLE_SYNTAXES = (*NATIVE_SYNTAXES, *DECODERS)


def class_name(uid: str) -> str:
    """What a SOP class is called, or its UID."""
    return IMAGE_CLASSES.get(uid) or DERIVED_CLASSES.get(uid) or uid
