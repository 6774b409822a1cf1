"""Plans that are not saved yet, kept aside on this computer until they are: for the case that the program ends."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.domain.plan import Plan
from surgtwin.errors import DiskError, PlanError
from surgtwin.planning.plan_file import parse_plan
from surgtwin.planning.plan_json import plan_as_json
from surgtwin.settings import config_folder

from .draft import Draft

_log = logging.getLogger(__name__)
FOLDER = "unsaved-plans"


@dataclass(frozen=True)
class Found:
    """A plan that was found again; `kept_name` names the kept plan that it changes, or is empty."""

    name: str
    kept_name: str
    plan: Plan


def keep_aside(case_id: str, drafts: tuple[Draft, ...]) -> None:
    """Write what is not saved, or forget what was written if everything is. A disk that refuses costs only this."""
    path = _path(case_id)
    try:
        if not drafts:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        content = [{"kept_name": d.kept_name, "plan": plan_as_json(d.plan, d.name)} for d in drafts]
        write_bytes_atomically(path, json.dumps(content).encode("utf-8"))
    except (OSError, DiskError):
        _log.warning("Unsaved plans could not be kept aside.")


def find_again(case_id: str) -> tuple[Found, ...]:
    """What was not saved when the program last ended; what of it can't be read is left out."""
    try:
        content = json.loads(_path(case_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    found = []
    for entry in content if isinstance(content, list) else ():
        try:
            plan = parse_plan(entry["plan"])
            found.append(Found(str(entry["plan"].get("name", "Plan")), str(entry["kept_name"]), plan))
        except (PlanError, KeyError, TypeError, AttributeError):
            _log.warning("An unsaved plan that was kept aside could not be read.")
    return tuple(found)


def _path(case_id: str) -> Path:
    """Named after a hash: a case id may hold anything."""
    return config_folder() / FOLDER / (hashlib.sha256(case_id.encode()).hexdigest()[:16] + ".json")
