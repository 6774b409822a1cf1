"""DICOM Segmentation objects (PS3.3, A.51): written as BINARY, read as BINARY, FRACTIONAL or LABELMAP."""

from __future__ import annotations

from .seg_read import is_seg, read_seg, read_seg_with_findings
from .seg_write import write_seg

__all__ = ["is_seg", "read_seg", "read_seg_with_findings", "write_seg"]
