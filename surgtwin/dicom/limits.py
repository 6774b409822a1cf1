"""How much a file may ask of us before it is called damaged: bounds on memory and time for input from anywhere."""

from __future__ import annotations

MAX_HEADER_BYTES = 64 * 2**20
"""Everything before the pixel data; the functional groups of 10 000 frames take less than half."""
MAX_OBJECT_BYTES = 2**30
"""The same of a segmentation or of a structure set, which is all contours."""
MAX_ELEMENTS = 1_000_000
"""Data elements walked in one file."""
MAX_DEPTH = 32
"""Sequences within sequences; real objects stay below 10."""
MAX_VALUE_BYTES = 64 * 1024
"""A value of an attribute we use; longer ones are not what they claim to be."""
MAX_SIDE = 16_384
"""Rows or columns of one image."""
MAX_FRAMES = 100_000
MAX_FILES = 500_000
"""Files in a folder, or members of a zip."""
MAX_FOLDER_DEPTH = 64
MAX_DICOMDIR_BYTES = 64 * 2**20
MAX_COMPRESSED_RATIO = 2
"""Compressed pixel data larger than this times the uncompressed size is not believed."""
COMPRESSED_SLACK_BYTES = 2**20
MEMORY_SHARE = 0.9
"""The largest part of the memory that is free now which one volume may take."""
