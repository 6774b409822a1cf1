"""DICOM RT Structure Sets (PS3.3, A.19): contours on the slices of an image, written and turned into voxels."""

from __future__ import annotations

from .rtstruct_read import is_rtstruct, read_rtstruct, read_rtstruct_with_findings
from .rtstruct_write import write_rtstruct

__all__ = ["is_rtstruct", "read_rtstruct", "read_rtstruct_with_findings", "write_rtstruct"]
