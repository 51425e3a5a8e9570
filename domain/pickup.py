"""Orders that are collected in a store: their states, the moves between them, and when a code is too late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.refusals import Refusal, RefusalCode, Refused, Text

TRIES = 5
"""So many wrong codes of one caller in one store, within WINDOW, lock the caller out there for LOCKED_FOR."""
WINDOW = timedelta(minutes=15)
LOCKED_FOR = timedelta(minutes=15)


class PickupState(StrEnum):
    """Where an order stands that is to be collected."""

    REQUESTED = "REQUESTED"
    PREPARING = "PREPARING"
    READY = "READY"
    COLLECTED = "COLLECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


_S = PickupState
MOVES: dict[PickupState, tuple[PickupState, ...]] = {
    # A small store picks at once, without saying that it began.
    _S.REQUESTED: (_S.PREPARING, _S.READY, _S.CANCELLED),
    _S.PREPARING: (_S.READY, _S.CANCELLED),
    _S.READY: (_S.COLLECTED, _S.EXPIRED, _S.CANCELLED),
    _S.COLLECTED: (),
    _S.EXPIRED: (),
    _S.CANCELLED: (),
}
"""By state: the states a pickup may move to."""
OPEN = tuple(state for state, moves in MOVES.items() if moves)
"""The states in which a store still has something to do."""

_WORDS: dict[PickupState, tuple[str, str]] = {
    _S.REQUESTED: ("has not been picked yet", "尚未备货"),
    _S.PREPARING: ("is being picked", "正在备货"),
    _S.READY: ("is ready", "已备好"),
    _S.COLLECTED: ("was handed over", "已取货"),
    _S.EXPIRED: ("was not collected in time", "已过取货期限"),
    _S.CANCELLED: ("was cancelled", "已取消"),
}


def state_at(stored: PickupState, held_until: datetime | None, now: datetime) -> PickupState:
    """The state a pickup is in: one that is ready expires by itself, at `held_until`."""
    if stored is PickupState.READY and held_until is not None and now >= held_until:
        return PickupState.EXPIRED
    return stored


def must_move(state: PickupState, wanted: PickupState, *field: str) -> PickupState:
    """The state wanted; refuses ORDER_STATE_FORBIDS when a pickup can't get there from where it is."""
    if wanted not in MOVES[state]:
        en, zh = _WORDS[state]
        raise Refused.because(
            RefusalCode.ORDER_STATE_FORBIDS,
            en=f"This pickup {en}: that is not possible any more.",
            zh=f"此自提单{zh}，不能执行该操作。",
            field=field or ("input", "pickupId"),
        )
    return wanted


def collected_offline_at(told: datetime, *, ready_at: datetime | None, now: datetime) -> datetime:
    """When goods left, by a store that had no network, and whose clock may be wrong.

    Not before they were ready, and not after the store told of it.
    """
    return min(now, told if ready_at is None else max(told, ready_at))


# ------------------------------------------------------------------ wrong codes


@dataclass(frozen=True, slots=True)
class Tries:
    """The wrong codes of one caller in one store: when each was tried, and until when it is locked out."""

    wrong_at: tuple[datetime, ...] = ()
    locked_until: datetime | None = None

    def left(self, now: datetime) -> int:
        """How many wrong codes may follow before the lock; none while it holds."""
        if self.is_locked(now):
            return 0
        return TRIES - len(_recent(self.wrong_at, now))

    def is_locked(self, now: datetime) -> bool:
        """Whether no code of this caller is looked at now."""
        return self.locked_until is not None and now < self.locked_until

    def with_one_more(self, now: datetime) -> Tries:
        """The tries once another code was wrong; the last one of TRIES locks."""
        wrong_at = (*_recent(self.wrong_at, now), now)
        if len(wrong_at) < TRIES:
            return Tries(wrong_at)
        return Tries((), now + LOCKED_FOR)


def _recent(moments: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    return tuple(moment for moment in moments if now - moment < WINDOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRefusal(Refusal):
    """Why nothing is handed over for a code.

    `attempts_left` of the caller in this store; `store` is the right one, when it was the wrong one.
    """

    attempts_left: int
    locked_until: datetime | None = None
    store: str | None = None
    collected_at: datetime | None = None
    collected_by: str | None = None


_CODE = ("input", "code")


def code_unknown(tries: Tries, now: datetime, *, mistyped: bool = False) -> Refused:
    """The refusal of a code that no order waits under; one that is mistyped can't be any."""
    text = Text("No order waits under this code.", "没有与此取货码对应的订单。")
    if mistyped:
        text = Text("This code is mistyped; please read it again.", "取货码输入有误，请重新核对。")
    return _refused(RefusalCode.PICKUP_CODE_UNKNOWN, text, tries, now)


def code_locked(tries: Tries, now: datetime) -> Refused:
    """The refusal of any code while the caller is locked out."""
    text = Text(
        "Too many wrong codes: please wait, or let somebody else take over.",
        "错误次数过多，请稍后再试或由其他店员处理。",
    )
    return _refused(RefusalCode.PICKUP_CODE_LOCKED, text, tries, now)


def wrong_store(store: str, tries: Tries, now: datetime) -> Refused:
    """The refusal of a code whose order waits in another store."""
    text = Text("This order waits in another store.", "此订单在另一家门店取货。")
    return _refused(RefusalCode.PICKUP_WRONG_STORE, text, tries, now, store=store)


def must_hand_over(
    stored: PickupState,
    *,
    held_until: datetime | None,
    collected_at: datetime | None,
    collected_by: str | None,
    tries: Tries,
    now: datetime,
) -> PickupState:
    """The state of a pickup once its goods are handed over; a code shown at `held_until` is too late.

    Refuses PICKUP_ALREADY_COLLECTED with who and when, PICKUP_NOT_READY before picking is done,
    PICKUP_EXPIRED after the hold, ORDER_STATE_FORBIDS for what was cancelled.
    """
    state = state_at(stored, held_until, now)
    if state is PickupState.READY:
        return PickupState.COLLECTED
    en, zh = _WORDS[state]
    text = Text(f"This order {en}.", f"此订单{zh}。")
    code = {
        PickupState.COLLECTED: RefusalCode.PICKUP_ALREADY_COLLECTED,
        PickupState.EXPIRED: RefusalCode.PICKUP_EXPIRED,
        PickupState.CANCELLED: RefusalCode.ORDER_STATE_FORBIDS,
    }.get(state, RefusalCode.PICKUP_NOT_READY)
    raise _refused(code, text, tries, now, collected_at=collected_at, collected_by=collected_by)


def _refused(
    code: RefusalCode,
    text: Text,
    tries: Tries,
    now: datetime,
    *,
    store: str | None = None,
    collected_at: datetime | None = None,
    collected_by: str | None = None,
) -> Refused:
    return Refused(
        CodeRefusal(
            code,
            text,
            _CODE,
            attempts_left=tries.left(now),
            locked_until=tries.locked_until if tries.is_locked(now) else None,
            store=store,
            collected_at=collected_at,
            collected_by=collected_by,
        )
    )
