"""How Alipay is spoken: signed parameters, signed answers, signed forms.

What is signed of an answer is its text as it was sent, not what it says; described at
https://docs.open.alipay.com/api_1/alipay.trade.fastpay.refund.query and the pages beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode

import structlog

from devices.payments.alipay.merchant import Merchant
from devices.payments.fields import Fields, Garbled
from devices.payments.keys import is_signed, sign
from devices.payments.line import Line
from devices.payments.moments import is_timely, of_stamp, stamp
from domain.payments import NotGenuine, ProviderAway, Unreadable

_log = structlog.get_logger("shelfgraph.payments")
_GRANTED, _BUSINESS = "10000", "40004"
_NOT_SIGNED = ("sign", "sign_type")
_OK = 200
_FORM = "application/x-www-form-urlencoded;charset=utf-8"
_MOST_FIELDS = 200
_MARK = re.compile(r"[ \t\r\n]*([{}:,])[ \t\r\n]*")
_DECODER = json.JSONDecoder(parse_float=Decimal)


@dataclass(frozen=True, slots=True)
class Answered:
    """What Alipay answered: `refused` is its code when it said no, such as ACQ.TRADE_NOT_EXIST."""

    fields: Fields
    refused: str | None = None


class Wire:
    """Calls in a merchant's name, and the proof that answers and notices are Alipay's."""

    def __init__(self, merchant: Merchant, line: Line, clock: Callable[[], datetime]) -> None:
        self._merchant = merchant
        self._line = line
        self._clock = clock

    async def call(self, method: str, content: Mapping[str, object], *, notify: bool = False) -> Answered:
        """An answer that Alipay signed; raises ProviderAway for everything that leaves us without one."""
        parameters = self.signed(method, content, notify=notify)
        body = urlencode({"biz_content": parameters.pop("biz_content")}).encode()
        answer = await self._line.ask(
            "POST", f"?{urlencode(parameters)}", body=body, headers=lambda: {"content-type": _FORM}
        )
        try:
            if answer.status != _OK:
                raise Garbled(str(answer.status))
            return self._read(f"{method.replace('.', '_')}_response", answer.body)
        except (NotGenuine, Garbled) as error:
            _log.warning("an answer is not to be believed", provider="alipay", method=method)
            raise ProviderAway("an answer that is not to be believed") from error

    def _read(self, name: str, body: bytes) -> Answered:
        members = dict(_members(body))
        value, text = members.get(name) or members.get("error_response") or (None, "")
        fields, signature = _object(value), (members["sign"][0] if "sign" in members else None)
        code, sub_code = fields.text("code"), fields.maybe("sub_code") or ""
        if code != _GRANTED and not signature:
            self._about_us(fields)
        if not isinstance(signature, str) or not is_signed(
            self._merchant.alipay_key, text.encode(), signature
        ):
            raise NotGenuine("the signature is another's")
        if code == _GRANTED:
            return Answered(fields)
        if code != _BUSINESS or sub_code.endswith("SYSTEM_ERROR"):
            self._about_us(fields)
        _log.info("a request is refused", provider="alipay", code=sub_code)
        return Answered(fields, sub_code)

    def _about_us(self, fields: Fields) -> None:
        """Raises ProviderAway: nothing is said of the payment, but of us, or of Alipay itself."""
        code = fields.maybe("sub_code") or fields.text("code")
        _log.error("the merchant is refused, or Alipay fails", provider="alipay", code=code)
        raise ProviderAway(code)

    def signed(self, method: str, content: Mapping[str, object], *, notify: bool) -> dict[str, str]:
        """The parameters of a call with our signature; those of a start say where to `notify`."""
        parameters = {
            "app_id": self._merchant.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": stamp(self._clock()),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False),
        }
        if notify:
            parameters["notify_url"] = self._merchant.notify_url
            if self._merchant.return_url is not None:
                parameters["return_url"] = self._merchant.return_url
        return {**parameters, "sign": sign(self._merchant.key, _to_sign(parameters))}

    def read_form(self, body: bytes) -> Fields:
        """What Alipay told us in a notice, within five minutes of now; raises NotGenuine, Unreadable."""
        try:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
            )
        except ValueError as error:
            raise Unreadable("no form") from error
        form = dict(pairs)
        if len(form) != len(pairs):
            raise Unreadable("a field comes twice")
        message = _to_sign({name: value for name, value in form.items() if name not in _NOT_SIGNED})
        if form.get("sign_type") != "RSA2" or not is_signed(
            self._merchant.alipay_key, message.encode(), form.get("sign", "")
        ):
            raise NotGenuine("the signature is another's")
        try:
            told = of_stamp(form.get("notify_time", ""))
        except ValueError as error:
            raise Unreadable("no moment") from error
        if not is_timely(told, self._clock()):
            raise NotGenuine("too old, or from the future")
        seller_id = self._merchant.seller_id
        if form.get("app_id") != self._merchant.app_id or seller_id not in (None, form.get("seller_id")):
            raise Unreadable("about another merchant")
        return Fields(form)


def _to_sign(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))


def _object(value: object) -> Fields:
    if not isinstance(value, dict):
        raise Garbled("no object")
    return Fields(value)


def _members(body: bytes) -> Iterator[tuple[str, tuple[object, str]]]:
    """Each member of a JSON object: its name, its value, and the very text of the value; raises Garbled."""
    try:
        text = body.decode()
        mark, at = _mark(text, 0, "{")
        while mark != "}":
            name, at = _DECODER.raw_decode(text, at)
            _, start = _mark(text, at, ":")
            value, at = _DECODER.raw_decode(text, start)
            yield str(name), (value, text[start:at])
            mark, at = _mark(text, at, ",}")
    except (ValueError, RecursionError) as error:
        raise Garbled("no JSON") from error


def _mark(text: str, at: int, wanted: str) -> tuple[str, int]:
    """The mark that comes next, one of those wanted, and the place of what follows it; raises ValueError."""
    found = _MARK.match(text, at)
    if found is None or found[1] not in wanted:
        raise ValueError(f"{wanted} is missing")
    return found[1], found.end()
