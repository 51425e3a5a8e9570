"""`shelfgraph operations`: published from what front ends' tools write, and checked against a new schema."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.partners import document_id
from graph.cli import app
from graph.partners.manifests import Unreadable, documents_in
from graph.schema import build_schema, printed

NAMES = "query Names {\n  channels {\n    code\n  }\n}"
STORE = "query Store($code: String!) {\n  store(code: $code) {\n    name\n  }\n}"
SPREAD = "query Spread {\n  channels {\n    ...C\n  }\n}\n"
FRAGMENT = "fragment C on Channel {\n  kind\n  ...D\n}\n\nfragment D on Channel {\n  active\n}\n"
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": hashlib.sha256(NAMES.encode()).hexdigest(), "name": "Names", "type": "query", "body": NAMES},
        {"id": "our-own-id", "name": "Store", "type": "query", "body": STORE},
    ],
}
RELAY = {hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(): text for text in (NAMES, STORE)}
CODEGEN = {hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(): text for text in (NAMES, STORE)}


def written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("manifest", "strange"), [(APOLLO, [None, "our-own-id"]), (RELAY, [None, None]), (CODEGEN, [None, None])]
)
def test_every_tool_s_manifest_is_read(tmp_path: Path, manifest: object, strange: list[str | None]) -> None:
    found = documents_in([written(tmp_path, "manifest.json", manifest)])
    assert [one.document for one in found] == [NAMES, STORE]
    assert [one.strange_id for one in found] == strange


def test_plain_files_are_read_with_the_fragments_of_their_folder(tmp_path: Path) -> None:
    written(tmp_path, "a/names.graphql", NAMES)
    written(tmp_path, "b/spread.gql", SPREAD)
    written(tmp_path, "fragments.graphql", FRAGMENT)
    written(tmp_path, "two.graphql", f"{STORE}\n{NAMES.replace('Names', 'Codes')}")
    written(tmp_path, "notes.txt", "no document")
    found = {one.where.rpartition(":")[2]: one.document for one in documents_in([tmp_path])}
    assert found.keys() == {"Names", "Spread", "Store", "Codes"}
    assert found["Names"] == NAMES  # to the letter, so that it hashes to what the client says
    assert found["Store"] == STORE
    assert found["Spread"].startswith("query Spread")
    assert "fragment D" in found["Spread"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", "{", "is no JSON"),
        ("a.json", [1], "is no manifest"),
        ("a.json", {}, "is no manifest"),
        ("a.json", {"operations": [{"id": "x"}]}, "entry 1"),
        ("a.json", {"x": 7}, "entry 1"),
        ("a.graphql", "query {\n  a(", "a.graphql:2"),
    ],
)
def test_what_is_no_document_is_one_line(tmp_path: Path, name: str, content: object, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        documents_in([written(tmp_path, name, content)])
    with pytest.raises(Unreadable, match="cannot be read"):
        documents_in([tmp_path / "absent.json"])


def test_published_and_checked_against_a_new_schema(
    fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFGRAPH_DATABASE_URL", fresh_database)
    here = CliRunner()

    def run(*arguments: str) -> tuple[int, str]:
        done = here.invoke(app, ["operations", *arguments])
        return done.exit_code, done.output

    manifest = str(written(tmp_path, "manifest.json", RELAY))
    code, said = run("publish", "app:h5", manifest)
    assert code == 0, said
    assert document_id(NAMES) in said
    assert "2 published for app:h5." in said
    assert run("publish", "app:h5", manifest)[0] == 0  # again, and nothing happens
    code, said = run("publish", "nobody", manifest)
    assert code == 2
    assert 'no partner "nobody"' in said
    wrong = str(written(tmp_path, "wrong.graphql", "query Wrong { channels { colour } }"))
    code, said = run("publish", "app:h5", wrong)
    assert code == 2
    assert "wrong.graphql:Wrong" in said
    assert "colour" in said

    assert run("check") == (0, "0 of 2 published documents would break.\n")
    head, channel, rest = printed(build_schema()).partition("\ntype Channel implements Node {")
    new_schema = head + channel + rest.replace("  code: String!\n", "", 1)
    new = str(written(tmp_path, "new.graphql", new_schema))
    code, said = run("check", "--schema", new)
    assert code == 1
    assert said.startswith(f"app:h5  Names  {document_id(NAMES)}  0 calls, never used\n")
    assert "'code'" in said
    assert "1 of 2 published documents would break." in said
    assert run("check", "--schema", new, "--client", "acme")[0] == 0
    assert run("check", "--schema", str(tmp_path / "absent"))[0] == 2
