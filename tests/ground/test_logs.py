"""What is written down, and what never is."""

import io
import json
import logging
import sys

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from graph import logs
from graph.settings import Environment, LogFormat, LogLevel


@pytest.fixture
def written(monkeypatch):
    """The lines written since, each as the JSON it is; the loggers are put back afterwards."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers, root.level)
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up(env=Environment.PRODUCTION, level=LogLevel.INFO, format=None)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = before[0], before[1]
    structlog.reset_defaults()


def test_both_kinds_of_logger_write_the_same_kind_of_line(written):
    structlog.stdlib.get_logger("shelfgraph.prices").info("set", sku="4891", count=2)
    logging.getLogger("uvicorn.error").warning("listening on %s", "8000")
    first, second = written()
    assert (first["event"], first["sku"], first["level"], first["logger"]) == (
        "set",
        "4891",
        "info",
        "shelfgraph.prices",
    )
    assert (second["event"], second["level"], second["logger"]) == (
        "listening on 8000",
        "warning",
        "uvicorn.error",
    )
    assert first["timestamp"].endswith("Z")


def test_below_the_level_nothing_is_written(written):
    structlog.stdlib.get_logger().debug("a")
    logging.getLogger("any").debug("b")
    assert written() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "hunter2"},
        {"api_key": "hunter2"},
        {"headers": {"Authorization": "Basic hunter2"}},
        {"said": "Authorization: Bearer hunter2.x.y"},
        {"said": "could not reach postgresql://shop:hunter2@db/mall"},
        {"several": ["redis://:hunter2@cache/0"]},
        {"said": "token eyJhbGciOiJFZERTQSJ9.hunter2.abc is old"},
    ],
)
def test_secrets_are_never_written(written, fields):
    structlog.stdlib.get_logger().info("something", **fields)
    (line,) = written()
    assert "hunter2" not in json.dumps(line)
    assert "********" in json.dumps(line)


def test_an_exception_is_one_line_with_its_cause_and_without_secrets(written):
    try:
        raise RuntimeError("postgresql://shop:hunter2@db/mall is away")
    except RuntimeError:
        structlog.stdlib.get_logger().exception("failed")
        logging.getLogger("any").exception("failed too")
    for line in written():
        assert "RuntimeError" in line["exception"]
        assert "hunter2" not in line["exception"]


def test_for_eyes_a_line_has_the_words_and_no_local_variables(monkeypatch, written):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up(env=Environment.DEVELOPMENT, level=LogLevel.INFO, format=None)
    hidden = "local" + "-value"
    try:
        raise ValueError("no such price")
    except ValueError:
        structlog.stdlib.get_logger("shelfgraph.prices").exception("refused", sku=hidden[:5])
    assert "refused" in stream.getvalue()
    assert "sku=local" in stream.getvalue()
    assert "ValueError: no such price" in stream.getvalue()
    assert "local-value" not in stream.getvalue()


def test_json_can_be_asked_for_in_development(monkeypatch, written):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up(env=Environment.DEVELOPMENT, level=LogLevel.INFO, format=LogFormat.JSON)
    structlog.stdlib.get_logger().info("你好")
    assert json.loads(stream.getvalue())["event"] == "你好"
    assert "你好" in stream.getvalue()


async def _hello(request):
    assert request.headers["x-request-id"] == request.state.request_id
    structlog.stdlib.get_logger("shelfgraph.inside").info("working")
    logging.getLogger("plain").info("working too")
    return PlainTextResponse(request.state.request_id)


async def _broken(request):
    raise RuntimeError("broken")


async def _socket(socket):
    await socket.accept()
    await socket.close(1000)


APP = logs.RequestLog(
    Starlette(
        routes=[
            Route("/", _hello),
            Route("/healthz", _hello),
            Route("/broken", _broken),
            WebSocketRoute("/live", _socket),
        ]
    )
)


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [("abc", True), ("a" * 128, True), ("a" * 129, False), ("a b", False), ("a\u00e9", False), (None, False)],
)
async def test_a_request_has_one_id_in_answer_and_every_line(written, given, is_kept):
    headers = {} if given is None else {"X-Request-ID": given.encode("latin-1")}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://mall") as client:
        answer = await client.get("/?phone=91234567", headers=headers)
    assert (answer.headers["x-request-id"] == given) is is_kept
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert answer.text == answer.headers["x-request-id"]
    lines = written()
    assert {line["request_id"] for line in lines} == {answer.text}
    last = lines[-1]
    assert (last["event"], last["method"], last["path"], last["status"]) == ("answered", "GET", "/", 200)
    assert "91234567" not in json.dumps(lines)


async def test_health_is_not_worth_a_line_and_a_failure_is(written):
    transport = httpx.ASGITransport(APP, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://mall") as client:
        await client.get("/healthz")
        assert [line for line in written() if line["logger"] == "shelfgraph.request"] == []
        assert (await client.get("/broken")).status_code == 500
    (line,) = [line for line in written() if line["logger"] == "shelfgraph.request"]
    assert line["status"] == 500


async def test_a_socket_has_its_id_too(written):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/live",
        "headers": [(b"x-request-id", b"my-own-id")],
        "query_string": b"",
    }
    await APP(scope, receive, send)
    assert (b"x-request-id", b"my-own-id") in sent[0]["headers"]
    (line,) = [line for line in written() if line["logger"] == "shelfgraph.request"]
    assert (line["method"], line["status"], line["request_id"]) == ("WEBSOCKET", 1000, "my-own-id")
