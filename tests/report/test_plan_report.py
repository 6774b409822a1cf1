"""What a report says: the evaluation's own figures, who it names, and what nobody has confirmed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surgtwin.domain.cut import Combination, CombinedCut, PlaneCut, TerritoryCut
from surgtwin.domain.plan import Plan
from surgtwin.domain.twin import Twin
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.plan_versions import with_plan
from surgtwin.report.document import Callout, Facts, FigureRow, Paragraph, PictureKind, Report, Table
from surgtwin.report.plan_report import can_be_laid_flat, plan_report, twin_report
from surgtwin.report.subject import ReportedPlan, labels_sha256
from tests.planning.shapes import OBLIQUE
from tests.report.subjects import SECRETS, full_plan, liver_twin, reported, right_cut, subject, wedge


@pytest.fixture(scope="module")
def twin() -> Twin:
    return liver_twin(OBLIQUE)


@pytest.fixture(scope="module")
def plan(twin) -> ReportedPlan:
    return reported(twin, full_plan(OBLIQUE))


@pytest.fixture(scope="module")
def report(twin, plan) -> Report:
    return plan_report(subject(twin), plan)


def tables(report: Report) -> list[Table]:
    return [b for s in report.sections for b in s.blocks if isinstance(b, Table)]


def rows_of(report: Report, section: str, table: int = 0) -> list[dict[str, str]]:
    """The rows of a table as column title -> text; titles that repeat get a number."""
    found = next(s for s in report.sections if s.title == section)
    wanted = [b for b in found.blocks if isinstance(b, Table)][table]
    titles: list[str] = []
    for column in wanted.columns:
        titles.append(column.title if column.title not in titles else f"{column.title} 2")
    return [{t: c.text or (c.verdict or "") for t, c in zip(titles, row, strict=True)} for row in wanted.rows]


def all_text(report: Report) -> str:
    said = [report.title, report.running_title, *(v for pair in report.facts.pairs for v in pair)]
    for section in report.sections:
        said.append(section.title)
        for block in section.blocks:
            if isinstance(block, Table):
                said += [block.note, *(c.text for row in block.rows for c in row)]
            elif isinstance(block, (Paragraph, Callout)):
                said.append(block.text)
            elif isinstance(block, Facts):
                said += [v for pair in block.pairs for v in pair]
            elif isinstance(block, FigureRow):
                said += [f.caption for f in block.figures]
    return "\n".join(said)


def test_volumes_are_those_of_the_json_with_their_error_bars(report, plan) -> None:
    told = evaluation_as_json(plan.evaluation)["resections"][0]
    row = rows_of(report, "Resection")[0]
    assert row["Resected"] == f"{told['resected_ml']:.0f} ± {told['resected_error_ml']:.0f} mL"
    assert row["Remnant"] == f"{told['remnant_ml']:.0f} ± {told['remnant_error_ml']:.0f} mL"
    assert row["Remnant 2"] == f"{told['remnant_percent']:.1f} ± {told['remnant_error_percent']:.1f} %"
    assert row["Cut surface"] == f"{told['cut_area_mm2'] / 100:.1f} cm²"


def test_every_formula_of_the_remnant_stands_with_its_name_and_value(report, plan) -> None:
    told = evaluation_as_json(plan.evaluation)["combined"][0]
    rows = {r["Figure"]: r["Value"] for r in rows_of(report, "Resection", 1)}
    for name, percent in told["sflr_percent"].items():
        assert rows[f"Standardised remnant, {name}"] == f"{percent:.1f} %"
    assert rows["Remnant to body weight"] == f"{told['remnant_to_body_weight_percent']:.2f} %"
    assert rows["Tumour-free remnant, measured"].startswith(f"{told['flr_percent']:.1f} ±")


def test_margins_stand_with_verdict_and_place_as_in_the_json(report, plan) -> None:
    told = evaluation_as_json(plan.evaluation)["resections"][0]["margins"][0]
    row = rows_of(report, "Margins")[0]
    assert row["Least"] == f"{told['min_mm']:.1f} ± {told['error_mm']:.1f} mm"
    assert row["Verdict"] == told["verdict"]
    sides = zip(told["at_mm"], ("LR", "PA", "SI"), strict=True)
    expected = [f"{pair[0] if v >= 0 else pair[1]}\N{NO-BREAK SPACE}{abs(v):.1f}" for v, pair in sides]
    assert row["Where it is worst (LPS, mm)"] == ", ".join(expected)


def test_needles_zones_and_paths_stand_with_the_jsons_figures(report, plan) -> None:
    told = evaluation_as_json(plan.evaluation)
    zone = rows_of(report, "Ablation")[0]
    assert zone["Covered"] == f"{told['ablations'][0]['coverage_percent']:.1f} %"
    assert zone["Least margin"].startswith(f"{told['ablations'][0]['min_margin_mm']:.1f} ±")
    clearances = {c["structure"]: c["min_mm"] for c in told["trajectories"][0]["clearances"]}
    row = next(r for r in rows_of(report, "Trajectory N", 1) if r["Structure"].startswith("vein"))
    assert row["Clearance"].startswith(f"{clearances['vein']:.1f} ±")
    nearest = {c["structure"]: c["min_mm"] for c in told["tool_paths"][0]["min_clearance"]}
    row = next(r for r in rows_of(report, "Tool path P") if r["Structure"].startswith("vein"))
    assert row["Clearance"].startswith(f"{nearest['vein']:.1f} ±")


def test_the_overall_verdict_and_the_worst_finding_stand_first(report, plan) -> None:
    first = report.sections[0]
    assert first.title == "Scorecard"
    assert isinstance(first.blocks[0], Callout) and first.blocks[0].verdict is plan.scorecard.overall
    severities = [r["Severity"].split()[-1] for r in rows_of(report, "Findings")]
    assert severities == sorted(severities, key=("error", "warning", "note").index)
    assert len(severities) == len({(f.message, f.where_mm) for f in plan.evaluation.findings})


def test_the_patient_is_named_only_when_a_person_asks(twin, plan) -> None:
    silent, named = (all_text(plan_report(subject(twin, with_identity), plan)) for with_identity in (False, True))
    assert not any(secret in silent for secret in (*SECRETS, "19610412"))
    assert all(secret in named for secret in SECRETS)
    assert "case-42" in silent and "case-42" in named


def test_what_nobody_has_accepted_is_marked_wherever_its_figures_stand(twin, report) -> None:
    assert rows_of(report, "Resection")[0]["Organ"].endswith("\N{WHITE DIAMOND}")
    assert rows_of(report, "Margins")[0]["Target"].endswith("\N{WHITE DIAMOND}")
    assert {r["Reader"] for r in rows_of(report, "Structures")} == {"not accepted"}
    accepted = replace(twin, accepted=frozenset(s.name for s in twin.structures))
    calm = plan_report(subject(accepted), reported(accepted, Plan(resections=(right_cut(OBLIQUE),))))
    assert "\N{WHITE DIAMOND}" not in "".join(r["Structure"] for r in rows_of(calm, "Structures"))
    assert {r["Reader"] for r in rows_of(calm, "Structures")} == {"accepted"}


def test_a_plans_hash_is_the_one_that_the_twins_log_keeps(twin, plan, report) -> None:
    kept = with_plan(twin, plan.evaluation.plan, "right", by="a test").shelf.plan("right").latest
    assert kept.sha256 == plan.sha256
    assert kept.sha256 in all_text(report)


def test_hashes_tell_changed_contours_and_changed_plans(twin, plan) -> None:
    other = liver_twin(OBLIQUE, tumour="tumour 2")
    assert labels_sha256(twin.labels) != labels_sha256(other.labels)
    assert labels_sha256(twin.labels) == labels_sha256(liver_twin(OBLIQUE).labels)
    moved = reported(twin, Plan(resections=(right_cut(OBLIQUE, -2.1),)))
    assert moved.sha256 != plan.sha256


def test_two_reports_of_one_time_are_equal(twin, plan, report) -> None:
    again = plan_report(subject(liver_twin(OBLIQUE)), reported(liver_twin(OBLIQUE), full_plan(OBLIQUE)))
    assert again == report


def test_every_picture_belongs_to_an_entry_of_the_plan(report, plan) -> None:
    names = {"A", "N", "Z", "P", ""}
    pictures = report.pictures()
    assert {p.entry for p in pictures} == names
    assert {p.view for p in pictures if p.kind is PictureKind.SCENE} == {"anterior", "right", "cut"}
    worst = plan.evaluation.resections[0].margins[0].at_mm
    assert {p.at_mm for p in pictures if p.kind is PictureKind.SLICE and p.entry == "A"} == {worst}


def test_a_flat_map_is_asked_for_only_of_surfaces_that_have_one(report) -> None:
    assert {p.entry for p in report.pictures() if p.kind is PictureKind.MAP} == {"A"}
    border, plane = TerritoryCut("vein", ("1",)), right_cut(OBLIQUE).surface
    assert can_be_laid_flat(plane) and not can_be_laid_flat(border)
    assert can_be_laid_flat(CombinedCut(Combination.UNION, (plane, plane)))
    assert not can_be_laid_flat(CombinedCut(Combination.UNION, (plane, border)))


def test_a_plan_without_entries_is_refused_with_what_to_add(twin) -> None:
    with pytest.raises(PlanError, match="no entries: add a resection"):
        plan_report(subject(twin), reported(twin, Plan(), "empty"))


def test_cuts_of_one_organ_stand_alone_and_together(twin) -> None:
    both = reported(twin, Plan(resections=(right_cut(OBLIQUE, -20), wedge())))
    report = plan_report(subject(twin), both)
    assert [r["Cut"] for r in rows_of(report, "Resection")] == ["A", "W", "A + W"]


def test_a_twins_report_tells_structures_findings_and_sources_without_a_plan(twin) -> None:
    report = twin_report(subject(twin))
    text = all_text(report)
    volumes = {r["Structure"].split("\N{NO-BREAK SPACE}")[0]: r["Volume"] for r in rows_of(report, "Structures")}
    liver = next(s for s in twin.structures if s.name == "liver")
    assert volumes["liver"] == f"{twin.labels.volume_ml(liver):.0f} mL"
    assert labels_sha256(twin.labels) in text and "ab" * 32 in text
    assert "Margins" not in [s.title for s in report.sections]
    assert not any(secret in text for secret in SECRETS)


def test_settings_stand_for_the_kinds_of_entries_that_the_plan_has_and_no_others(twin, report) -> None:
    names = {"Branches and territories", "Ablation margin", "Placement of needles", "Ports"}

    def told(of: Report) -> set[str]:
        facts = [b for b in of.sections[-1].blocks if isinstance(b, Facts)]
        return names & {name for block in facts for name, _ in block.pairs}

    only_cut = plan_report(subject(twin), reported(twin, Plan(resections=(right_cut(OBLIQUE),))))
    assert told(report) == names
    assert told(only_cut) == {"Branches and territories"}


def test_verdicts_are_words_everywhere(report) -> None:
    verdicts = [c.verdict for t in tables(report) for row in t.rows for c in row if c.verdict is not None]
    assert verdicts and all(isinstance(v, Verdict) and v.value for v in verdicts)


def test_a_cut_that_takes_the_target_only_in_part_says_so(twin) -> None:
    surface = PlaneCut(OBLIQUE.point(-15, 0, 0), OBLIQUE.direction(-1, 0, 0))
    through = reported(twin, Plan(resections=(replace(right_cut(OBLIQUE), surface=surface),)))
    report = plan_report(subject(twin), through)
    assert rows_of(report, "Margins")[0]["Verdict"] == "violated"
    assert "passes through the target" in all_text(report)
