"""Which media type and which language a header asks for."""

from __future__ import annotations

import pytest

from graph.door.negotiation import (
    GRAPHQL_RESPONSE,
    JSON,
    accepts_stream,
    language,
    media_type,
    prefers_stream,
    wants_page,
)

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        ("application/json; charset=utf-8", JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, {JSON}", GRAPHQL_RESPONSE),
        (f"{JSON}, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0.9, {JSON}", JSON),
        (f"{GRAPHQL_RESPONSE}, {JSON};q=0.9", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, */*;q=0.1", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, */*", GRAPHQL_RESPONSE),
        (f"{JSON};q=0, */*", GRAPHQL_RESPONSE),
        (f"{JSON};q=0, {GRAPHQL_RESPONSE};q=0", None),
        ("text/html", None),
        ("text/event-stream", None),
        ("*/*;q=0", None),
        (f"{JSON};q=2", None),
        (f"{JSON};q=x", None),
        (BROWSER, JSON),
        ("APPLICATION/JSON", JSON),
    ],
)
def test_the_media_type(accept: str | None, chosen: str | None) -> None:
    assert media_type(accept) == chosen


@pytest.mark.parametrize(
    ("accept", "accepts", "prefers"),
    [
        (None, False, False),
        ("*/*", False, False),
        (JSON, False, False),
        ("text/event-stream", True, True),
        ("Text/Event-Stream", True, True),
        ("text/*", True, True),
        ("text/event-stream;q=0", False, False),
        ("text/*, text/event-stream;q=0", False, False),
        ("text/event-stream;q=1.1", False, False),
        (f"text/event-stream, {JSON}", True, False),
        (f"text/event-stream;q=0.9, {JSON};q=0.8", True, True),
        (f"text/event-stream;q=0.8, {JSON};q=0.9", True, False),
        (f"text/event-stream, {GRAPHQL_RESPONSE}", True, False),
        ("text/event-stream, application/*", True, False),
        ("text/event-stream, */*", True, False),
        ("text/event-stream, */*;q=0.1", True, True),
    ],
)
def test_event_streams(accept: str | None, accepts: bool, prefers: bool) -> None:
    assert (accepts_stream(accept), prefers_stream(accept)) == (accepts, prefers)


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (None, False),
        ("*/*", False),
        (JSON, False),
        (BROWSER, True),
        ("text/html", True),
        ("text/html;q=0", False),
        (f"text/html;q=0.5, {JSON}", False),
        (f"{GRAPHQL_RESPONSE}, text/html;q=0.9", False),
    ],
)
def test_browsers_get_the_page(accept: str | None, page: bool) -> None:
    assert wants_page(accept) is page


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "zh-HK"),
        ("", "zh-HK"),
        ("fr", "zh-HK"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en-gb"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-cn"),
        ("en;q=0.8,zh;q=0.9", "zh"),
        ("fr,en;q=0.1", "en"),
        ("zh;q=0,en;q=0.1", "en"),
        ("*", "zh-HK"),
        ("enm", "zh-HK"),
    ],
)
def test_the_language(header: str | None, locale: str) -> None:
    assert language(header, "zh-HK") == locale
