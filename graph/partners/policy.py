"""The house's say before an operation runs: published documents, masked fields and budgets."""

from __future__ import annotations

import re
from datetime import datetime
from typing import cast

from domain.access import Principal, PrincipalKind
from domain.partners import document_id
from domain.refusals import RequestCode, RequestError, Text
from graph.door.caller import OperationContext
from graph.door.documents import Operation
from graph.door.policy import Charge, not_found, required
from graph.door.requests import Asked
from graph.partners.budgets import Budgets
from graph.partners.documents import PublishedDocuments, library_of
from graph.partners.keys import WithKey
from graph.partners.usage import Usage
from graph.request import SignedContext
from graph.settings import FreeDocuments

_MOST_REGISTERED = 1_000
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:+/-]{0,63}")
_MOST_CLIENTS = 200
_NAMELESS = "-"


class HousePolicy:
    """What callers may run.

    Partners and devices call their own published documents only, unless everybody may send any. Where
    documents register themselves (development), one that came with its hash is known by it from then on.
    """

    def __init__(
        self,
        published: PublishedDocuments,
        budgets: Budgets,
        usage: Usage,
        *,
        free: FreeDocuments,
        register: bool,
        budget_per_minute: int | None,
    ) -> None:
        self._published = published
        self._budgets = budgets
        self._usage = usage
        self._free = free
        self._register = register
        self._budget = budget_per_minute
        self._registered: dict[str, str] = {}
        self._clients: set[str] = set()

    async def document(self, asked: Asked, context: OperationContext) -> str:
        """The text of the document that is meant.

        Raises RequestError: PERSISTED_QUERY_NOT_FOUND, PERSISTED_QUERY_REQUIRED.
        """
        viewer = _signed(context).viewer
        if asked.query is not None and self._may_send(viewer):
            if asked.is_automatic and asked.document_id and self._register:
                self._keep(asked.document_id, asked.query)
            return asked.query
        wanted = asked.document_id or document_id(asked.query or "")
        if asked.query is not None:
            wanted = document_id(asked.query)
        registered = self._registered.get(wanted)
        if registered is not None and self._may_send(viewer):
            return registered
        found = await self._published.find(library_of(viewer), wanted)
        if found is None:
            raise not_found(asked) if asked.query is None else required()
        return found.document

    async def admit(self, operation: Operation, points: int, context: OperationContext) -> Charge | None:
        """Lets an operation run; None where nothing is charged.

        Raises FORBIDDEN for fields that are masked for its caller, RATE_LIMITED, BUDGET_EXHAUSTED.
        """
        signed = _signed(context)
        standing, viewer = signed.standing, signed.viewer
        budget = self._budget
        if isinstance(standing, WithKey):
            terms = standing.terms
            budget = terms.budget_per_minute
            if not terms.masked.isdisjoint(operation.fields):
                raise _masked(sorted(terms.masked & operation.fields))
        caller = str(viewer) if viewer.is_signed_in else f"visitor:{signed.address}"
        charge = await self._budgets.charge(caller, points, budget=budget, now=lambda: _now(signed))
        library = library_of(viewer)
        client = viewer.subject if viewer.kind is PrincipalKind.PARTNER else self._client(signed.client)
        self._usage.count(operation, client, self._published.id_of(library, operation.source))
        return charge

    def _may_send(self, viewer: Principal) -> bool:
        if self._free is FreeDocuments.OWN_APPS:
            return viewer.kind not in (PrincipalKind.PARTNER, PrincipalKind.DEVICE)
        return self._free is FreeDocuments.EVERYBODY

    def _client(self, said: str | None) -> str:
        """What an application of our own says it is called; anybody may say anything, so they are bounded."""
        if said is None or not _CLIENT.fullmatch(said):
            return _NAMELESS
        if said not in self._clients:
            if len(self._clients) >= _MOST_CLIENTS:
                return _NAMELESS
            self._clients.add(said)
        return said

    def _keep(self, wanted: str, document: str) -> None:
        self._registered.pop(wanted, None)
        while len(self._registered) >= _MOST_REGISTERED:
            del self._registered[next(iter(self._registered))]
        self._registered[wanted] = document


def _signed(context: OperationContext) -> SignedContext:
    return cast("SignedContext", context)


def _now(context: SignedContext) -> datetime:
    return context.house.clock()


def _masked(fields: list[str]) -> RequestError:
    return RequestError(
        RequestCode.FORBIDDEN,
        Text(
            en=f"This partner may not see {', '.join(fields)}.",
            zh=f"该合作方无权查看 {'、'.join(fields)}。",
        ),
    )
