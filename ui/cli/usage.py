"""A command given in a way that makes no sense, where argparse alone cannot see it."""

from __future__ import annotations

from surgtwin.errors import SurgTwinError


class UsageError(SurgTwinError):
    """Options that do not go together."""

    exit_code = 2
