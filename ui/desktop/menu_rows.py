"""The rows of the action table: what can be done, where it stands, by which keys, and when."""

from __future__ import annotations

from functools import partial

from .actions import Row, always, can_edit, can_edit_selection, has_image, has_selection, has_twin
from .commands import Commands
from .live.menu import live_rows
from .planning.path_rows import path_rows
from .state import AppState, Tool

FILE, EDIT, VIEW, STRUCTURE = "&File", "&Edit", "&View", "&Structure"
MEASURE, PLAN, HELP = "&Measure", "&Plan", "&Help"
CAMERA_KEYS = (
    ("anterior", "From the front", "A"),
    ("posterior", "From the back", "P"),
    ("left", "From the patient's left", "L"),
    ("right", "From the patient's right", "R"),
    ("superior", "From the head", "H"),
    ("inferior", "From the feet", "F"),
)
TOOLS = (
    (Tool.NAVIGATE, "Look around", "N", "navigate"),
    (Tool.WINDOW, "Window/level", "W", "window"),
    (Tool.PROBE, "Probe", "B", "probe"),
    (Tool.DISTANCE, "Distance", "D", "distance"),
    (Tool.ANGLE, "Angle", "G", "angle"),
    (Tool.ROI, "Region", "O", "roi"),
)
LARGE_VIEWS = (("axial", "Axial large", "1"), ("coronal", "Coronal large", "2"), ("sagittal", "Sagittal large", "3"))


def rows(commands: Commands) -> tuple[Row, ...]:
    """All of them, menu by menu."""
    return (
        *_file_rows(commands), *_edit_rows(commands), *_view_rows(commands), *_structure_rows(commands),
        *_measure_rows(commands), *_plan_rows(commands), *live_rows(commands.live),
        *_help_rows(commands),
    )  # fmt: skip


def _file_rows(c: Commands) -> tuple[Row, ...]:
    return (
        Row("open_folder", FILE, "Open folder…", c.ask_folder, ("Ctrl+O",), icon="open_folder"),
        Row("open_file", FILE, "Open file…", c.ask_file, ("Ctrl+Shift+O",), icon="open_file"),
        Row("find_organs", FILE, "Find organs", c.find_organs, ("Ctrl+B",), _waits_for_organs),
        Row("close", FILE, "Close", c.close_twin, ("Ctrl+W",), has_image),
        Row("save", FILE, "Save", c.save, ("Ctrl+S",), _idle_twin, icon="save", starts_group=True),
        Row("save_as", FILE, "Save as…", c.ask_save_as, ("Ctrl+Shift+S",), _idle_twin),
        Row("export", FILE, "Export surfaces…", c.ask_export, ("Ctrl+E",), _idle_twin, icon="export"),
        Row("export_labels", FILE, "Export label map…", c.ask_export_labels, enabled=_idle_twin),
        Row("screenshot", FILE, "Save picture…", c.ask_screenshot, ("Ctrl+P",), has_image, icon="camera"),
        Row("settings", FILE, "Settings…", c.show_settings, ("Ctrl+,",), icon="settings", starts_group=True),
        Row("quit", FILE, "Quit", c.quit, ("Ctrl+Q",)),
    )


def _edit_rows(c: Commands) -> tuple[Row, ...]:
    return (
        Row("undo", EDIT, "Undo", c.state.undo, ("Ctrl+Z",), _can_undo, "undo", text_now=_undo_text),
        Row("redo", EDIT, "Redo", c.state.redo, ("Ctrl+Shift+Z", "Ctrl+Y"), _can_redo, "redo", text_now=_redo_text),
        Row("search", EDIT, "Search structures and commands", c.search, ("Ctrl+K", "/"), icon="search"),
        Row("cancel", EDIT, "Stop what is being computed", c.cancel_job, ("Esc",), c.can_cancel),
    )


def _view_rows(c: Commands) -> tuple[Row, ...]:
    state = c.state
    large = tuple(
        Row(f"large_{view}", VIEW, words, partial(c.toggle_large, view), (key,), has_image,
            checked=partial(_is_large, view))
        for view, words, key in (*LARGE_VIEWS, ("3d", "3D large", "4"))
    )  # fmt: skip
    cameras = tuple(
        Row(f"camera_{d}", VIEW, words, partial(state.request_camera, d), (f"Shift+{key}",), has_twin,
            starts_group=d == "anterior")
        for d, words, key in CAMERA_KEYS
    )  # fmt: skip
    return (
        *large,
        Row("four", VIEW, "All four views", partial(state.set_maximised, ""), ("0",), has_image),
        *cameras,
        Row("fit", VIEW, "Fit everything", partial(state.request_camera, "reset"), ("Home",), has_image, "reset"),
        Row("crosshair", VIEW, "Cross-hair", c.toggle_crosshair, ("X",), has_image, checked=_has_crosshair,
            starts_group=True),
        Row("overlay", VIEW, "Structures on the slices", c.toggle_overlay, ("T",), has_twin, checked=_has_overlay),
        Row("confidence", VIEW, "Where the network is unsure", c.confidence.toggle, ("U",), _has_confidence,
            checked=lambda _: c.confidence.is_on),
        Row("end_compare", VIEW, "End the comparison", c.end_compare, enabled=_is_comparing),
    )  # fmt: skip


