"""What is told of things that went wrong inside, and that the log knows the rest."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.door.serving import Running, Serve


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("{ bug }", {"bug": None}),
        ("{ item { must } }", None),
        ("{ notNull }", None),
        ("{ huge }", {"huge": None}),
    ],
)
async def test_a_bug_is_told_by_its_number_only(running: Running, query: str, data: object) -> None:
    with capture_logs() as logs:
        answer = await running.ask(query)
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] == data
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["id"] in error["message"]
    assert set(error["extensions"]) == {"code", "id"}
    assert error["path"][-1] in query
    assert error["locations"]
    for word in ("SELECT", "Traceback", "RuntimeError", "non-null", "32-bit", ".py"):
        assert word not in answer.text
    (line,) = [line for line in logs if line["event"] == "internal_error"]
    assert line["error_id"] == error["extensions"]["id"]
    assert isinstance(line["exc_info"], BaseException)
    assert line["exc_info"].__traceback__ is not None or query == "{ huge }"


async def test_many_bugs_are_not_many_pages_of_log(running: Running) -> None:
    with capture_logs() as logs:
        answer = await running.ask("{" + " ".join(f"b{n}: bug" for n in range(25)) + "}")
    assert len(answer.json()["errors"]) == 25
    assert len([line for line in logs if line["event"] == "internal_error"]) == 10


@pytest.mark.parametrize(
    ("accept_language", "message"),
    [(None, "first is 1 to 100."), ("en", "first is 1 to 100."), ("zh-HK,en;q=0.5", "first 应为 1 到 100。")],
)
async def test_an_answer_is_told_in_the_callers_language(
    running: Running, accept_language: str | None, message: str
) -> None:
    headers = {"accept-language": accept_language} if accept_language else {}
    answer = await running.http.post("/graphql", json={"query": "{ wrongInput }"}, headers=headers)
    assert answer.json() == {
        "data": {"wrongInput": None},
        "errors": [
            {
                "message": message,
                "locations": [{"line": 1, "column": 3}],
                "path": ["wrongInput"],
                "extensions": {"code": "BAD_USER_INPUT"},
            }
        ],
    }


async def test_a_bug_before_anything_was_run(serve: Serve) -> None:
    running = await serve()
    running.shop.context_failure = RuntimeError("SELECT")
    with capture_logs() as logs:
        answer = await running.ask("{ hello }")
    assert answer.status_code == 500
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "SELECT" not in answer.text
    assert [line["event"] for line in logs] == ["internal_error"]


async def test_the_schema_is_neither_told_nor_guessed_at_when_it_is_closed(serve: Serve) -> None:
    running = await serve(introspection=False)
    told = await running.ask("{ __schema { types { name } } }")
    assert (told.status_code, told.json()["errors"][0]["extensions"]["code"]) == (
        200,
        "GRAPHQL_VALIDATION_FAILED",
    )
    for query, variables in (
        ("{ helo }", {}),
        ("mutation ($i: ItemInput!) { put(item: $i) }", {"i": {"sku": "a", "quantit": 1}}),
    ):
        guessed = await running.ask(query, variables=variables)
        assert "errors" in guessed.json()
        assert "Did you mean" not in guessed.text


async def test_the_schema_is_told_where_it_is_open(running: Running) -> None:
    told = await running.ask("{ __schema { queryType { name } } }")
    assert told.json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}
    assert "Did you mean 'hello'?" in (await running.ask("{ helo }")).text
