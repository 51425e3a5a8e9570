"""The simulated shelf of development: the labels of the database, hung up behind this very server's door."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from devices.shelf import Shelf
from devices.simulated import SimulatedGateway, SimulatedLabel
from domain.locales import translated
from graph.settings import Settings
from graph.tokens import Tokens, principal_for
from persistence.labels.hung import Hung, hung_labels
from resolvers.house import House

_TOKEN_LIFETIME = timedelta(hours=12)


async def hang_up(house: House, tokens: Tokens, settings: Settings) -> Shelf:
    """A shelf with every bound label of the database; its gateways subscribe as any other would."""
    async with house.database.connection() as db:
        hung = await hung_labels(db)
    return Shelf(
        [
            _gateway(code, list(labels), house, tokens, settings)
            for code, labels in groupby(hung, key=lambda each: each.gateway)
        ]
    )


def _gateway(
    code: str, labels: list[Hung], house: House, tokens: Tokens, settings: Settings
) -> SimulatedGateway:
    store = labels[0].store
    principal = principal_for("device", store=store, subject=code)

    async def token() -> str:
        return tokens.issue(principal, now=house.clock(), lifetime=_TOKEN_LIFETIME)

    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared only
    return SimulatedGateway(
        code,
        store,
        [SimulatedLabel(each.label, each.sku, each.model, each.position) for each in labels],
        url=f"ws://{f'[{host}]' if ':' in host else host}:{settings.port}/graphql",
        token=token,
        store_name=translated(labels[0].store_names, settings.default_locale, settings.default_locale),
        locale=settings.default_locale,
    )
