"""Real households and their coupons, replayed: `python -m tests.loyalty.journey` does all of them.

The data is The Complete Journey (84.51°, CC0): 27 campaigns of a year, the households they went to, and the
2,102 coupons that were redeemed.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from domain.baskets import PricedLine, basket_of
from domain.loyalty.coupons import (
    CouponState,
    coupon_code,
    coupon_source,
    state_at,
    why_not_now,
    with_coupon,
)
from domain.promotions.terms import BasketLine, Target
from domain.refusals import RefusalCode, Text
from persistence.database import Connection, connect
from persistence.keys import new_key
from persistence.loyalty import coupons
from persistence.promotions.documents import written_target
from tests.bench.stage import Effort, Stage

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "complete_journey"
OFF_MINOR = 100
_MOST_EACH = 2  # of one coupon that a household redeemed
_FIELD = ("input", "code")


class Redemption(NamedTuple):
    """A household used a coupon of a campaign on a day."""

    household: str
    coupon: str
    campaign: str
    day: date

    @property
    def code(self) -> str:
        """What stands for the coupon here: a campaign of ours."""
        return f"{self.campaign}/{self.coupon}"

    @property
    def at(self) -> datetime:
        """Noon of the day."""
        return datetime.combine(self.day, time(12), UTC)


@dataclass
class Journey:
    """What became of the redemptions: those that went through, and what was wrong with others."""

    used: int = 0
    off_minor: int = 0
    wrong: list[str] = field(default_factory=list)


def redemptions(folder: Path) -> list[Redemption]:
    """Every redemption, the earliest first."""
    found = [
        Redemption(
            row["household_id"],
            row["coupon_upc"],
            row["campaign_id"],
            date.fromisoformat(row["redemption_date"]),
        )
        for row in _rows(folder, "coupon_redemptions")
    ]
    return sorted(found, key=lambda one: (one.day, one.household, one.code))


async def replay(db: Connection, folder: Path, chosen: Sequence[Redemption]) -> Journey:
    """Brings in what the redemptions need, and redeems them one after the other."""
    invited = {(row["campaign_id"], row["household_id"]) for row in _rows(folder, "campaigns")}
    goods = await _bring_in(db, folder, chosen)
    journey = Journey()
    for one in chosen:
        if (one.campaign, one.household) not in invited:
            journey.wrong.append(f"{one}: the campaign did not go to this household")
            continue
        await _redeem(db, one, goods[one.code], journey)
    return journey


async def _bring_in(db: Connection, folder: Path, chosen: Sequence[Redemption]) -> dict[str, str]:
    """By our campaign: a product that its coupon is for."""
    wanted = {one.code for one in chosen}
    products: dict[str, list[str]] = defaultdict(list)
    for row in _rows(folder, "coupons"):
        if (code := f"{row['campaign_id']}/{row['coupon_upc']}") in wanted:
            products[code].append(row["product_id"])
    windows = {
        row["campaign_id"]: (row["start_date"], row["end_date"])
        for row in _rows(folder, "campaign_descriptions")
    }
    for code in sorted(wanted):
        starts, ends = (date.fromisoformat(day) for day in windows[code.partition("/")[0]])
        await coupons.set_campaign(
            db,
            code=code,
            names={"en": f"Coupon {code}"},
            currency_code="USD",
            amount_minor=OFF_MINOR,
            basis_points=None,
            promotion=None,
            most_off_minor=None,
            min_spend_minor=0,
            stacking="WITH_PROMOTIONS",
            target=written_target(Target(skus=frozenset(products[code]))),
            channels=[],
            valid_from=datetime.combine(starts, time(), UTC),
            valid_until=datetime.combine(ends + timedelta(days=1), time(), UTC),
            valid_days=None,
            claimable=False,
            most=None,
            per_member=_MOST_EACH,
            recorded_by="tests",
        )
    return {code: min(products[code]) for code in wanted}


async def _redeem(db: Connection, one: Redemption, product: str, journey: Journey) -> None:
    campaign = (await coupons.campaigns(db, [one.code]))[one.code]
    if not await coupons.count_of_member(db, one.code, one.household, _MOST_EACH):
        journey.wrong.append(f"{one}: the household had {_MOST_EACH} already")
        return
    await coupons.count(db, one.code)
    coupon_id = await coupons.issue(
        db,
        one.code,
        one.household,
        code=lambda key: coupon_code(b"journey", key),
        valid_until=campaign.valid_until,
        now=one.at,
    )
    coupon = await coupons.by_code(db, coupon_code(b"journey", coupon_id))
    terms = coupons.terms_of(campaign)
    lines = [PricedLine(sku, 1, 500, "list", 1) for sku in (product, "something else")]
    reduced = with_coupon(basket_of("USD", lines), terms, _as_line)
    if coupon is None or isinstance(reduced, Text):
        journey.wrong.append(f"{one}: takes nothing off")
        return
    late = why_not_now(coupon.state, coupon.valid_until, campaign.valid_until, field=_FIELD, is_theirs=True)
    before = (terms.valid_from or one.at) - timedelta(seconds=1)
    early = terms.why_not_here("app", "USD", before)
    state = state_at(coupon.state, coupon.valid_until, one.at)
    refusal = why_not_now(state, coupon.valid_until, one.at, field=_FIELD, is_theirs=True)
    if refusal is not None or terms.why_not_here("app", "USD", one.at) is not None:
        journey.wrong.append(f"{one}: refused on its day")
    if late is None or late.code is not RefusalCode.COUPON_EXPIRED or early is None:
        journey.wrong.append(f"{one}: not refused outside its campaign")
    order_id = new_key()
    await coupons.set_state(db, coupon.id, CouponState.RESERVED, order_id)
    await coupons.set_state(db, coupon.id, CouponState.USED, order_id)
    journey.used += 1
    journey.off_minor += sum(
        cut.amount_minor for cut in reduced.reductions if cut.source == coupon_source(one.code)
    )


def _as_line(line: PricedLine) -> BasketLine:
    return BasketLine(key=line.sku, sku=line.sku, quantity=line.quantity, unit_minor=line.unit_minor)


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> int:
    """The exit code: 0 when every redemption goes through as it did."""
    if not FOLDER.is_dir():
        sys.stdout.write(f"Nothing to replay: {FOLDER} is not there.\n")
        return 0
    chosen = redemptions(FOLDER)

    async def run() -> Journey:
        async with Stage(Effort()) as stage:
            db = await connect(await stage.database())
            try:
                async with db.transaction():
                    return await replay(db, FOLDER, chosen)
            finally:
                await db.close()

    journey = asyncio.run(run())
    sys.stdout.write(f"{journey.used:,} of {len(chosen):,} coupons redeemed as they were.\n")
    for wrong in journey.wrong:
        sys.stdout.write(f"{wrong}\n")
    return 1 if journey.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
