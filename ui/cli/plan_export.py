"""`surgtwin plan export`: a kept plan as a plan file."""

from __future__ import annotations

import argparse
import json

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.planning.plan_json import plan_file_as_json
from surgtwin.store.plans import load_plans

from .console import say, write_json
from .input_steps import check_output_is_free
from .plan_source import kept_plan


def run(options: argparse.Namespace) -> int:
    check_output_is_free(options.output, force=options.force)
    kept = load_plans(options.twin)
    chosen = kept_plan(kept, options.name, options.version)
    made_on = kept.shelf.plan(options.name).version(options.version).twin_revision
    content = plan_file_as_json(chosen.plan, chosen.name, kept.case_id, made_on)
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_bytes_atomically(options.output, text.encode("utf-8"))
    if options.json:
        write_json({"output": str(options.output), "name": chosen.name, "version": chosen.version})
    else:
        say(f"written: {options.output} ({chosen.title})")
    return 0
