"""A promotion as somebody asks for it, made into one that can be kept, or told what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from domain.catalog.rules import LONGEST_CODE, is_code
from domain.money import Money, exact_minor, exponent
from domain.pricing.rules import LARGEST_AMOUNT_MINOR
from domain.pricing.wording import moment
from domain.promotions.benefits import (
    AmountOff,
    Benefit,
    BundlePrice,
    BuyGet,
    PercentOff,
    SpendSave,
    Step,
)
from domain.promotions.terms import Excludes
from domain.refusals import Refusal, RefusalCode, Text

LAST_LAYER = 9
LARGEST_PRIORITY = 1000
MOST_STEPS = 20
MOST_NAMED = 1000
LARGEST_SET = 1000
LARGEST_COUNT = 1_000_000
LONGEST_NAME = 200
LONGEST_SCOPE = 64


class Draft:
    """Reads the parts of one promotion one by one and gathers what is wrong with them.

    `path` leads to the promotion in the request; every part is named by its path from there on. A part that
    is wrong reads as something harmless, so that all others can still be looked at.
    """

    def __init__(self, currency_code: str, *path: str) -> None:
        self.currency_code = currency_code
        self.refusals: list[Refusal] = []
        self._path = path

    def refuse(self, field: Sequence[str], *, en: str, zh: str) -> None:
        """Notes what is wrong with a part."""
        self.refusals.append(Refusal(RefusalCode.INVALID_INPUT, Text(en, zh), (*self._path, *field)))

    # -------------------------------------------------------------- single values

    def amount(self, field: Sequence[str], value: Decimal, *, least: int = 1) -> int:
        """The amount in minor units; `least` is 1 where nothing would be no offer, 0 where it may be."""
        minor = exact_minor(value, self.currency_code)
        largest = Money(LARGEST_AMOUNT_MINOR, self.currency_code)
        if minor is None and value <= largest.amount:
            digits = exponent(self.currency_code)
            self.refuse(
                field,
                en=f"{self.currency_code} has {digits} digits after the point; {value} has more.",
                zh=f"{self.currency_code} 至多 {digits} 位小数，{value} 超出。",
            )
            return least
        if minor is None or not least <= minor <= LARGEST_AMOUNT_MINOR:
            lowest = Money(least, self.currency_code)
            self.refuse(
                field,
                en=f"The amount is {lowest.amount} to {largest.amount}, not {value}.",
                zh=f"金额须为 {lowest.amount} 至 {largest.amount}，而不是 {value}。",
            )
            return least
        return minor

    def optional_amount(self, field: Sequence[str], value: Decimal | None) -> int | None:
        """The amount in minor units where there is one."""
        return None if value is None else self.amount(field, value)

    def count(self, field: Sequence[str], value: int, *, least: int = 1, most: int = LARGEST_COUNT) -> int:
        """The number, when it lies between the two."""
        if least <= value <= most:
            return value
        self.refuse(
            field,
            en=f"This is {least:,} to {most:,}, not {value}.",
            zh=f"须为 {least:,} 到 {most:,}，而不是 {value}。",
        )
        return least

    def optional_count(self, field: Sequence[str], value: int | None) -> int | None:
        """The number, from 1 on, where there is one."""
        return None if value is None else self.count(field, value)

    def basis_points(self, field: Sequence[str], percent: Decimal) -> int:
        """The percentage in hundredths of a percent."""
        points = percent * 100
        if 0 < percent <= 100 and points == points.to_integral_value():
            return int(points)
        self.refuse(
            field,
            en=f"A percentage is above 0, at most 100, and no finer than 0.01, not {percent}.",
            zh=f"百分比须大于 0、不超过 100、至多两位小数，而不是 {percent}。",
        )
        return 1

    def code(self, field: Sequence[str], value: str) -> str:
        """The code of the promotion."""
        if not is_code(value):
            self.refuse(
                field,
                en=f"A code has 1 to {LONGEST_CODE} characters, no control character, no space at an end.",
                zh=f"代码须为 1 到 {LONGEST_CODE} 个字符，不含控制字符，首尾无空格。",
            )
        return value

    def names(self, field: Sequence[str], values: Sequence[tuple[str, str]]) -> Mapping[str, str]:
        """The names by locale, out of pairs of locale and text."""
        if not values:
            self.refuse(field, en="A promotion has at least one name.", zh="促销至少要有一个名称。")
        for index, (locale, name) in enumerate(values):
            if not 1 <= len(name.strip()) <= len(name) <= LONGEST_NAME:
                self.refuse(
                    (*field, str(index), "text"),
                    en=f"A name has 1 to {LONGEST_NAME} characters.",
                    zh=f"名称须为 1 到 {LONGEST_NAME} 个字符。",
                )
            if locale in {earlier for earlier, _ in values[:index]}:
                self.refuse(
                    (*field, str(index), "locale"),
                    en=f"{locale} is named twice.",
                    zh=f"{locale} 出现了两次。",
                )
        return dict(values)

    def named(
        self, field: Sequence[str], codes: Sequence[str] | None, known: Collection[str] | None = None
    ) -> frozenset[str]:
        """The codes that are named; `known` are those there are, None: any."""
        codes = codes or ()
        if len(codes) > MOST_NAMED:
            self.refuse(field, en=f"At most {MOST_NAMED:,} are named.", zh=f"至多列出 {MOST_NAMED:,} 个。")
            return frozenset()
        for index, code in enumerate(codes):
            if known is not None and code not in known:
                self.refuse((*field, str(index)), en=f'There is no "{code}".', zh=f"没有“{code}”。")
            elif known is None and not is_code(code):
                self.refuse(
                    (*field, str(index)),
                    en=f"This has 1 to {LONGEST_CODE} characters.",
                    zh=f"须为 1 到 {LONGEST_CODE} 个字符。",
                )
        return frozenset(codes)

    def campaign(self, field: Sequence[str], value: str | None) -> str | None:
        """The campaign's code, where there is one."""
        if value is not None and not 1 <= len(value) <= LONGEST_SCOPE:
            self.refuse(
                field,
                en=f"A campaign's code has 1 to {LONGEST_SCOPE} characters.",
                zh=f"活动代码须为 1 至 {LONGEST_SCOPE} 个字符。",
            )
        return value

    def window(self, starts: datetime | None, ends: datetime | None, *, now: datetime) -> None:
        """Looks whether the promotion ends after it begins, and is not over."""
        if ends is None:
            return
        if starts is not None and ends <= starts:
            self.refuse(
                ("validUntil",),
                en=f"The promotion ends at {moment(ends)}, not after it begins at {moment(starts)}.",
                zh=f"促销止于 {moment(ends)}，不晚于其开始 {moment(starts)}。",
            )
        elif ends <= now:
            self.refuse(
                ("validUntil",),
                en=f"The promotion is already over: it ends at {moment(ends)}.",
                zh=f"促销已结束：止于 {moment(ends)}。",
            )

    # -------------------------------------------------------------- benefits

    def percent_off(self, percent: Decimal) -> Benefit:
        """A percentage off."""
        return PercentOff(self.basis_points(("benefit", "percentOff"), percent))

    def amount_off(self, amount: Decimal) -> Benefit:
        """An amount off every piece."""
        return AmountOff(self.amount(("benefit", "amountOff"), amount))

    def buy_get(self, buy: int, get: int, percent: Decimal, most_sets: int | None) -> Benefit:
        """Buy so many, get so many at a percentage off."""
        field = ("benefit", "buyGet")
        return BuyGet(
            self.count((*field, "buy"), buy, most=LARGEST_SET),
            self.count((*field, "get"), get, most=LARGEST_SET),
            self.basis_points((*field, "percentOff"), percent),
            self.optional_count((*field, "mostSets"), most_sets),
        )

    def bundle_price(self, quantity: int, amount: Decimal, most_sets: int | None) -> Benefit:
        """Any so many for a price."""
        field = ("benefit", "bundlePrice")
        return BundlePrice(
            self.count((*field, "quantity"), quantity, most=LARGEST_SET),
            self.amount((*field, "amount"), amount, least=0),
            self.optional_count((*field, "mostSets"), most_sets),
        )

    def spend_save(self, steps: Sequence[tuple[Decimal, Decimal]], *, every: bool) -> Benefit:
        """Spend so much, save so much, out of pairs of the two."""
        field = ("benefit", "spendSave", "steps")
        most = 1 if every else MOST_STEPS
        if not 1 <= len(steps) <= most:
            self.refuse(
                field,
                en="What is saved every time has one step." if every else f"There are 1 to {most} steps.",
                zh="“每满”只能有一档。" if every else f"须有 1 到 {most} 档。",
            )
            return SpendSave(())
        read = [
            Step(
                self.amount((*field, str(index), "spend"), spend),
                self.amount((*field, str(index), "save"), save),
            )
            for index, (spend, save) in enumerate(steps)
        ]
        for index, step in enumerate(read):
            before = read[index - 1] if index else Step(0, 0)
            if step.off_minor > step.spend_minor:
                self.refuse(
                    (*field, str(index), "save"),
                    en="Nobody saves more than they spend.",
                    zh="优惠额不能超过消费额。",
                )
            elif step.spend_minor <= before.spend_minor or step.off_minor <= before.off_minor:
                self.refuse(
                    (*field, str(index)),
                    en="Each step asks for more than the one before it, and saves more.",
                    zh="每一档的门槛和优惠都须高于前一档。",
                )
        return SpendSave(tuple(read), every)


def usual_layer(benefit: Benefit) -> int:
    """The layer of a promotion that names none: 1, or 2 for steps of spending, which come after."""
    return 2 if isinstance(benefit, SpendSave) else 1


def usual_exclusion(benefit: Benefit) -> Excludes:
    """What a promotion excludes that does not say: steps of spending are not split over one basket."""
    return Excludes.LAYER if isinstance(benefit, SpendSave) else Excludes.LINE