def _structure_rows(c: Commands) -> tuple[Row, ...]:
    return (
        Row("toggle", STRUCTURE, "Show or hide", c.toggle_selected, ("V",), has_selection, "eye"),
        Row("solo", STRUCTURE, "Show alone", c.solo_selected, ("S",), has_selection, "solo", _is_soloed),
        Row("show_all", STRUCTURE, "Show all", c.show_all, ("Shift+S",), has_twin),
        Row("hide_all", STRUCTURE, "Hide all", c.hide_all, ("Shift+N",), has_twin),
        Row("accept", STRUCTURE, "Accept, or withdraw", c.accept_selected, ("A",), can_edit_selection, "accepted",
            starts_group=True),
        Row("go_to", STRUCTURE, "Go to its middle", c.go_to_selected, ("C",), has_selection),
    )  # fmt: skip


def _measure_rows(c: Commands) -> tuple[Row, ...]:
    changing = (Tool.DISTANCE, Tool.ANGLE, Tool.ROI)
    return tuple(
        Row(f"tool_{tool}", MEASURE, words, partial(c.state.set_tool, tool), (key,),
            can_edit if tool in changing else has_image, icon_name, checked=partial(_is_tool, tool))
        for tool, words, key, icon_name in TOOLS
    )  # fmt: skip


def _plan_rows(c: Commands) -> tuple[Row, ...]:
    plans, book = c.plans, c.plans.book

    def has_plan(_: AppState) -> bool:
        return book.current is not None

    def has_two(_: AppState) -> bool:
        return sum(not d.plan.is_empty for d in book.drafts) > 1 and not book.plan.is_empty

    return (
        Row("plan_lay", PLAN, "Lay a cut", c.lay_cut, ("L",), has_twin),
        *path_rows(PLAN, plans.desk),
        Row("plan_new", PLAN, "New plan", plans.new, enabled=has_twin, starts_group=True),
        Row("plan_duplicate", PLAN, "Duplicate the plan", plans.duplicate, ("Ctrl+D",), has_plan),
        Row("plan_rename", PLAN, "Rename the plan…", plans.ask_rename, enabled=has_plan),
        Row("plan_compare", PLAN, "Compare with another plan…", plans.ask_compare, ("Ctrl+Shift+D",), has_two),
        Row("plan_open", PLAN, "Open a plan file…", plans.ask_open, enabled=has_twin, starts_group=True),
        Row("plan_export", PLAN, "Export the plan…", plans.ask_export, enabled=has_plan),
        Row("plan_report", PLAN, "Write a report…", c.ask_report, ("Ctrl+R",), _idle_twin),
        Row("plan_remove", PLAN, "Remove the plan", plans.remove, enabled=has_plan, starts_group=True),
    )


def _help_rows(c: Commands) -> tuple[Row, ...]:
    return (
        Row("shortcuts", HELP, "Keyboard and mouse", c.show_shortcuts, ("?", "F1"), icon="help"),
        Row("about", HELP, "About surgtwin", c.show_about, enabled=always),
    )


def _idle_twin(state: AppState) -> bool:
    return state.twin is not None and not state.busy


def _waits_for_organs(state: AppState) -> bool:
    return state.volume is not None and state.twin is None and not state.busy


def _can_undo(state: AppState) -> bool:
    return bool(state.undo_text)


def _can_redo(state: AppState) -> bool:
    return bool(state.redo_text)


def _undo_text(state: AppState) -> str:
    return f"Undo: {state.undo_text}" if state.undo_text else "Undo"


def _redo_text(state: AppState) -> str:
    return f"Redo: {state.redo_text}" if state.redo_text else "Redo"


def _is_large(view: str, state: AppState) -> bool:
    return state.maximised == view


def _has_crosshair(state: AppState) -> bool:
    return state.crosshair


def _has_confidence(state: AppState) -> bool:
    return state.twin is not None and state.twin.confidence is not None


def _has_overlay(state: AppState) -> bool:
    return state.label_opacity > 0


def _is_soloed(state: AppState) -> bool:
    return bool(state.selected) and state.soloed == state.selected


def _is_comparing(state: AppState) -> bool:
    return state.comparison is not None


def _is_tool(tool: Tool, state: AppState) -> bool:
    return state.tool is tool
