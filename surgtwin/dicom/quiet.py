"""pydicom without its voice: its warnings and log lines quote attribute values, which name the patient.

What a reader must know is told by findings and errors instead.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger("pydicom")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.propagate = False


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Drops the warnings that pydicom raises about invalid values; warnings of others pass."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"pydicom(\..*)?")
        warnings.filterwarnings("ignore", module=r"(pylibjpeg|openjpeg|gdcm)(\..*)?")
        yield
