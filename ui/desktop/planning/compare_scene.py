"""Everything of one plan as props of one 3D view, for a look at it that changes nothing."""

from __future__ import annotations

import numpy as np

from surgtwin.domain.plan import ToolPath
from surgtwin.errors import PlanError

from ..views.scene_view import SceneView
from .desk import PlanDesk
from .hand_words import bands_of
from .judging import Judged
from .needle_props import NeedleProps
from .path_build import motion_of
from .path_figures import known_instrument
from .path_props import InstrumentProp, WayProp, add_all
from .plan_props import PlanProps
from .zone_props import ZoneProps


def show_plan(scene: SceneView, judged: Judged, desk: PlanDesk) -> None:
    """Cuts, needles, zones and instruments at the end of their paths."""
    PlanProps(scene).show(judged.picture, lambda resection: bands_of(resection, desk))
    NeedleProps(scene).show(judged.plan.trajectories, "", None)
    ZoneProps(scene).show(judged.zones, "")
    for path in judged.plan.tool_paths:
        _show_path(scene, path)
    scene.redraw()


def _show_path(scene: SceneView, path: ToolPath) -> None:
    try:
        instrument = known_instrument(path.tool)
        motion = motion_of(path, instrument)
    except PlanError:
        return  # its figures say what is wrong with it
    way, tool = WayProp(), InstrumentProp(path.tool, instrument)
    keys = np.asarray([pose.lps_from_tool for pose in path.poses], dtype=np.float64)[:, :3, 3]
    way.show(motion.tips_mm, keys, None, True)
    tool.place(np.asarray(motion.lps_from_tool[-1]))
    add_all(scene.renderer, [*way.actors, *tool.actors])
