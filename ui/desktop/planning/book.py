"""The plans on the desk: which there are, what a person does to them, and what of that the twin keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.labels import LabelMap
from surgtwin.domain.plan import Plan
from surgtwin.domain.saved_plan import PlanState, PlanStatus, checked_plan_name
from surgtwin.errors import PlanError
from surgtwin.planning.approval import approval_of
from surgtwin.planning.edits import Entry, entries
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.history import History
from surgtwin.planning.plan_versions import check_parts, utc_now

from ..history import Edit
from ..state import AppState
from .draft import Draft, kept_drafts, saving

FIRST_NAME = "Plan"
MODE = "plan"
"""The mode of the window in which plans are seen."""


class PlanBook(QObject):
    """Lives on the main thread. Every edit goes through the window's one history, so every edit can be undone."""

    drafts_changed = Signal()
    """Which plans there are, what they are called, and what of them is kept or approved."""
    plan_changed = Signal()
    """Another plan is on the screen, or the one that is was edited."""
    chosen_changed = Signal()
    """Another entry of the plan is worked on."""

    def __init__(self, state: AppState, reader: Callable[[], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._reader = state, reader
        self._keys = count(1)
        self._drafts: tuple[Draft, ...] = ()
        self._current = 0
        self._chosen: Entry | None = None
        self._case_id = ""
        self._labels: LabelMap | None = None
        self._unreadable: tuple[str, ...] = ()
        self._dropped: dict[int, Draft] = {}
        state.twin_changed.connect(self._on_twin)
        self._on_twin()

    # --- what there is

    @property
    def drafts(self) -> tuple[Draft, ...]:
        return self._drafts

    @property
    def current(self) -> Draft | None:
        """The plan on the screen; None before the first edit, while no twin is open."""
        return next((d for d in self._drafts if d.key == self._current), None)

    @property
    def plan(self) -> Plan:
        """What is planned; an empty plan before the first edit."""
        current = self.current
        return current.plan if current is not None else Plan()

    @property
    def chosen(self) -> Entry | None:
        """The entry that is worked on, as the plan has it now."""
        if self._chosen is None:
            return None
        kind, name = type(self._chosen), self._chosen.name
        return next((e for e in entries(self.plan) if type(e) is kind and e.name == name), None)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Names of plans in the twin that this program can't read: a newer one saved them."""
        return self._unreadable

    @property
    def changed(self) -> tuple[Draft, ...]:
        """Plans that would be lost, or partly so, if the program ended now."""
        return tuple(d for d in self._drafts if d.is_changed)

    def status(self, draft: Draft) -> PlanStatus | None:
        """Where the kept plan stands; None if the twin keeps none."""
        twin = self._state.twin
        if twin is None or not draft.kept_name or not twin.shelf.has(draft.kept_name):
            return None
        return twin.plan_status(twin.shelf.plan(draft.kept_name))

    @property
    def is_approved(self) -> bool:
        """Whether what is on the screen is what somebody approved."""
        current = self.current
        status = self.status(current) if current is not None and not current.is_changed else None
        return status is not None and status.state is PlanState.APPROVED

    # --- edits

    def apply(self, plan: Plan, words: str, *, merge: bool = False, choose: Entry | None = None) -> None:
        """The plan on the screen becomes another; `words` name the edit ("Bend Cut 1").

        Parameters
        ----------
        merge
            One more of a row of edits of that name (a spin box's steps): they are undone together.
        """
        draft = self.current
        if draft is None:
            draft = self._added(FIRST_NAME, History.of(Plan()))
        before = draft.history
        after = before.push(plan, words, merge)
        if choose is not None:
            self._chosen = choose
        if after is before:
            self.plan_changed.emit()
            return
        self._put(replace(draft, history=after))
        is_merged = len(after.done) > 1 and after.done[-2] is not before.done[-1]
        if not is_merged:
            key = draft.key
            self._state.record(
                Edit(words, lambda: self._step(key, History.redo), lambda: self._step(key, History.undo))
            )

    def choose(self, entry: Entry | None) -> None:
        """Work on another entry."""
        self._chosen = entry
        self.chosen_changed.emit()

    def show(self, key: int) -> None:
        """Put another plan on the screen."""
        if key != self._current and any(d.key == key for d in self._drafts):
            self._current = key
            self.choose_first()
            self.drafts_changed.emit()
            self.plan_changed.emit()

    # --- plans as a whole

    def add(self, name: str, plan: Plan, words: str) -> None:
        """Another plan, put on the screen; undoable."""
        self._add_draft(Draft(next(self._keys), self.free_name(name), History.of(plan)), words)

    def restore(self, name: str, kept_name: str, plan: Plan) -> None:
        """Unsaved work that was found again: onto the kept plan it belongs to, or as a plan of its own."""
        kept = next((d for d in self._drafts if kept_name and d.kept_name == kept_name), None)
        if kept is None:
            self.add(name, plan, f"Restore {name}")
            return
        self.show(kept.key)
        self.apply(plan, f"Restore {name}")

    def duplicate(self) -> None:
        draft = self.current
        if draft is not None:
            self.add(f"{draft.name} copy", draft.plan, f"Duplicate {draft.name}")

    def rename(self, name: str) -> None:
        """Call the plan on the screen something else. Raises PlanError if that is no name, or another plan's."""
        draft = self.current
        if draft is None or name == draft.name:
            return
        checked_plan_name(name)
        if any(d.name.casefold() == name.casefold() for d in self._drafts if d.key != draft.key):
            raise PlanError(f"there is a plan '{name}' already; give each its own name.", "name")
        before, key = draft.name, draft.key
        edit = Edit(f"Rename {before}", lambda: self._rename(key, name), lambda: self._rename(key, before))
        edit.do()
        self._state.record(edit)

    def remove(self) -> None:
        """Take the plan on the screen away, from the twin too; undo brings it back."""
        draft = self.current
        if draft is None:
            return
        kept_name = draft.kept_name

        def take() -> None:
            if kept_name:
                self._state.change_plans(lambda shelf: shelf.without(kept_name))
            self._drop(draft.key)

        def bring_back() -> None:
            if kept_name:
                self._state.change_plans(lambda shelf: shelf.with_restored(kept_name))
            self._insert(draft)

        take()
        self._state.record(Edit(f"Remove {draft.name}", take, bring_back))

    def free_name(self, stem: str) -> str:
        taken = {d.name.casefold() for d in self._drafts}
        numbered = (stem if n == 1 else f"{stem} {n}" for n in range(1, len(taken) + 2))
        return next(name for name in numbered if name.casefold() not in taken)

    # --- keeping

    def save(self) -> None:
        """The twin keeps every plan as it is now, as a new version where it changed."""
        twin, by = self._state.twin, self._reader()
        for draft in self.changed if twin is not None and self._state.can_edit else ():
            revision, utc = twin.revision.number if twin is not None else 0, utc_now()
            self._state.change_plans(saving(draft, by, utc, revision))
            self._put(draft.as_kept(), tell=False)
        self.drafts_changed.emit()

    def approve(self, evaluation: PlanEvaluation, despite: str = "") -> None:
        """Approve the plan on the screen, which is saved first. Raises PlanError if something speaks against it."""
        draft, twin = self.current, self._state.twin
        if draft is None or twin is None:
            return
        self.save()
        twin, by = self._state.twin, self._reader()
        if twin is None:
            return
        approval = approval_of(twin.shelf, twin, draft.name, evaluation, by=by, despite=despite)
        self._state.change_plans(lambda shelf: shelf.with_approval(draft.name, approval))
        self.drafts_changed.emit()

    def withdraw(self) -> None:
        """Take the approval of the plan on the screen back."""
        draft, by = self.current, self._reader()
        if draft is not None and draft.kept_name:
            name = draft.kept_name
            self._state.change_plans(lambda shelf: shelf.without_approval(name, by))
            self.drafts_changed.emit()

    # --- within

    def _on_twin(self) -> None:
        """Another twin or revision is open: its plans, and what was not saved of the same patient's."""
        twin = self._state.twin
        if twin is not None and twin.labels is self._labels:
            return  # the same twin; another of its images is on the slices
        self._labels = twin.labels if twin is not None else None
        same = twin is not None and twin.case_id == self._case_id
        unsaved = {d.kept_name: d for d in self.changed} if same else {}
        extra = [d for d in self.changed if not d.kept_name] if same else []
        self._case_id = twin.case_id if twin is not None else ""
        kept, unreadable = kept_drafts(twin, self._keys) if twin is not None else ((), ())
        drafts = [unsaved.get(d.kept_name, d) for d in kept]
        self._drafts, self._unreadable = (*drafts, *extra), unreadable
        if self.current is None:
            self._current = self._drafts[0].key if self._drafts else 0
        self.choose_first()
        self.drafts_changed.emit()
        self.plan_changed.emit()

    def strangers(self) -> list[PlanError]:
        """What the plan on the screen names that this twin does not have."""
        twin = self._state.twin
        return check_parts(self.plan, twin) if twin is not None else []

    def choose_first(self) -> None:
        """Work on the first entry there is."""
        listed = entries(self.plan)
        self._chosen = listed[0] if listed else None
        self.chosen_changed.emit()

    def _added(self, name: str, history: History) -> Draft:
        draft = Draft(next(self._keys), self.free_name(name), history)
        self._drafts = (*self._drafts, draft)
        self._current = draft.key
        return draft

    def _add_draft(self, draft: Draft, words: str) -> None:
        edit = Edit(words, lambda: self._insert(draft), lambda: self._drop(draft.key))
        edit.do()
        self._state.record(edit)

    def _insert(self, draft: Draft) -> None:
        self._drafts = (*self._drafts, self._dropped.pop(draft.key, draft))
        self._current = draft.key
        self.choose_first()
        self.drafts_changed.emit()
        self.plan_changed.emit()

    def _drop(self, key: int) -> None:
        """Off the desk, but not forgotten: what was undone in it can be redone once it is back."""
        self._dropped |= {d.key: d for d in self._drafts if d.key == key}
        self._drafts = tuple(d for d in self._drafts if d.key != key)
        if self._current == key:
            self._current = self._drafts[-1].key if self._drafts else 0
        self.choose_first()
        self.drafts_changed.emit()
        self.plan_changed.emit()

    def _put(self, draft: Draft, tell: bool = True) -> None:
        self._drafts = tuple(draft if d.key == draft.key else d for d in self._drafts)
        if tell:
            self.drafts_changed.emit()
            self.plan_changed.emit()

    def _step(self, key: int, move: Callable[[History], History]) -> None:
        """Undo or redo in a plan, which is put on the screen so that it is seen."""
        draft = next((d for d in self._drafts if d.key == key), None)
        if draft is None:
            return
        self._current = key
        self._state.set_mode(MODE)
        self._put(replace(draft, history=move(draft.history)))
        if self.chosen is None:
            self.choose_first()

    def _rename(self, key: int, name: str) -> None:
        self._put_all(replace(d, name=name) if d.key == key else d for d in self._drafts)

    def _put_all(self, drafts: Iterable[Draft]) -> None:
        self._drafts = tuple(drafts)
        self.drafts_changed.emit()
