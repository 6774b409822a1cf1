"""`surgtwin plan simulate`: what instruments come near to, touch and take away along their paths, moment by moment."""

from __future__ import annotations

import argparse
from dataclasses import replace

from surgtwin.domain.plan import Plan
from surgtwin.errors import PlanError
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.tool_path_json import timeline_as_json
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin

from .console import ProgressBar, note, say, write_json
from .input_steps import check_output_is_free, note_findings
from .path_text import say_paths
from .plan_source import choose_plan


def run(options: argparse.Namespace) -> int:
    """Simulate the tool paths of a plan; findings are part of the answer, not a failure."""
    if options.video is not None:
        from ui.report.path_video import check_video_is_possible

        check_output_is_free(options.video, force=options.force)
        check_video_is_possible(options.video)
    twin = load_twin(options.twin)
    chosen = choose_plan(twin, options.plan, options.version)
    plan = paths_of(chosen.plan, options.path)
    bar = ProgressBar()
    try:
        simulating = bar.progress() if options.video is None else bar.progress().part(0.0, 0.5, "simulating")
        evaluation = evaluate_plan(TwinGeometry(twin), plan, progress=simulating)
        if options.video is not None:
            from ui.report.path_video import write_path_video

            result = evaluation.tool_paths[0]
            write_path_video(twin, result, options.video, progress=bar.progress().part(0.5, 1.0, "drawing"))
    finally:
        bar.close()
    if options.json:
        about = {"case_id": twin.case_id, "revision": twin.revision.number, "plan": chosen.name}
        about |= {} if options.video is None else {"video": str(options.video)}
        write_json(about | simulated(evaluation))
        return 0
    say(f"{twin.case_id}  revision {twin.revision.number}  plan {chosen.title}  (research use only)")
    say_paths(evaluation.tool_paths)
    note_findings(evaluation.findings)
    if options.video is not None:
        note(f"written: {options.video}")
    return 0


def paths_of(plan: Plan, name: str | None) -> Plan:
    """A plan of nothing but its tool paths, or of the one with a name. Raises PlanError if there is none."""
    if not plan.tool_paths:
        raise PlanError("the plan holds no tool path, so there is nothing to simulate.", "tool_paths")
    wanted = [p for p in plan.tool_paths if name in (None, p.name)]
    if not wanted:
        there_are = ", ".join(p.name for p in plan.tool_paths)
        raise PlanError(f"there is no tool path '{name}'; there are: {there_are}.", "tool_paths")
    return replace(plan, resections=(), trajectories=(), ablations=(), tool_paths=tuple(wanted))


def simulated(evaluation: PlanEvaluation) -> dict[str, object]:
    """The paths' figures as `plan evaluate` tells them, each with its timeline."""
    content = evaluation_as_json(evaluation)
    for entry, result in zip(content["tool_paths"], evaluation.tool_paths, strict=True):
        entry["timeline"] = timeline_as_json(result)
    return {"schema": content["schema"], "tool_paths": content["tool_paths"], "findings": content["findings"]}
