"""The rules of pickups: moves, codes that tell of a slip, and wrong tries that lock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pickup import MOVES, OPEN, PickupState, Tries, must_hand_over, must_move, state_at
from domain.pickup_codes import code_hash, code_of, code_typed, spaced
from domain.refusals import RefusalCode, Refused
from resolvers.pickup import qr as pickup_qr

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
SECRET = bytes(32)
S, R = PickupState, RefusalCode


def refusal(refused: pytest.ExceptionInfo[Refused]) -> RefusalCode:
    (one,) = refused.value.refusals
    return one.code


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("wanted", S)
def test_a_pickup_moves_as_the_table_says_and_no_other_way(state: S, wanted: S) -> None:
    if wanted in MOVES[state]:
        assert must_move(state, wanted) is wanted
        assert state in OPEN
    else:
        with pytest.raises(Refused) as refused:
            must_move(state, wanted)
        assert refusal(refused) is R.ORDER_STATE_FORBIDS


@pytest.mark.parametrize(
    ("stored", "held_until", "now", "answer"),
    [
        (S.READY, NOON, NOON - TICK, S.COLLECTED),
        (S.READY, NOON, NOON, R.PICKUP_EXPIRED),
        (S.EXPIRED, NOON, NOON - TICK, R.PICKUP_EXPIRED),
        (S.REQUESTED, None, NOON, R.PICKUP_NOT_READY),
        (S.PREPARING, None, NOON, R.PICKUP_NOT_READY),
        (S.COLLECTED, NOON, NOON + MINUTE, R.PICKUP_ALREADY_COLLECTED),
        (S.CANCELLED, NOON, NOON - TICK, R.ORDER_STATE_FORBIDS),
    ],
)
def test_only_what_is_ready_and_in_time_is_handed_over(
    stored: S, held_until: datetime | None, now: datetime, answer: S | R
) -> None:
    def hand_over() -> S:
        return must_hand_over(
            stored, held_until=held_until, collected_at=None, collected_by=None, tries=Tries(), now=now
        )

    if isinstance(answer, S):
        assert hand_over() is answer
        assert state_at(stored, held_until, now) is stored
    else:
        with pytest.raises(Refused) as refused:
            hand_over()
        assert refusal(refused) is answer


def test_the_fifth_wrong_code_within_a_quarter_of_an_hour_locks_for_another() -> None:
    tries = Tries()
    for minute, left in enumerate((4, 3, 2, 1)):
        tries = tries.with_one_more(NOON + minute * MINUTE)
        assert (tries.left(NOON + minute * MINUTE), tries.is_locked(NOON)) == (left, False)
    # The first one counts for fifteen minutes, and no longer.
    assert tries.with_one_more(NOON + 15 * MINUTE).left(NOON + 15 * MINUTE) == 1
    locked = tries.with_one_more(NOON + 15 * MINUTE - TICK)
    end = NOON + 30 * MINUTE - TICK
    assert (locked.left(NOON), locked.locked_until) == (0, end)
    assert (locked.is_locked(end - TICK), locked.is_locked(end), locked.left(end)) == (True, False, 5)


@given(st.uuids(), st.integers(0, 1000))
def test_a_code_reads_back_however_it_is_said_and_finds_every_slip(pickup: UUID, rotation: int) -> None:
    code = code_of(SECRET, pickup, rotation)
    assert len(code) == 8
    assert code == code_of(SECRET, pickup, rotation)
    assert code != code_of(SECRET, pickup, rotation + 1) != code_of(b"x" * 32, pickup, rotation)
    said = code.replace("0", "o").replace("1", "l").lower()
    for text in (code, spaced(code), f" {said[:3]} {said[3:]} ", said.replace("l", "i")):
        assert code_typed(text) == code
    for place in range(8):
        for letter in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
            slip = code[:place] + letter + code[place + 1 :]
            assert code_typed(slip) == (code if slip == code else None)
    for place in range(7):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        assert code_typed(swapped) == (code if swapped == code else None)
    assert code_typed(code + "0") is code_typed(code[:-1]) is code_typed("") is None
    assert code_hash(SECRET, code) != code_hash(b"x" * 32, code)


def test_a_store_without_network_tells_a_genuine_qr_from_a_forged_one() -> None:
    ticket = pickup_qr.Ticket(UUID(int=7), 3, NOON, code_of(SECRET, UUID(int=7), 3), "central")
    text = pickup_qr.text_of(ticket, SECRET)
    assert pickup_qr.is_ticket(text)
    assert pickup_qr.read(text, SECRET) == ticket
    assert pickup_qr.read(text.lower(), SECRET) == ticket
    forged = pickup_qr.text_of(ticket._replace(store="harbour"), b"x" * 32)
    for wrong in (
        forged,
        text[:-5],
        text[:9] + ("A" if text[9] != "A" else "B") + text[10:],
        "SGP1:",
        "SGP1:1",
    ):
        assert pickup_qr.read(wrong, SECRET) is None
    assert pickup_qr.svg(text).startswith("<svg")
