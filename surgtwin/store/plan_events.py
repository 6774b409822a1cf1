"""What changed on the shelf of plans, as events, and what those events make of the records of the plans."""

from __future__ import annotations

from dataclasses import replace

from ..domain.plan_shelf import PlanShelf
from ..domain.saved_plan import PlanApproval, SavedPlan
from ..errors import TwinError
from . import event as kinds
from .blobs import BlobStore
from .codec_plan import encode_approval, encode_version
from .codec_values import Record
from .event import EventDraft
from .known_objects import KnownObjects

Plans = dict[str, Record]
"""Plan id -> record: plan_id, name, copied_from, is_removed, versions, approvals."""


def shelf_events(old: PlanShelf, new: PlanShelf, blobs: BlobStore, known: KnownObjects, by: str) -> list[EventDraft]:
    """Events that lead from one shelf to the other; the texts of new versions are stored (not yet synced).

    Parameters
    ----------
    by
        Who changed what does not say itself who made it (names, removals).

    Raises
    ------
    TwinError
        If `new` lacks or rewrites something that `old` holds: the history of a twin is append-only.
    """
    before = {p.plan_id: p for p in old.every}
    lost = sorted(before.keys() - {p.plan_id for p in new.every})
    if lost:
        raise TwinError(f"Plans can be removed from sight, not from the history; missing: {', '.join(lost)}.")
    return [d for plan in new.every for d in _plan_events(before.get(plan.plan_id), plan, blobs, known, by)]


def _plan_events(
    old: SavedPlan | None, new: SavedPlan, blobs: BlobStore, known: KnownObjects, by: str
) -> list[EventDraft]:
    versions = () if old is None else old.versions
    approvals = () if old is None else old.approvals
    if new.versions[: len(versions)] != versions or len(new.approvals) < len(approvals):
        raise TwinError(f"The history of the plan '{new.name}' can't be rewritten; save another version.")
    plan_id = {"plan_id": new.plan_id}
    drafts = []
    if old is not None and old.name != new.name:
        drafts.append(EventDraft(kinds.PLAN_RENAMED, {**plan_id, "name": new.name}, by))
    for version in new.versions[len(versions) :]:
        record = known.encoded(version, lambda v: encode_version(v, blobs))
        payload = {**plan_id, "name": new.name, "copied_from": new.copied_from, "version": record}
        drafts.append(EventDraft(kinds.PLAN_SAVED, payload, version.by))
    drafts += _approval_events(approvals, new)
    if new.is_removed is not (old is not None and old.is_removed):
        kind = kinds.PLAN_REMOVED if new.is_removed else kinds.PLAN_RESTORED
        drafts.append(EventDraft(kind, plan_id, by))
    return drafts


def _approval_events(old: tuple[PlanApproval, ...], new: SavedPlan) -> list[EventDraft]:
    drafts = []
    for n, approval in enumerate(new.approvals):
        known = old[n] if n < len(old) else None
        if known == approval:
            continue
        payload: Record = {"plan_id": new.plan_id, "position": n}
        if known is None:
            payload |= {"approval": encode_approval(approval)}
            drafts.append(EventDraft(kinds.PLAN_APPROVED, payload, approval.withdrawn_by or approval.by))
        else:
            if replace(known, withdrawn_by=approval.withdrawn_by) != approval:
                raise TwinError(
                    f"An approval of the plan '{new.name}' can't be rewritten; withdraw it and approve anew."
                )
            payload |= {"withdrawn_by": approval.withdrawn_by}
            drafts.append(EventDraft(kinds.PLAN_APPROVAL_WITHDRAWN, payload, approval.withdrawn_by))
    return drafts


def saved(plans: Plans, payload: Record) -> Plans:
    """The records after `plan.saved`: a new plan, or a new version of one."""
    plan_id = payload["plan_id"]
    new: Record = {"plan_id": plan_id, "name": payload["name"], "copied_from": payload["copied_from"]}
    plan = plans.get(plan_id, {**new, "is_removed": False, "versions": [], "approvals": []})
    return {**plans, plan_id: {**plan, "versions": [*plan["versions"], payload["version"]]}}


def renamed(plans: Plans, payload: Record) -> Plans:
    return _changed(plans, payload, name=payload["name"])


def removed(plans: Plans, payload: Record) -> Plans:
    return _changed(plans, payload, is_removed=True)


def restored(plans: Plans, payload: Record) -> Plans:
    return _changed(plans, payload, is_removed=False)


def approved(plans: Plans, payload: Record) -> Plans:
    approvals = plans[payload["plan_id"]]["approvals"]
    return _changed(plans, payload, approvals=[*approvals, payload["approval"]])


def approval_withdrawn(plans: Plans, payload: Record) -> Plans:
    approvals = list(plans[payload["plan_id"]]["approvals"])
    n = payload["position"]
    approvals[n] = {**approvals[n], "withdrawn_by": payload["withdrawn_by"]}
    return _changed(plans, payload, approvals=approvals)


def _changed(plans: Plans, payload: Record, **fields: object) -> Plans:
    plan_id = payload["plan_id"]
    return {**plans, plan_id: {**plans[plan_id], **fields}}
