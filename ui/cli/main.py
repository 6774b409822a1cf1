"""The `surgtwin` command: parses, calls one command, turns errors into exit codes.

Exit codes: 0 done, 1 a bug, 2 usage, 3 bad input, 4 some of several inputs failed, 5 environment, 130 cancelled.
Only argparse is imported to answer `--help`; a command's module is imported when that command runs.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from surgtwin.errors import MemoryLimitError, ResourceError, SurgTwinError
from surgtwin.version import VERSION

from . import arguments

EXIT_USAGE = 2
EXIT_CANCELLED = 130
_NEGATIVE = re.compile(r"^-\.?\d[\d.,eE+\-]*$")

_EPILOG = (
    "exit codes: 0 done, 2 usage, 3 bad input, 4 some of several inputs failed, 5 environment (disk, memory, device), "
    "130 cancelled, 1 a bug.  Research use only: not a medical device."
)


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser that takes "-30,10,8" as a value, not as an option."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._negative_number_matcher = _NEGATIVE

    def error(self, message: str) -> NoReturn:
        """Say what is wrong as argparse does, and leave the reason to ``main``."""
        self.print_usage(sys.stderr)
        print(f"{self.prog}: error: {message}", file=sys.stderr)
        raise _WrongUsage(f"{self.prog}: {message}")


class _WrongUsage(SystemExit):
    """A command line that cannot be understood: exit code 2."""

    def __init__(self, reason: str) -> None:
        super().__init__(EXIT_USAGE)
        self.reason = reason


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="surgtwin",
        description="A 3D twin of a patient's organs: from a DICOM series to segmented, meshed, saved organs.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"surgtwin {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    arguments.add_all(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code."""
    try:
        options = build_parser().parse_args(argv)
    except _WrongUsage as wrong:
        if "--json" in (sys.argv[1:] if argv is None else argv):
            _write_error("UsageError", wrong.reason, EXIT_USAGE)
        raise
    try:
        import_module(".console", __package__).print_anything()
        run: Callable[[argparse.Namespace], int] = import_module(f".{options.module}", __package__).run
        code = run(options)
        sys.stdout.flush()
        return code
    except SurgTwinError as error:
        return _explain(error, options)
    except MemoryError:
        return _explain(MemoryLimitError("There is not enough memory for this input. Close other programs."), options)
    except KeyboardInterrupt:
        print("\nCancelled.", file=sys.stderr)
        return EXIT_CANCELLED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        name = f" ({error.filename})" if error.filename else ""
        return _explain(ResourceError(f"The system refused: {error.strerror or error}{name}."), options)


def _explain(error: SurgTwinError, options: argparse.Namespace) -> int:
    if getattr(options, "json", False):
        _write_error(type(error).__name__, str(error), error.exit_code)
    print(f"surgtwin: {error}", file=sys.stderr)
    return error.exit_code


def _write_error(kind: str, message: str, exit_code: int) -> None:
    from .console import write_json

    write_json({"error": {"type": kind, "message": message, "exit_code": exit_code}})


if __name__ == "__main__":
    sys.exit(main())
