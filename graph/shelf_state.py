"""What the page of labels is told, as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from devices.faces.wording import price_text, unit_price_text
from devices.shelf import Shelf
from devices.simulated import Redraw, ShownFace, SimulatedGateway, SimulatedLabel
from domain.money import Money, half_up

Json = dict[str, object]


def shelf_state(shelf: Shelf) -> Json:
    """Everything: stores, gateways, and each label with the face it shows (null before its first)."""
    stores = {gateway.store: gateway.store_name for gateway in shelf.gateways}
    return {
        "now": _instant(datetime.now(UTC)),
        "redraws": shelf.redraw_count,
        "lastInkMs": shelf.last_ink_ms,
        "stores": [{"code": code, "name": name} for code, name in stores.items()],
        "gateways": gateway_states(shelf),
        "labels": [_label(gateway, label) for gateway in shelf.gateways for label in gateway.labels.values()],
    }


def gateway_states(shelf: Shelf) -> list[Json]:
    """Each gateway and where its stream stands."""
    return [
        {"code": gateway.code, "store": gateway.store, "state": gateway.state.value}
        for gateway in shelf.gateways
    ]


def redraw_news(shelf: Shelf, redraw: Redraw) -> Json:
    """One redraw, with the shelf's new counters."""
    return {
        "label": redraw.label,
        "kind": redraw.kind.value,
        "cause": redraw.cause,
        "inkMs": redraw.ink_ms,
        "redraws": shelf.redraw_count,
        "face": _face(redraw.face),
    }


def _label(gateway: SimulatedGateway, label: SimulatedLabel) -> Json:
    panel, face = label.panel, gateway.shown(label.code)
    return {
        "code": label.code,
        "sku": label.sku,
        "store": gateway.store,
        "channel": gateway.channel,
        "gateway": gateway.code,
        "position": label.position,
        "model": {"code": panel.code, "width": panel.width, "height": panel.height, "palette": panel.palette},
        "face": _face(face) if face else None,
    }


def _face(face: ShownFace) -> Json:
    fields = face.fields
    amount = fields.amount
    return {
        "hash": face.hash,
        "template": face.template.value,
        "nameZh": fields.name_zh,
        "nameEn": fields.name_en,
        "brand": fields.brand,
        "origin": fields.origin,
        "gtin": fields.gtin,
        "price": str(price_text(amount)) if amount else None,
        "compareAt": str(price_text(fields.compare_at)) if fields.compare_at else None,
        "memberPrice": str(price_text(fields.member_amount)) if fields.member_amount else None,
        "unitPrice": unit_price_text(fields.unit_price) if fields.unit_price else None,
        "currencyCode": amount.currency_code if amount else None,
        "tenPercentLess": str(_ten_percent_less(amount).amount) if amount else None,
        "priceVersion": str(face.price_version) if face.price_version is not None else None,
        "drawnAt": _instant(face.drawn_at),
        "redraws": face.redraws,
    }


def _ten_percent_less(amount: Money) -> Money:
    """The amount less a tenth, half up, never nothing."""
    minor = half_up(Decimal(amount.minor_units) * 9 / 10)
    return Money(max(1, minor), amount.currency_code)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
