"""Where the faces of a label stand, what goes out first, and how long a failed one waits."""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum, StrEnum
from random import Random

MOST_TRIES = 20
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(minutes=30)
AT_ONCE = 500
"""So many labels that change together are a changeover, whoever changed them."""


class LabelContent(StrEnum):
    """What a label shows, held against what it should show.

    IN_SYNC: shows what it should. PENDING: no gateway has taken it yet. SENT: a gateway has. STAGED: on the
    label, waiting for its moment. FAILED: gave up, needs a person.
    """

    IN_SYNC = "IN_SYNC"
    PENDING = "PENDING"
    SENT = "SENT"
    STAGED = "STAGED"
    FAILED = "FAILED"


class FaceState(StrEnum):
    """Where one version of a label's face stands; it only moves down this list, FAILED and PENDING apart.

    SUPERSEDED: a newer one took its place before it was shown.
    """

    PENDING = "PENDING"
    SENT = "SENT"
    STAGED = "STAGED"
    DISPLAYED = "DISPLAYED"
    FAILED = "FAILED"
    SUPERSEDED = "SUPERSEDED"


class WorkPriority(IntEnum):
    """What goes out first: a wrong price, then what was changed together, then everything else."""

    URGENT = 0
    CHANGEOVER = 1
    ROUTINE = 2


class LabelCommandKind(StrEnum):
    """What a label is told to do besides showing a face."""

    FLASH = "FLASH"
    CLEAR = "CLEAR"
    PING = "PING"
    SLEEP = "SLEEP"
    REFRESH = "REFRESH"


class LabelReportState(StrEnum):
    """How far a face got, in a gateway's words."""

    RECEIVED = "RECEIVED"
    STAGED = "STAGED"
    DISPLAYED = "DISPLAYED"
    FAILED = "FAILED"


class LabelError(StrEnum):
    """Why a face could not be shown."""

    TIMEOUT = "TIMEOUT"
    INSUFFICIENT_BATTERY = "INSUFFICIENT_BATTERY"
    INVALID_IMAGE = "INVALID_IMAGE"
    QUEUE_FULL = "QUEUE_FULL"
    RETRY = "RETRY"
    RADIO = "RADIO"
    HASH_MISMATCH = "HASH_MISMATCH"
    UNKNOWN = "UNKNOWN"


class LabelReportOutcome(StrEnum):
    """What became of a report.

    STALE: it tells of less than is known already; its telemetry counts.
    """

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    STALE = "STALE"
    UNKNOWN_LABEL = "UNKNOWN_LABEL"
    HASH_MISMATCH = "HASH_MISMATCH"


def content_of(
    desired: FaceState | None, *, in_sync: bool, upcoming: FaceState | None = None
) -> LabelContent:
    """The content of a label from the state of the face it should show, and of the one that comes next.

    `in_sync`: what it last confirmed is what it should show. A label that should show nothing is in sync.
    """
    if desired is None or in_sync:
        return LabelContent.STAGED if upcoming is FaceState.STAGED else LabelContent.IN_SYNC
    if desired is FaceState.FAILED:
        return LabelContent.FAILED
    return LabelContent.PENDING if desired is FaceState.PENDING else LabelContent.SENT


def wait_after(tries: int, chance: Random) -> timedelta:
    """How long a face waits after so many failed tries (1 and more): 30 s doubling to 30 min.

    Less up to a fifth by chance, so that a thousand labels that failed together do not come back together.
    """
    full = min(_LONGEST_WAIT, _FIRST_WAIT * (1 << min(tries - 1, 16)))
    return full * chance.uniform(0.8, 1.0)


def priority_of(*, amount_changed: bool, by_clock: bool, together: int) -> WorkPriority:
    """How soon a new face goes out: what changed, whether the clock changed it, and how many with it."""
    if not amount_changed:
        return WorkPriority.ROUTINE
    return WorkPriority.CHANGEOVER if by_clock or together >= AT_ONCE else WorkPriority.URGENT


class Change(StrEnum):
    """What becomes of a label whose face was reckoned anew.

    SAME: it says what it said. BACK: the face it shows is the right one again, and nothing else is on its
    way. NEXT: the face it has loaded for this moment is the right one now. NEW: it needs another face.
    """

    SAME = "SAME"
    BACK = "BACK"
    NEXT = "NEXT"
    NEW = "NEW"


def change_of(
    wanted: str,
    *,
    desired: str | None,
    reported: str | None,
    upcoming: str | None = None,
    outstanding: bool,
) -> Change:
    """What to do with a label that should show a face, by the hashes of the faces it has.

    `upcoming` is the one loaded for a moment that has come. `outstanding`: it was handed another face than
    the one it last confirmed, and may be showing that.
    """
    if wanted == desired:
        return Change.SAME
    if upcoming is not None and wanted == upcoming:
        return Change.NEXT
    if wanted == reported and not outstanding:
        return Change.BACK
    return Change.NEW


def outcome_of(
    told: LabelReportState,
    version: int,
    *,
    reported: int | None,
    state: FaceState | None,
    hash_fits: bool,
) -> LabelReportOutcome:
    """What a report of a version is worth, given the version last confirmed and how far this one got.

    `state` is None for a version that this label was never given since it was bound. DISPLAYED never falls
    back: whatever is told of a version before the confirmed one, or less of the same one, is STALE.
    """
    if state is None or (reported is not None and version < reported):
        return LabelReportOutcome.STALE
    if state is FaceState.DISPLAYED and told is not LabelReportState.DISPLAYED:
        return LabelReportOutcome.STALE
    if state is FaceState.STAGED and told is LabelReportState.RECEIVED:
        return LabelReportOutcome.STALE
    return LabelReportOutcome.ACCEPTED if hash_fits else LabelReportOutcome.HASH_MISMATCH


def state_after(told: LabelReportState, state: FaceState, tries: int) -> FaceState:
    """Where an accepted report leaves a version that has failed so many times, this one counted.

    A face that a newer one has taken the place of is only ever displayed, never waited for again.
    """
    if told is LabelReportState.DISPLAYED:
        return FaceState.DISPLAYED
    if state is FaceState.SUPERSEDED:
        return state
    if told is LabelReportState.FAILED:
        return FaceState.FAILED if tries >= MOST_TRIES else FaceState.PENDING
    return FaceState.STAGED if told is LabelReportState.STAGED else FaceState.SENT
