"""What a client asked for, read from a JSON body, a query string or a socket's message."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from domain.refusals import RequestError


@dataclass(frozen=True, slots=True)
class Asked:
    """One GraphQL request; `document_id` is `sha256:<hex>`, for who names a document and sends none."""

    query: str | None
    document_id: str | None
    operation_name: str | None
    variables: dict[str, object]
    operation_id: str | None = None
    """The name of the operation in an event stream that several share."""
    is_automatic: bool = False
    """Whether the id came as `extensions.persistedQuery`, from a client that sends the text where it is
    not known."""


def from_json(body: bytes | bytearray) -> Asked:
    """The request in a JSON body. Raises RequestError with BAD_USER_INPUT, saying what is wrong with it."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError.bad_input(
            en=f"The body is not JSON in UTF-8: {error.msg} (line {error.lineno}, column {error.colno}).",
            zh=f"请求体不是 UTF-8 编码的 JSON（第 {error.lineno} 行第 {error.colno} 列）。",
        ) from None
    if isinstance(value, list):
        raise RequestError.bad_input(
            en="Batches are not answered: send one JSON object per request.",
            zh="不支持批量请求，每次请求请只发送一个 JSON 对象。",
        )
    if not isinstance(value, dict):
        raise RequestError.bad_input(
            en='The body has to be a JSON object such as {"query": "{ channels { code } }"}.',
            zh='请求体必须是 JSON 对象，例如 {"query": "{ channels { code } }"}。',
        )
    asked = from_mapping(value)
    if b"\\u0000" in body:
        refuse_nul(asked)
    return asked


def from_query_string(parameters: Mapping[str, str]) -> Asked:
    """The request in a URL, where variables and extensions are JSON texts. Raises BAD_USER_INPUT."""
    value: dict[str, object] = dict(parameters)
    for name in ("variables", "extensions"):
        text = parameters.get(name)
        if text is None:
            continue
        try:
            value[name] = orjson.loads(text) if text else None
        except orjson.JSONDecodeError:
            raise RequestError.bad_input(
                en=f"The parameter {name} is not JSON.", zh=f"参数 {name} 不是 JSON。"
            ) from None
    asked = from_mapping(value)
    refuse_nul(asked)
    return asked


def from_mapping(value: Mapping[str, object]) -> Asked:
    """The request in an object. Raises BAD_USER_INPUT for members of the wrong kind."""
    query = _text(value, "query")
    document_id = _text(value, "documentId")
    operation_name = _text(value, "operationName")
    variables = _object(value, "variables")
    extensions = _object(value, "extensions")
    is_automatic = "persistedQuery" in extensions
    if is_automatic:
        document_id = _persisted(extensions["persistedQuery"], query)
    if query is None and document_id is None:
        raise RequestError.bad_input(en="The request has no query.", zh="请求缺少 query。")
    operation_id = _text(extensions, "operationId")
    return Asked(query, document_id, operation_name, variables, operation_id, is_automatic)


def refuse_nul(asked: Asked) -> None:
    """Raises BAD_USER_INPUT for a variable with the character U+0000, which PostgreSQL holds in no text."""
    if _has_nul(asked.variables):
        raise RequestError.bad_input(
            en="A variable contains the character U+0000, which no text here may hold.",
            zh="变量中含有字符 U+0000，文本中不允许出现该字符。",
        )


def _text(value: Mapping[str, object], name: str) -> str | None:
    text = value.get(name)
    if text is None or isinstance(text, str):
        return text
    raise RequestError.bad_input(en=f"{name} has to be a string.", zh=f"{name} 必须是字符串。")


def _object(value: Mapping[str, object], name: str) -> dict[str, object]:
    member = value.get(name)
    if member is None:
        return {}
    if isinstance(member, dict):
        return member
    raise RequestError.bad_input(en=f"{name} has to be an object.", zh=f"{name} 必须是对象。")


def _persisted(value: object, query: str | None) -> str:
    """The document id of an `extensions.persistedQuery`, which has to fit the query sent beside it."""
    hash_ = value.get("sha256Hash") if isinstance(value, dict) else None
    if not isinstance(hash_, str):
        raise RequestError.bad_input(
            en="extensions.persistedQuery needs sha256Hash.", zh="extensions.persistedQuery 缺少 sha256Hash。"
        )
    if query is not None and hashlib.sha256(query.encode()).hexdigest() != hash_.lower():
        raise RequestError.bad_input(
            en="extensions.persistedQuery.sha256Hash is not the hash of the query.",
            zh="extensions.persistedQuery.sha256Hash 与 query 不符。",
        )
    return f"sha256:{hash_.lower()}"


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(map(_has_nul, value.values()))
    return isinstance(value, list) and any(map(_has_nul, value))
