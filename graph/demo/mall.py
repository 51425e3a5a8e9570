"""What the demo mall is made of beside the sample: channels, online prices, stock and labels.

Everything follows from the sample and a fixed seed, so every start gives the same mall.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from domain.channels import ChannelKind
from domain.money import half_up
from domain.pricing.kinds import PriceKind
from persistence.imports.hk_pricewatch_log import CURRENCY, Point, moment_of
from persistence.imports.labels import GatewayRow, LabelRow
from persistence.imports.places import ChannelRow
from persistence.imports.prices import PriceImportRow
from persistence.imports.stock import StockRow

SEED = "shelfgraph demo 1"
Points = Mapping[tuple[str, str], Point]
"""What the chains show on the last day, by sku and store."""

CHANNELS = tuple(
    ChannelRow(code, {"en": en, "zh-HK": hk, "zh-CN": cn}, kind.value, CURRENCY)
    for code, kind, en, hk, cn in (
        ("app", ChannelKind.APP, "App", "手機應用程式", "手机应用"),
        ("mini-program", ChannelKind.MINI_PROGRAM, "Mini program", "小程式", "小程序"),
        ("h5", ChannelKind.H5, "Web shop", "網店", "网店"),
        ("pos", ChannelKind.POS, "Till", "收銀機", "收银机"),
        ("self-checkout", ChannelKind.SELF_CHECKOUT, "Self-checkout", "自助收銀", "自助收银"),
        ("jd", ChannelKind.MARKETPLACE, "JD", "京東", "京东"),
        ("tmall", ChannelKind.MARKETPLACE, "Tmall", "天貓", "天猫"),
        ("live", ChannelKind.LIVE, "Live room", "直播間", "直播间"),
    )
)
ONLINE = tuple(channel.code for channel in CHANNELS if not ChannelKind(channel.kind).is_till)

_GATEWAYS = {"parknshop": ("PNS-GW-01", "PNS-GW-02"), "wellcome": ("WEL-GW-01",)}
_LABELS_PER_GATEWAY = 112
_UNBOUND_PER_GATEWAY = 4
_AISLES = "ABCD"
_SHELVES, _SLOTS = 4, 7


def median(amounts: Sequence[int]) -> int:
    """The middle of the amounts in minor units; of two in the middle their mean, half up to the cent."""
    ordered, middle = sorted(amounts), len(amounts) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return half_up(Decimal(ordered[middle - 1] + ordered[middle]) / 2)


def online_prices(points: Points, day: date) -> Iterator[PriceImportRow]:
    """One LIST price per article that is sold and online channel, set that day: the chains' median.

    A channel always stands in it, so that no till sells what its own chain does not carry.
    """
    by_sku: dict[str, list[int]] = defaultdict(list)
    for (sku, _), point in points.items():
        by_sku[sku].append(point.amount)
    line = 0
    for sku, amounts in sorted(by_sku.items()):
        for channel in ONLINE:
            line += 1
            yield PriceImportRow(
                line=line,
                sku=sku,
                kind=PriceKind.LIST.value,
                amount_minor=median(amounts),
                currency_code=CURRENCY,
                channel=channel,
                source=f"{sku}/{channel}",
                recorded_at=moment_of(day),
            )


def stock(points: Points) -> Iterator[StockRow]:
    """How many of each article each chain has that shows it: some none, some few, most plenty."""
    for line, (sku, store) in enumerate(sorted(points), start=1):
        drawn = _drawn("stock", store, sku)
        share, rest = drawn % 100, drawn // 100
        on_hand = 0 if share < 6 else 1 + rest % 5 if share < 18 else 6 + rest % 115
        yield StockRow(line, store, sku, on_hand, 0)


def gateways() -> list[GatewayRow]:
    """The gateways of the two stores that have labels."""
    return [GatewayRow(code, store) for store, codes in _GATEWAYS.items() for code in codes]


def labels(points: Points) -> Iterator[LabelRow]:
    """The labels, most of them bound to an article of their store, aisle by aisle (A03-2-05)."""
    for store, codes in _GATEWAYS.items():
        skus = sorted(
            (sku for sku, held_by in points if held_by == store), key=lambda sku: _drawn("label", store, sku)
        )
        bound = _LABELS_PER_GATEWAY - _UNBOUND_PER_GATEWAY
        for number, gateway in enumerate(codes):
            # In the order of their codes, articles of a kind stand together.
            chosen = sorted(skus[number * bound : (number + 1) * bound])
            for index in range(_LABELS_PER_GATEWAY):
                code = f"{_drawn('code', gateway, str(index)) % 16**8:08X}"
                yield LabelRow(
                    code=f"A4C138{code}"[:12],
                    gateway=gateway,
                    model=_model(index),
                    sku=chosen[index] if index < len(chosen) else None,
                    position=_position(number, index) if index < len(chosen) else None,
                )


def _model(index: int) -> str:
    if index % 16 == 7:
        return "epd-4.2-bwry"
    return "epd-2.9-bwr" if index % 4 == 1 else "epd-2.13-bwr"


def _position(area: int, index: int) -> str:
    bay, slot = divmod(index, _SHELVES * _SLOTS)
    shelf, place = divmod(slot, _SLOTS)
    return f"{_AISLES[area * 2 + bay // 2]}{bay % 2 * 2 + 1:02}-{shelf + 1}-{place + 1:02}"


def _drawn(*about: str) -> int:
    """A number that is always the same for the same things, and looks like chance."""
    digest = hashlib.sha256("/".join((SEED, *about)).encode()).digest()
    return int.from_bytes(digest[:8])
