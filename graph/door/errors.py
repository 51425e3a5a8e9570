"""What a client is told when something went wrong, and what only the log is told."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import structlog
from graphql import FieldNode, GraphQLError
from graphql.language import Node
from strawberry.exceptions import StrawberryInputCoercionError

from domain.refusals import RequestCode, RequestError, Text

Told = dict[str, object]
"""One entry of `errors`, ready to be encoded."""

Translate = Callable[[BaseException], RequestError | None]
"""Says which foreign exceptions are an answer (a database that is away is UNAVAILABLE), None for a bug."""

_log = structlog.get_logger("graph.door")
_MOST_LOGGED = 10
"""How many different bugs of one operation are logged; there can be one for every row of a list."""


class Rejected(Exception):  # noqa: N818 - an answer, not a fault of ours
    """A request that is answered with errors and nothing else, before anything of it was run."""

    def __init__(self, code: RequestCode, errors: Sequence[GraphQLError]) -> None:
        super().__init__(f"{code}: {'; '.join(error.message for error in errors)}")
        self.code = code
        self.errors = errors


def no_translation(_: BaseException) -> RequestError | None:
    """Every foreign exception is a bug."""
    return None


class Errors:
    """Turns exceptions into what one caller may read, in the caller's language.

    Made for one operation: a bug met twice in it has one id and one line in the log.
    """

    __slots__ = ("_ids", "_translate", "locale")

    def __init__(self, locale: str, translate: Translate = no_translation) -> None:
        self.locale = locale
        self._translate = translate
        self._ids: dict[int, tuple[str, BaseException | None]] = {}

    def anew(self) -> Errors:
        """The same words, for another operation."""
        return Errors(self.locale, self._translate)

    def of_rejected(self, rejected: Rejected) -> list[Told]:
        """The errors of a document or of variables, with where in the document they are."""
        return [self._placed(error, self._rejected(rejected.code, error)) for error in rejected.errors]

    def of_exception(self, error: BaseException) -> Told:
        """The error of a request that failed as a whole."""
        answer = self._answer_in(error)
        return self._told(answer) if answer is not None else self._internal(error)

    def of_fields(self, errors: Sequence[GraphQLError]) -> tuple[list[Told], RequestError | None]:
        """The errors of fields, and the first of them that is an answer of the whole house."""
        told: list[Told] = []
        first: RequestError | None = None
        for error in errors:
            answer = self._answer_in(error)
            if answer is not None:
                first = first or answer
                told.append(self._placed(error, self._told(answer)))
            elif _is_about_arguments(error):
                told.append(self._placed(error, self._rejected(RequestCode.BAD_USER_INPUT, error)))
            else:
                told.append(self._placed(error, self._internal(error.original_error or error)))
        return told, first

    def outage(self, errors: Sequence[GraphQLError] | None) -> RequestError | None:
        """The UNAVAILABLE among the errors of fields: the same, asked again shortly, may be answered."""
        for error in errors or ():
            answer = self._answer_in(error)
            if answer is not None and answer.code is RequestCode.UNAVAILABLE:
                return answer
        return None

    def _answer_in(self, error: BaseException) -> RequestError | None:
        """The RequestError an exception is, carries, or is translated to."""
        seen: BaseException | None = error
        while isinstance(seen, GraphQLError) and seen.original_error is not None:
            seen = seen.original_error
        if isinstance(seen, RequestError):
            return seen
        return self._translate(seen) if seen is not None and not isinstance(seen, GraphQLError) else None

    def _told(self, answer: RequestError) -> Told:
        extensions: dict[str, object] = {"code": answer.code.value}
        if answer.retry_after_seconds is not None:
            extensions["retryAfterSeconds"] = answer.retry_after_seconds
        extra = getattr(answer, "extensions", None)
        if isinstance(extra, dict):
            extensions.update(extra)
        return {"message": answer.text.in_language(self.locale), "extensions": extensions}

    def _rejected(self, code: RequestCode, error: GraphQLError) -> Told:
        answer = self._answer_in(error)
        if answer is not None and answer.code is RequestCode.BAD_USER_INPUT:
            return self._told(answer)
        return {"message": _without_foreign_words(error), "extensions": {"code": code.value}}

    def _internal(self, error: BaseException) -> Told:
        return {
            "message": self._internal_text(error),
            "extensions": {"code": RequestCode.INTERNAL.value, "id": self._id_of(error)},
        }

    def _internal_text(self, error: BaseException) -> str:
        id_ = self._id_of(error)
        return Text(
            en=f"Something went wrong on our side. Please quote {id_} when you ask us about it.",
            zh=f"系统内部错误，咨询时请提供编号 {id_}。",
        ).in_language(self.locale)

    def _id_of(self, error: BaseException) -> str:
        known = self._ids.get(id(error))
        if known is not None:
            return known[0]
        if len(self._ids) >= _MOST_LOGGED:
            return next(reversed(self._ids.values()))[0]
        id_ = secrets.token_hex(8)
        # The exception is kept beside its id, so that no other one gets its place in memory meanwhile.
        self._ids[id(error)] = (id_, error)
        _log.error("internal_error", error_id=id_, exc_info=error)
        return id_

    def _placed(self, error: GraphQLError, told: Told) -> Told:
        placed: Told = {"message": told["message"]}
        if error.locations:
            placed["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
        if error.path:
            placed["path"] = list(error.path)
        placed["extensions"] = told["extensions"]
        return placed


def _is_about_arguments(error: GraphQLError) -> bool:
    """Whether graphql-core itself raised it over an argument: then it points at a value, never at a field."""
    nodes: Sequence[Node] | None = error.nodes
    if isinstance(error.original_error, StrawberryInputCoercionError):
        return True
    return error.original_error is None and bool(nodes) and not isinstance((nodes or ())[0], FieldNode)


def _without_foreign_words(error: GraphQLError) -> str:
    """The message, less what a scalar's own exception said: that may name things inside the house."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return error.message
    return error.message.replace(f", but encountered error '{cause}'; found", ", found")
