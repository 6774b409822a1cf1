"""The report of one plan on a twin, and that of a twin alone."""

from __future__ import annotations

from ..domain.cut import CombinedCut, CutSurface, TerritoryCut
from ..domain.plan import Resection
from ..errors import PlanError
from .ablations import ablation_sections
from .document import Block, Figure, FigureRow, Paragraph, Picture, PictureKind, Report, Section
from .front import head_facts, running_title
from .judgement import findings_section, scorecard_section
from .places import SLICE_VIEWS
from .resections import margin_key, resection_sections
from .shown import scene_legend
from .sources import sources_section
from .structures import structures_section
from .subject import ReportedPlan, ReportedTwin
from .tool_paths import tool_path_sections
from .trajectories import trajectory_sections

_VIEWS = {"anterior": "From the front", "right": "From the patient's right"}


def plan_report(subject: ReportedTwin, plan: ReportedPlan) -> Report:
    """Everything that was computed about a plan, in the order in which a surgeon asks.

    Raises
    ------
    PlanError
        If the plan has no entries.
    """
    if plan.evaluation.plan.is_empty:
        raise PlanError(f"the plan '{plan.name}' has no entries: add a resection, trajectory, ablation or tool path.")
    sections = (
        scorecard_section(plan.scorecard),
        findings_section(plan.evaluation.findings),
        pictures_section(plan),
        *resection_sections(plan),
        *ablation_sections(plan),
        *trajectory_sections(plan),
        *tool_path_sections(plan),
        structures_section(subject.twin),
        findings_section(subject.twin.findings, "Findings on the twin"),
        sources_section(subject, (plan,)),
    )
    title = f"Plan {plan.name}"
    return Report(title, running_title(subject.twin, (plan,)), head_facts(subject, (plan,)), sections)


def pictures_section(plan: ReportedPlan, number: int = 0) -> Section:
    """The plan in 3D, and what the colours of its cut surfaces mean."""
    figures = tuple(Figure(Picture(PictureKind.SCENE, view, number), caption) for view, caption in _VIEWS.items())
    blocks: list[Block] = [FigureRow(figures), scene_legend(plan.geometry.twin, plan.evaluation)]
    blocks += [_cut_pictures(cut.resection, number) for cut in plan.evaluation.cuts]
    key = margin_key(plan)
    if key is not None:
        blocks.append(key)
    return Section("The plan in 3D", tuple(blocks))


def _cut_pictures(cut: Resection, number: int) -> FigureRow:
    """A cut from the side that it takes, and laid out flat where it has a margin to show."""
    seen = Figure(
        Picture(PictureKind.SCENE, "cut", number, cut.name),
        f"Cut {cut.name}, seen from the side that is taken; what is taken is left out",
    )
    if not cut.targets or not can_be_laid_flat(cut.surface):
        return FigureRow((seen,))
    flat = Figure(
        Picture(PictureKind.MAP, "cut", number, cut.name),
        f"Cut {cut.name} laid out flat, seen from the same side; thin line: where the wanted margin ends",
    )
    return FigureRow((seen, flat))


def can_be_laid_flat(surface: CutSurface) -> bool:
    """Whether a cut surface has a flat map: a border between territories has none, nor what it is a part of."""
    if isinstance(surface, CombinedCut):
        return all(can_be_laid_flat(part) for part in surface.parts)
    return not isinstance(surface, TerritoryCut)


def twin_report(subject: ReportedTwin) -> Report:
    """What a twin holds, without a plan."""
    scenes = tuple(Figure(Picture(PictureKind.SCENE, view), caption) for view, caption in _VIEWS.items())
    slices = tuple(Figure(Picture(PictureKind.SLICE, view), view.capitalize()) for view in SLICE_VIEWS)
    pictures: tuple[Block, ...] = (
        FigureRow(scenes),
        Paragraph("Slices through the middle of the largest organs."),
        FigureRow(slices),
    )
    sections = (
        structures_section(subject.twin),
        findings_section(subject.twin.findings),
        Section("Pictures", pictures),
        sources_section(subject),
    )
    return Report(f"Twin {subject.twin.case_id}", running_title(subject.twin), head_facts(subject), sections)
