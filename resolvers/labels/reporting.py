"""What gateways report of their labels, and what a person vouches for."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import strawberry

from domain.access import DEVICE_KEEPERS, LABEL_CONTROLLERS
from domain.labels import LABEL_MODELS
from domain.news import News, Topic
from domain.refusals import RefusalCode, Refused
from domain.shelf import (
    FaceState,
    LabelError,
    LabelReportOutcome,
    LabelReportState,
    outcome_of,
    state_after,
    wait_after,
)
from persistence.labels import binding as binding_db
from persistence.labels import registry as registry_db
from persistence.labels import reports as reports_db
from persistence.labels.tables import Device as StoredDevice
from persistence.labels.tables import Label as StoredLabel
from persistence.labels.tables import LabelFace as StoredFace
from persistence.labels.work import SHOWN_WITHIN
from persistence.news import outbox
from resolvers.context import Info, Work
from resolvers.fields import mutation
from resolvers.labels.binding import LabelPayload, locked_label
from resolvers.labels.labels import Label
from resolvers.labels.work import spoken_for
from resolvers.scalars import BigInt
from resolvers.shapes import Payload, shape

MOST_REPORTS = 1_000
_LONGEST_NOTE = 500
_chance = random.Random()  # noqa: S311 - spreads waits, guards nothing

strawberry.enum(LabelReportState)
strawberry.enum(LabelError)
strawberry.enum(
    LabelReportOutcome,
    description="STALE: it tells less than is known already; what the label said of itself counts. "
    "HASH_MISMATCH: the label has another picture; the right one is sent again.",
)


@strawberry.input
class LabelReport:
    report_id: str
    label: str
    version: BigInt
    state: LabelReportState
    face_hash: str | None = None
    error: LabelError | None = None
    at: datetime | None = None
    battery_millivolts: int | None = None
    rssi: int | None = None
    lqi: int | None = None
    temperature: float | None = None
    firmware: str | None = None
    next_check_in_at: datetime | None = None


@strawberry.input
class LabelsReportInput:
    gateway: str
    epoch: int
    reports: list[LabelReport] = strawberry.field(description="1 to 1,000")


@shape(LABEL_CONTROLLERS)
class LabelReportResult:
    report_id: str
    outcome: LabelReportOutcome
    desired_version: BigInt | None


@shape(LABEL_CONTROLLERS)
class LabelsReportPayload(Payload):
    results: list[LabelReportResult] = strawberry.field(default_factory=list)


def _fenced(current: int) -> Refused:
    return Refused.because(
        RefusalCode.EPOCH_FENCED,
        en=f"Another controller has claimed this gateway; its epoch is {current}.",
        zh=f"该网关已被其他控制器接管，当前纪元为 {current}。",
        field=("input", "epoch"),
    )


@mutation(
    LabelsReportPayload,
    LABEL_CONTROLLERS,
    description="What became of faces, 1 to 1,000 reports in the order they happened. A report is heard once "
    "under its reportId; DISPLAYED never falls back. Hardware that nobody registered goes into quarantine.",
)
async def labels_report(info: Info, input: LabelsReportInput) -> LabelsReportPayload:
    context = info.context
    if not 1 <= len(input.reports) <= MOST_REPORTS:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"reports takes 1 to {MOST_REPORTS:,}, not {len(input.reports):,}.",
            zh=f"reports 须为 1 到 {MOST_REPORTS:,} 条，而不是 {len(input.reports):,} 条。",
            field=("input", "reports"),
        )
    async with context.house.database.transaction() as db:
        work = Work(db, context.house.clock())
        gateway = await spoken_for(context, work, input.gateway)
        if gateway.epoch != input.epoch:
            raise _fenced(gateway.epoch)
        results = await _take(work, gateway, input.reports)
        await outbox.write(db, work.news)
    context.house.hub.nudge()
    return LabelsReportPayload(results=results)


async def _take(work: Work, gateway: StoredDevice, reports: Sequence[LabelReport]) -> list[LabelReportResult]:
    fresh = await reports_db.hear(work.db, gateway.code, {one.report_id for one in reports}, work.now)
    codes = sorted({one.label for one in reports if one.report_id in fresh})
    # Devices before labels, as everybody locks them.
    await registry_db.seen(work.db, gateway.code, work.now)
    await reports_db.note(
        work.db, gateway.code, _telemetry(one for one in reports if one.report_id in fresh), work.now
    )
    labels = {
        code: label
        for code, label in (await binding_db.lock_labels(work.db, codes)).items()
        if label.gateway == gateway.code
    }
    books = _Books(labels, await reports_db.faces_in_question(work.db, list(labels)), work.now)
    strangers: list[str] = []
    results = []
    for one in reports:
        label = labels.get(one.label)
        if one.report_id not in fresh:
            outcome = LabelReportOutcome.DUPLICATE
        elif label is None:
            outcome = LabelReportOutcome.UNKNOWN_LABEL
            strangers.append(one.label)
        else:
            outcome = books.take(label, one)
        fresh.discard(one.report_id)
        results.append((one, outcome))
    if strangers:
        await registry_db.quarantine(work.db, sorted(set(strangers)), gateway.store, work.now)
    await books.write(work, gateway)
    # A duplicate is told what is wanted now too, even where nothing else asked for its label.
    missing = sorted({one.label for one, _ in results if one.label not in labels})
    others = await binding_db.labels_by_code(work.db, missing) if missing else {}
    known = {code: label for code, label in others.items() if label.gateway == gateway.code} | labels
    return [
        LabelReportResult(
            report_id=one.report_id, outcome=outcome, desired_version=_wanted(known.get(one.label))
        )
        for one, outcome in results
    ]


def _telemetry(reports: Iterable[LabelReport]) -> list[reports_db.Told]:
    """What labels said of themselves, the last word of each on each thing."""
    told: dict[str, reports_db.Told] = {}
    for one in reports:
        before = told.get(one.label) or reports_db.Told(one.label)
        said = {name: getattr(one, name) for name in reports_db.Told._fields[1:]}
        told[one.label] = before._replace(
            **{name: value for name, value in said.items() if value is not None}
        )
    return list(told.values())


def _wanted(label: StoredLabel | None) -> BigInt | None:
    return None if label is None or label.desired is None else BigInt(label.desired)


@dataclass(slots=True)
class _Books:
    """What a batch of reports changes: reckoned report by report, written at once."""

    labels: dict[str, StoredLabel]
    faces: dict[tuple[str, int], StoredFace]
    now: datetime
    moved: dict[tuple[str, int], reports_db.FaceMoved] = field(default_factory=dict)
    shown: dict[str, reports_db.Shown] = field(default_factory=dict)

    def take(self, label: StoredLabel, one: LabelReport) -> LabelReportOutcome:
        """What becomes of one report."""
        key = (label.code, int(one.version))
        face = self.faces.get(key)
        before = self.moved.get(key)
        confirmed = self.shown.get(label.code)
        reported = label.reported if confirmed is None or confirmed.is_staged else confirmed.version
        state = None if face is None else FaceState(before.state) if before else face.state
        outcome = outcome_of(
            one.state,
            int(one.version),
            reported=reported,
            state=state,
            hash_fits=face is None or one.face_hash is None or one.face_hash.lower() == face.hash,
        )
        if face is None or state is None:
            return outcome
        tries = before.tries if before else face.tries
        if outcome is LabelReportOutcome.ACCEPTED:
            self._accept(label, face, one, state, tries)
        elif outcome is LabelReportOutcome.HASH_MISMATCH:
            self._move(face, state_after(LabelReportState.FAILED, state, tries + 1), tries + 1, self.now)
        return outcome

    def _accept(
        self, label: StoredLabel, face: StoredFace, one: LabelReport, state: FaceState, tries: int
    ) -> None:
        failed = one.state is LabelReportState.FAILED
        tries += failed
        due_at = self.now + (wait_after(tries, _chance) if failed else SHOWN_WITHIN)
        self._move(face, state_after(one.state, state, tries), tries, due_at)
        if one.state is LabelReportState.DISPLAYED:
            self.shown[label.code] = reports_db.Shown(label.code, face.version, self.now, is_staged=False)
        elif one.state is LabelReportState.STAGED and label.code not in self.shown:
            model = LABEL_MODELS.get(label.model)
            if model is not None and model.timed_display and face.display_at is not None:
                since = max(face.display_at, self.now)
                self.shown[label.code] = reports_db.Shown(label.code, face.version, since, is_staged=True)

    def _move(self, face: StoredFace, state: FaceState, tries: int, due_at: datetime) -> None:
        confirmed_at = self.now if state is FaceState.DISPLAYED else None
        self.moved[face.label, face.version] = reports_db.FaceMoved(
            face.label, face.version, state.value, tries, due_at, confirmed_at
        )

    async def write(self, work: Work, gateway: StoredDevice) -> None:
        """Writes what changed, and tells whom it concerns."""
        if self.moved:
            await reports_db.move(work.db, list(self.moved.values()), self.now)
            work.announce(News.of_gateway_work(gateway.code, "labelsReport", store=gateway.store))
        await _confirm(work, gateway.store, list(self.shown.values()), self.faces, "labelsReport")
        work.announce(
            *(
                News.of_device(code, "labelsReport", store=gateway.store)
                for code in sorted({label for label, _ in self.moved})
            )
        )


async def _confirm(
    work: Work,
    store: str,
    shown: Sequence[reports_db.Shown],
    faces: Mapping[tuple[str, int], StoredFace],
    cause: str,
) -> None:
    """Lets go of what older faces held tills down by, and tells of the prices that may rise by it."""
    if not shown:
        return
    confirmed = {one.label: faces[one.label, one.version] for one in shown}
    gone = await reports_db.show(work.db, shown, work.now)
    risen = {row.sku for row in gone if _holds_less(row, confirmed[row.label])}
    work.announce(*(News(Topic.PRICE, cause, sku=sku, store=store) for sku in sorted(risen)))


def _holds_less(gone: reports_db.Gone, confirmed: StoredFace) -> bool:
    """Whether a face that went out of view told less than the one that was confirmed, to anybody."""
    pairs = ((gone.amount_minor, confirmed.amount_minor), (gone.member_minor, confirmed.member_minor))
    return any(old is not None and (new is None or old < new) for old, new in pairs)


# ------------------------------------------------------------------ labelConfirmByHand


@strawberry.input(description="A person vouches for what the label shows (a paper strip over a dead panel).")
class LabelConfirmByHandInput:
    idempotency_key: str
    label: str
    version: BigInt
    note: str


@mutation(
    LabelPayload,
    DEVICE_KEEPERS,
    description="Vouch that a label shows a version of its face, by a paper strip if need be: it counts as "
    "displayed, and holds no till down to an older price any more.",
)
async def label_confirm_by_hand(info: Info, input: LabelConfirmByHandInput) -> LabelPayload:
    context = info.context
    if not 1 <= len(input.note.strip()) <= _LONGEST_NOTE:
        raise _invalid(
            "note", f"A note has 1 to {_LONGEST_NOTE} characters.", f"备注须为 1 到 {_LONGEST_NOTE} 个字符。"
        )

    async def act(work: Work) -> dict[str, str]:
        label, _ = await locked_label(context, work, input.label)
        faces = await reports_db.faces_in_question(work.db, [label.code])
        face = faces.get((label.code, int(input.version)))
        if face is None:
            raise _invalid("version", "This label was given no such version.", "该价签没有这一版本的画面。")
        moved = reports_db.FaceMoved(
            label.code, face.version, FaceState.DISPLAYED.value, face.tries, work.now, work.now
        )
        await reports_db.move(work.db, [moved], work.now)
        shown = reports_db.Shown(label.code, face.version, work.now, is_staged=False)
        await _confirm(work, label.store, [shown], faces, "labelConfirmByHand")
        await reports_db.vouch(
            work.db,
            label.code,
            face.version,
            note=input.note.strip(),
            by=str(context.viewer),
            now=work.now,
        )
        work.announce(News.of_device(label.code, "labelConfirmByHand", store=label.store))
        if label.gateway is not None:
            work.announce(News.of_gateway_work(label.gateway, "labelConfirmByHand", store=label.store))
        return {"code": label.code}

    done = await context.once("labelConfirmByHand", input.idempotency_key, input, act)
    row = await context.loaders.device.load(done.answer["code"])
    return LabelPayload(label=None if row is None else Label.of(row))


def _invalid(what: str, en: str, zh: str) -> Refused:
    return Refused.because(RefusalCode.INVALID_INPUT, en=en, zh=zh, field=("input", what))
