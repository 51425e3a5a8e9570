"""What a price that is to be set must be like, before it is recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

from domain.money import Money, exact_minor, exponent
from domain.pricing.records import Slot, SlotFields, missing_for_kind, slot
from domain.pricing.wording import FIELD_WORDS, KIND_WORDS, moment
from domain.refusals import Refusal, RefusalCode, Text

LONGEST_CAMPAIGN = 64
LONGEST_SOURCE = 200
# Ten thousand million yuan: a million pieces of it still make a sum of 64 bits.
LARGEST_AMOUNT_MINOR = 10**12
_ALWAYS = datetime.min.replace(tzinfo=UTC)
_FOREVER = datetime.max.replace(tzinfo=UTC)


class PriceDraft(SlotFields, Protocol):
    """A price as a caller asks for it: the amount in the currency's major unit, no id, no sequence yet."""

    @property
    def amount(self) -> Decimal: ...
    @property
    def valid_from(self) -> datetime | None: ...
    @property
    def valid_until(self) -> datetime | None: ...
    @property
    def source(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of a draft (`field` is the draft's attribute)."""

    field: str
    text: Text
    code: RefusalCode = RefusalCode.INVALID_INPUT

    def refusal(self, *path: str) -> Refusal:
        """The row of `userErrors`: `path` leads to the draft ("input", "prices", "37"), the field ends it."""
        first, *rest = self.field.split("_")
        return Refusal(self.code, self.text, (*path, first + "".join(word.title() for word in rest)))


def problems(
    draft: PriceDraft, *, now: datetime | None, channel_currency: str | None = None
) -> list[Problem]:
    """Everything wrong with a draft taken by itself; empty when it may be recorded.

    `now` is None for an import of the past, where a window may be over. `channel_currency` is the currency of
    the channel the draft names; whether channel, store and tier exist is for those who know them.
    """
    found = [*_amount(draft), *_names(draft, channel_currency), *_window(draft, now)]
    if draft.min_quantity < 1:
        found.append(Problem("min_quantity", Text("The least quantity is 1.", "起购数量至少为 1。")))
    return found


def overlapping_slots(drafts: Sequence[PriceDraft]) -> list[tuple[int, int]]:
    """Pairs of indexes, the lower first, of drafts that fill one slot at the same time; sorted by the second.

    Every draft that overlaps another one is in a pair, but not every two that overlap are listed: a thousand
    equal rows make 999 pairs. Windows that touch (one ends when the next begins) do not overlap.
    """
    by_slot: dict[Slot, list[int]] = defaultdict(list)
    for index, draft in enumerate(drafts):
        by_slot[slot(draft)].append(index)
    pairs: list[tuple[int, int]] = []
    for indexes in by_slot.values():
        indexes.sort(key=lambda index: drafts[index].valid_from or _ALWAYS)
        longest = indexes[0]
        for index in indexes[1:]:
            ends = drafts[longest].valid_until or _FOREVER
            if (drafts[index].valid_from or _ALWAYS) < ends:
                pairs.append((min(longest, index), max(longest, index)))
            if (drafts[index].valid_until or _FOREVER) > ends:
                longest = index
    return sorted(pairs, key=lambda pair: (pair[1], pair[0]))


def overlap_problem(earlier: int) -> Problem:
    """The problem of the second draft of a pair from `overlapping_slots`."""
    return Problem(
        "valid_from",
        Text(
            f"Row {earlier} of this request sets the same price for a time that overlaps.",
            f"与本次请求第 {earlier} 行是同一价格，且时段重叠。",
        ),
    )


def _amount(draft: PriceDraft) -> list[Problem]:
    amount, currency = draft.amount, draft.currency_code
    if not amount.is_finite():
        return [Problem("amount", Text("The amount is not a number.", "金额不是数字。"))]
    if amount < 0:
        return [Problem("amount", Text("A price is not negative.", "价格不能为负。"))]
    largest = Money(LARGEST_AMOUNT_MINOR, currency)
    if amount > largest.amount:
        return [
            Problem(
                "amount", Text(f"A price is {largest} at most.", f"价格至多为 {currency} {largest.amount}。")
            )
        ]
    if exact_minor(amount, currency) is not None:
        return []
    digits = exponent(currency)
    return [
        Problem(
            "amount",
            Text(
                f"{currency} has {digits} digits after the point; {amount} has more.",
                f"{currency} 至多 {digits} 位小数，{amount} 超出。",
            ),
        )
    ]


def _names(draft: PriceDraft, channel_currency: str | None) -> list[Problem]:
    found = []
    missing = missing_for_kind(draft.kind, draft.store, draft.tier, draft.campaign)
    if missing is not None:
        kind, needs = KIND_WORDS[draft.kind], FIELD_WORDS[missing]
        found.append(
            Problem(missing, Text(f"A {kind.en} must name {needs.en}.", f"{kind.zh}须指定{needs.zh}。"))
        )
    if draft.tier is not None and not 1 <= len(draft.tier) <= LONGEST_CAMPAIGN:
        found.append(
            Problem(
                "tier",
                Text(
                    f"A tier's code has 1 to {LONGEST_CAMPAIGN} characters.",
                    f"会员等级代码须为 1 到 {LONGEST_CAMPAIGN} 个字符。",
                ),
            )
        )
    if draft.campaign is not None and not 1 <= len(draft.campaign) <= LONGEST_CAMPAIGN:
        found.append(
            Problem(
                "campaign",
                Text(
                    f"A campaign's code has 1 to {LONGEST_CAMPAIGN} characters.",
                    f"活动代码须为 1 至 {LONGEST_CAMPAIGN} 个字符。",
                ),
            )
        )
    if draft.source is not None and not 1 <= len(draft.source) <= LONGEST_SOURCE:
        found.append(
            Problem(
                "source",
                Text(
                    f"A source has 1 to {LONGEST_SOURCE} characters.",
                    f"来源须为 1 至 {LONGEST_SOURCE} 个字符。",
                ),
            )
        )
    if channel_currency is not None and channel_currency != draft.currency_code:
        found.append(
            Problem(
                "currency_code",
                Text(
                    f"Prices there are in {channel_currency}, not in {draft.currency_code}.",
                    f"此处以 {channel_currency} 计价，不用 {draft.currency_code}。",
                ),
            )
        )
    return found


def _window(draft: PriceDraft, now: datetime | None) -> list[Problem]:
    starts, ends = draft.valid_from, draft.valid_until
    if ends is None:
        return []
    if starts is not None and ends <= starts:
        return [
            Problem(
                "valid_until",
                Text(
                    f"The price ends at {moment(ends)}, not after it begins at {moment(starts)}.",
                    f"价格止于 {moment(ends)}，不晚于其开始 {moment(starts)}。",
                ),
            )
        ]
    if now is not None and ends <= now:
        return [
            Problem(
                "valid_until",
                Text(
                    f"The price is already over: it ends at {moment(ends)}.",
                    f"价格已过期：止于 {moment(ends)}。",
                ),
            )
        ]
    return []
