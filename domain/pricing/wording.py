"""How a price record and its fate are said to people, in the two languages of the graph."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.money import Money
from domain.pricing.kinds import PriceKind
from domain.pricing.reasons import Reason
from domain.pricing.records import PriceContext, PriceRow, is_regular, missing_for_kind
from domain.pricing.selection import specificity, stands_alone
from domain.refusals import Text

KIND_WORDS = {
    PriceKind.LIST: Text("list price", "标价"),
    PriceKind.SALE: Text("sale price", "促销价"),
    PriceKind.MEMBER: Text("member price", "会员价"),
    PriceKind.STORE: Text("store price", "门店价"),
    PriceKind.LIVE: Text("live-room price", "直播价"),
    PriceKind.GROUP_BUY: Text("group-buy price", "拼团价"),
    PriceKind.BARGAIN: Text("bargain price", "砍价"),
    PriceKind.CLEARANCE: Text("clearance price", "清仓价"),
}
FIELD_WORDS = {
    "store": Text("a store", "门店"),
    "tier": Text("a tier", "会员等级"),
    "campaign": Text("a campaign", "活动"),
}


def moment(at: datetime) -> str:
    """A moment as people read it: UTC, to the second unless it is finer."""
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(' ')} UTC"


def described(row: PriceRow) -> Text:
    """What the record says: kind, amount, and every scope and limit that it names."""
    money = Money(row.amount_minor, row.currency_code)
    en, zh = [f"{KIND_WORDS[row.kind].en} {money}"], [f"{KIND_WORDS[row.kind].zh} {money}"]
    for name, value, word in (
        ("channel", row.channel, "渠道"),
        ("store", row.store, "门店"),
        ("tier", row.tier, "会员等级"),
        ("campaign", row.campaign, "活动"),
    ):
        if value is not None:
            en.append(f"{name} {value}")
            zh.append(f"{word} {value}")
    if row.min_quantity > 1:
        en.append(f"from {row.min_quantity} pieces")
        zh.append(f"满 {row.min_quantity} 件")
    if row.valid_from is not None:
        en.append(f"from {moment(row.valid_from)}")
        zh.append(f"{moment(row.valid_from)} 起")
    if row.valid_until is not None:
        en.append(f"until {moment(row.valid_until)}")
        zh.append(f"{moment(row.valid_until)} 止")
    return Text(", ".join(en), "，".join(zh))


def explained(row: PriceRow, reason: Reason, context: PriceContext, rival: PriceRow | None) -> Text:
    """One sentence on why the record won or lost; `rival` is the one that it lost to, if any."""
    facts = described(row)
    why = _lost_to(row, reason, rival) if rival is not None else _alone(row, reason, context)
    return Text(f"{facts.en[0].upper()}{facts.en[1:]}: {why.en}.", f"{facts.zh}：{why.zh}。")


def _alone(row: PriceRow, reason: Reason, context: PriceContext) -> Text:
    match reason:
        case Reason.WON if is_regular(row.kind):
            return Text(
                "it is paid, the regular price with no lower offer",
                "成交价，为正常价，且无更低优惠",
            )
        case Reason.WON if stands_alone(row.kind):
            return Text("it is paid, the lowest price here", "成交价，为此处最低价")
        case Reason.WON:
            return Text("it is paid, the lowest offer here", "成交价，为此处最低优惠")
        case Reason.WRONG_STORE:
            return _elsewhere("store", "门店", context.store)
        case Reason.WRONG_CHANNEL:
            return _elsewhere("channel", "渠道", context.channel)
        case Reason.WRONG_TIER:
            return _elsewhere("tier", "会员等级", context.tier)
        case Reason.WRONG_CAMPAIGN:
            return _elsewhere("campaign", "活动", context.campaign)
        case Reason.QUANTITY_TOO_LOW:
            n = context.quantity
            return Text(
                f"it takes {row.min_quantity} pieces, {n} were asked for",
                f"需满 {row.min_quantity} 件，本次 {n} 件",
            )
        case Reason.WRONG_CURRENCY:
            return Text(f"prices here are in {context.currency_code}", f"此处以 {context.currency_code} 计价")
        case Reason.INCOMPLETE:
            needs = FIELD_WORDS[missing_for_kind(row.kind, row.store, row.tier, row.campaign) or "store"]
            return Text(
                f"its kind needs {needs.en}, and it names none", f"该类价格须指定{needs.zh}，但未指定"
            )
        case Reason.NOT_YET_RECORDED:
            at = moment(row.recorded_at)
            return Text(f"it was recorded only at {at}", f"于 {at} 才录入")
        case Reason.NOT_YET_VALID:
            at = moment(row.valid_from or context.at)
            return Text(f"it does not apply before {at}", f"{at} 才生效")
        case Reason.NO_LONGER_VALID:
            at = moment(row.valid_until or context.at)
            return Text(f"it ended at {at}", f"已于 {at} 结束")
        case _:
            return Text("no regular price here that it could be an offer on", "此处没有正常价，优惠无从适用")


def _elsewhere(field: str, word: str, asked: str | None) -> Text:
    if asked is None:
        return Text(f"no {field} was named here", f"此处未指明{word}")
    return Text(f"the {field} here is {asked}", f"此处的{word}是 {asked}")


def _lost_to(row: PriceRow, reason: Reason, rival: PriceRow) -> Text:
    better = described(rival)
    match reason:
        case Reason.SUPERSEDED:
            return Text(f"a later record replaced it ({better.en})", f"已被后设的价格取代（{better.zh}）")
        case Reason.LESS_SPECIFIC if specificity(row) == specificity(rival):
            return Text(f"a larger quantity band applies ({better.en})", f"适用更高的数量档（{better.zh}）")
        case Reason.LESS_SPECIFIC:
            return Text(f"a more specific price applies ({better.en})", f"有更具体的价格（{better.zh}）")
        case Reason.HIGHER_PRICE:
            return Text(f"a lower price is paid ({better.en})", f"有更低的价格（{better.zh}）")
        case _:
            return Text(f"an equal price was set later ({better.en})", f"有后设的同等价格（{better.zh}）")
