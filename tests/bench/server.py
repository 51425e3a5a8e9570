"""The server that is measured: the one that `shelfgraph serve` runs, with the ceilings beside its routes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graph.app import build_app
from graph.cli.terminal import log_as, one_line_refusals
from graph.serving import serve
from graph.settings import Settings, load
from resolvers.house import House
from tests.bench import ceilings


def build(settings: Settings) -> Starlette:
    """The application with the ceilings: through the same middleware, on the same pool."""
    app = build_app(settings)
    house: House = app.state.house

    async def fixed(_: Request) -> Response:
        return Response(ceilings.FIXED, media_type="application/json")

    async def product_list(request: Request) -> Response:
        asked = request.query_params
        after = datetime.fromisoformat(asked["after_at"]), UUID(asked["after_id"])
        return await told(ceilings.LIST, *after)

    async def product(request: Request) -> Response:
        return await told(ceilings.PRODUCT, request.query_params["handle"])

    async def variants(request: Request) -> Response:
        return await told(ceilings.VARIANTS, request.query_params["skus"].split(","))

    async def told(statement: str, *values: object) -> Response:
        stores = sorted(await house.directory.delivering_stores())
        async with house.database.connection() as db:
            text: str = await db.fetchval(statement, ceilings.CHANNEL, stores, *values)
        return Response(text, media_type="application/json")

    app.router.routes += [
        Route(ceilings.FIXED_PATH, fixed),
        Route(ceilings.LIST_PATH, product_list),
        Route(ceilings.PRODUCT_PATH, product),
        Route(ceilings.VARIANTS_PATH, variants),
    ]
    return app


def main() -> None:
    """Serves until told to end."""
    settings = load()
    log_as(settings)
    with one_line_refusals():
        serve(settings, build)


if __name__ == "__main__":
    main()
