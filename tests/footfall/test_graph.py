"""Sensors report through the graph once each; staff read hours, occupancy and heat."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.makers import make_store
from tests.shop import Shop

EIGHT = datetime(2026, 11, 28, 0, tzinfo=UTC)  # 8:00 in Hong Kong
REGISTER = """mutation($input: DeviceRegisterInput!) { deviceRegister(input: $input) {
  userErrors { code } } }"""
REPORT = """mutation($input: SensorReadingsReportInput!) { sensorReadingsReport(input: $input) {
  results { sequence outcome } userErrors { code field } } }"""
FOOTFALL = """query($store: String!, $from: DateTime!, $until: DateTime!) {
  footfall(store: $store, from: $from, until: $until) {
    store { code } hours { from visitors departures occupancy }
    heat { zone from people averageDwellSeconds mostPresent } } }"""
DAY = {"from": "2026-11-28T00:00:00Z", "until": "2026-11-28T16:00:00Z"}


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    shop.clock.at = EIGHT + timedelta(hours=12)
    async with shop.database() as db:
        for store in ("central", "harbour", "peak"):
            await make_store(db, store)
    for store, code, kind in (
        ("central", "CAM-1", "CAMERA"),
        ("central", "CAM-2", "CAMERA"),
        ("peak", "COUNTER-1", "CAMERA"),
        ("central", "LABEL-1", "LABEL"),
    ):
        given = {"idempotencyKey": code, "code": code, "kind": kind, "store": store}
        if kind == "LABEL":
            given["model"] = "epd-2.9-bwr"
        answer = await shop.ask(REGISTER, token=shop.token("staff", store=store), input=given)
        assert answer.data["deviceRegister"]["userErrors"] == []


def reading(sequence: int, kind: str, minutes: float, **more: object) -> dict[str, object]:
    at = EIGHT + timedelta(minutes=minutes)
    return {"sequence": sequence, "kind": kind, "at": at.isoformat(), **more}


async def report(
    shop: Shop, device: str, *readings: dict[str, object], store: str = "central", subject: str | None = None
) -> Any:
    token = shop.token("device", store=store, subject=subject or device)
    answer = await shop.ask(REPORT, token=token, input={"device": device, "readings": list(readings)})
    return answer.data["sensorReadingsReport"]


async def outcomes(
    shop: Shop, device: str, *readings: dict[str, object], store: str = "central"
) -> list[str]:
    payload = await report(shop, device, *readings, store=store)
    assert payload["userErrors"] == []
    return [result["outcome"] for result in payload["results"]]


async def footfall(shop: Shop, store: str, **period: str) -> Any:
    answer = await shop.ask(FOOTFALL, token=shop.token("staff", store=store), store=store, **(DAY | period))
    return answer.data["footfall"]


async def test_what_a_camera_tells_adds_up_by_the_hour(shop: Shop) -> None:
    told = await outcomes(
        shop,
        "CAM-1",
        reading(1, "LINE_CROSSED", 30, seconds=1800, entered=20, departed=4),
        reading(2, "LINE_CROSSED", 60, seconds=1800, entered=11, departed=9),
        reading(3, "LINE_CROSSED", 61, entered=1, departed=0),
        reading(4, "ZONE_ENTERED", 20, zone="tea", people=12),
        reading(5, "DWELLED", 40, zone="tea", people=10, dwellSeconds=425),
        reading(6, "COUNTED", 45, zone="tea", people=9),
        reading(7, "ZONE_ENTERED", 50, zone="wine", people=9),
        reading(8, "ZONE_LEFT", 55, zone="wine", people=9),
    )
    assert told == ["ACCEPTED"] * 8
    seen = await footfall(shop, "central")
    assert seen["hours"] == [
        {"from": "2026-11-28T00:00:00.000Z", "visitors": 31, "departures": 13, "occupancy": 18},
        {"from": "2026-11-28T01:00:00.000Z", "visitors": 1, "departures": 0, "occupancy": 19},
    ]
    eight = "2026-11-28T00:00:00.000Z"
    assert seen["heat"] == [
        {"zone": "tea", "from": eight, "people": 12, "averageDwellSeconds": 43, "mostPresent": None},
        {"zone": "wine", "from": eight, "people": None, "averageDwellSeconds": None, "mostPresent": None},
    ]
    # Those who came before the period are inside in it.
    later = await footfall(shop, "central", **{"from": "2026-11-28T01:00:00Z"})
    assert [hour["occupancy"] for hour in later["hours"]] == [19]


async def test_a_number_and_a_bin_count_once(shop: Shop) -> None:
    bin_ = reading(21, "LINE_CROSSED", 310, seconds=60, entered=5, departed=0)
    assert await outcomes(shop, "CAM-2", bin_) == ["ACCEPTED"]
    assert await outcomes(shop, "CAM-2", bin_, {**bin_, "sequence": 22}) == ["DUPLICATE", "DUPLICATE"]
    twice = reading(23, "LINE_CROSSED", 311, entered=1)
    assert await outcomes(shop, "CAM-2", twice, twice) == ["ACCEPTED", "DUPLICATE"]
    # Two people may cross at one moment: without a length it is no bin.
    assert await outcomes(shop, "CAM-2", {**twice, "sequence": 24}) == ["ACCEPTED"]
    late = reading(25, "LINE_CROSSED", -8 * 24 * 60, entered=1)
    odd = reading(26, "DWELLED", 10, people=1)
    assert await outcomes(shop, "CAM-2", late, odd) == ["TOO_LATE", "IMPLAUSIBLE"]
    hours = (await footfall(shop, "central"))["hours"]
    assert [hour["visitors"] for hour in hours if "05:00" in hour["from"]] == [7]


async def test_a_counter_adds_up_to_the_same_in_whatever_order_it_is_heard(shop: Shop) -> None:
    """Totals rise by ten an hour, with one reset, told in any order and partly twice."""
    shown = [100, 110, 120, 7, 17, 27]
    readings = [
        reading(number, "COUNTER_READ", 60 * number + 30, entered=total, departed=total // 2)
        for number, total in enumerate(shown)
    ]
    shuffled = readings + readings[2:4]
    random.Random(5).shuffle(shuffled)
    for one in shuffled:
        await outcomes(shop, "COUNTER-1", one, store="peak")
    hours = (await footfall(shop, "peak"))["hours"]
    assert [hour["visitors"] for hour in hours] == [0, 10, 10, 7, 10, 10]
    assert sum(hour["departures"] for hour in hours) == 5 + 5 + 3 + 5 + 5


@pytest.mark.parametrize(
    ("device", "subject", "store"),
    [
        ("CAM-1", "CAM-2", "central"),
        ("CAM-1", "CAM-1", "harbour"),
        ("LABEL-1", "LABEL-1", "central"),
        ("NOBODY", "NOBODY", "central"),
    ],
)
async def test_a_device_speaks_for_itself_alone(shop: Shop, device: str, subject: str, store: str) -> None:
    payload = await report(
        shop, device, reading(99, "LINE_CROSSED", 5, entered=1), subject=subject, store=store
    )
    assert payload == {
        "results": [],
        "userErrors": [{"code": "DEVICE_UNKNOWN", "field": ["input", "device"]}],
    }


async def test_reports_and_questions_have_bounds(shop: Shop) -> None:
    assert (await report(shop, "CAM-1"))["userErrors"] == [
        {"code": "INVALID_INPUT", "field": ["input", "readings"]}
    ]
    long = reading(50, "ZONE_ENTERED", 5, zone="z" * 65, people=1)
    assert (await report(shop, "CAM-1", long))["userErrors"][0]["code"] == "INVALID_INPUT"
    staff = shop.token("staff", store="central")
    given = {"device": "CAM-1", "readings": [reading(51, "COUNTED", 5)]}
    assert (await shop.ask(REPORT, token=staff, input=given)).codes == ["FORBIDDEN"]
    assert (await shop.ask(REPORT, input=given)).codes == ["UNAUTHENTICATED"]
    wide = {"from": "2026-10-28T00:00:00Z", "until": "2026-11-28T00:00:01Z"}
    assert (await shop.ask(FOOTFALL, token=staff, store="central", **wide)).codes == ["BAD_USER_INPUT"]
    assert (await shop.ask(FOOTFALL, token=staff, store="harbour", **DAY)).data == {"footfall": None}
    device = shop.token("device", store="central", subject="CAM-1")
    assert (await shop.ask(FOOTFALL, token=device, store="central", **DAY)).codes == ["FORBIDDEN"]


async def test_a_report_and_a_question_take_few_statements(shop: Shop) -> None:
    token = shop.token("device", store="central", subject="CAM-1")
    for count, first in ((1, 1000), (50, 2000)):
        readings = [
            reading(first + n, "COUNTER_READ", 500 + n / 60, zone=f"z{n % 5}", entered=n, departed=n)
            for n in range(count)
        ]
        given = {"device": "CAM-1", "readings": readings}
        answer = await shop.ask(REPORT, token=token, input=given)
        assert {one["outcome"] for one in answer.data["sensorReadingsReport"]["results"]} == {"ACCEPTED"}
        assert len(answer.statements) <= 6
    answer = await shop.ask(FOOTFALL, token=shop.token("staff", store="central"), store="central", **DAY)
    assert len(answer.statements) == 2
