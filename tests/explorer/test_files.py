"""The explorer's files and page over plain HTTP: types, caching, packing, and the build itself."""

from __future__ import annotations

import gzip
import re

import httpx
import pytest

from graph.examples import EXAMPLES
from graph.explorer_files import FOLDER, PREFIX, manifest
from tests.explorer.mall import Mall

NAMES = sorted(path.stem for path in FOLDER.glob("*.gz"))


@pytest.fixture
def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=Mall().app())
    return httpx.AsyncClient(transport=transport, base_url="http://shelfgraph.test")


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [
        (".js", "text/javascript; charset=utf-8"),
        (".css", "text/css; charset=utf-8"),
        (".svg", "image/svg+xml"),
        (".ttf", "font/ttf"),
    ],
)
async def test_every_file_has_its_type_and_may_be_kept_for_ever(
    client: httpx.AsyncClient, suffix: str, media_type: str
) -> None:
    names = [name for name in NAMES if name.endswith(suffix)]
    assert names
    for name in names:
        answer = await client.get(f"{PREFIX}/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accepts", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("GZIP", True),
        ("identity", False),
        ("", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=nonsense", False),
        ("br", False),
    ],
)
async def test_a_file_is_sent_packed_only_where_that_is_understood(
    client: httpx.AsyncClient, accepts: str, packed: bool
) -> None:
    script = manifest().script
    answer = await client.get(f"{PREFIX}/{script}", headers={"accept-encoding": accepts})
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert answer.content == gzip.decompress((FOLDER / f"{script}.gz").read_bytes())
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_the_two_packings_have_two_etags_and_each_answers_304(client: httpx.AsyncClient) -> None:
    path = f"{PREFIX}/{manifest().style}"
    etags = []
    for accepts in ("gzip", "identity"):
        first = await client.get(path, headers={"accept-encoding": accepts})
        etags.append(first.headers["etag"])
        held = {"accept-encoding": accepts, "if-none-match": f'"other", W/{first.headers["etag"]}'}
        again = await client.get(path, headers=held)
        assert (again.status_code, again.content) == (304, b"")
    assert etags[0] != etags[1]
    other = await client.get(path, headers={"accept-encoding": "identity", "if-none-match": etags[0]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "name", ["manifest.json", "LICENSES", "nothing.js", "..%2f..%2fexamples.py", "%2e%2e"]
)
async def test_nothing_but_the_build_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"{PREFIX}/{name}")).status_code == 404


async def test_the_page_allows_its_own_host_alone(client: httpx.AsyncClient) -> None:
    page = await client.get("/graphql", headers={"accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    assert not re.search(r"https?:|\*", page.headers["content-security-policy"])
    assert not re.search(r"(src|href)=\"(https?:)?//", page.text)
    assert (
        await client.get("/graphql", headers={"accept": "text/html", "if-none-match": page.headers["etag"]})
    ).status_code == 304


async def test_the_page_behind_a_prefix_names_its_files_there() -> None:
    transport = httpx.ASGITransport(app=Mall().app(), root_path="/shop")
    async with httpx.AsyncClient(transport=transport, base_url="http://shelfgraph.test") as client:
        page = (await client.get("/shop/graphql", headers={"accept": "text/html"})).text
    assert f'src="/shop{PREFIX}/{manifest().script}"' in page
    assert 'data-examples="/shop/graphql/examples.json"' in page
    assert 'data-sign-in="/shop/dev/token"' in page


async def test_the_examples_are_served_in_order(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql/examples.json")
    assert [example["name"] for example in answer.json()["examples"]] == [
        example.name for example in EXAMPLES
    ]
    assert answer.json()["examples"][2]["variables"] == EXAMPLES[2].variables


def test_the_build_is_whole_small_and_licensed() -> None:
    names = manifest()
    for name in (names.script, names.style, names.icon, *names.workers.values()):
        assert name in NAMES
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_600_000
    assert not list(FOLDER.glob("*.map*"))
    packages = (FOLDER / "LICENSES").read_text().split("\n\n")[2].splitlines()
    assert {"graphiql", "monaco-editor", "react", "graphql-ws"} <= {row.split()[0] for row in packages}
    licences = {row.split(" ", 2)[2] for row in packages}
    assert licences <= {"(MIT)", "(ISC)", "(0BSD)", "(Apache-2.0)", "(BSD-2-Clause)", "(BSD-3-Clause)"}
