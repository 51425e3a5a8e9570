"""Documents as the tools of front ends write them down: manifests in JSON, and plain .graphql files.

- Apollo's persisted query manifest: `{"operations": [{"id": "<hash>", "body": "<document>", …}], …}`
- Relay's persisted map and graphql-codegen's client preset: `{"<hash>": "<document>"}`
- `.graphql` and `.gql` files, whose operations may use fragments of the other files
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    print_ast,
    separate_operations,
)

_PLAIN = (".graphql", ".gql")
_HASHES = {64: "sha256", 32: "md5", 40: "sha1"}


class Unreadable(Exception):  # noqa: N818 - what it says is for whoever wrote the file
    """A file that holds no documents; the message is one line."""


class Found(NamedTuple):
    """A document, where it was found, and the id its client calls it by where that is no hash of it."""

    document: str
    where: str
    strange_id: str | None = None


def documents_in(paths: Iterable[Path]) -> list[Found]:
    """Every document in files and folders, each once. Raises Unreadable."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(one for one in path.rglob("*") if one.suffix in _PLAIN)
        else:
            files.append(path)
    plain = [path for path in files if path.suffix in _PLAIN]
    found = _of_plain_files(plain)
    for path in files:
        if path.suffix not in _PLAIN:
            found += _of_manifest(path)
    return list({one.document: one for one in found}.values())


def _of_manifest(path: Path) -> list[Found]:
    try:
        value = orjson.loads(_read(path))
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"{path} is no JSON: {error.msg} (line {error.lineno}).") from error
    if isinstance(value, dict) and isinstance(value.get("operations"), list):
        pairs = [
            (one.get("id"), one.get("body")) if isinstance(one, dict) else (None, None)
            for one in value["operations"]
        ]
    elif isinstance(value, dict):
        pairs = list(value.items())
    else:
        pairs = []
    if not pairs:
        raise Unreadable(f"{path} is no manifest of Apollo, Relay or graphql-codegen, or an empty one.")
    found = []
    for number, (id_, document) in enumerate(pairs, 1):
        if not isinstance(id_, str) or not isinstance(document, str):
            raise Unreadable(f"{path}: entry {number} has no id or no document.")
        found.append(Found(document, f"{path}#{number}", None if _is_hash(id_, document) else id_))
    return found


def _is_hash(id_: str, document: str) -> bool:
    kind = _HASHES.get(len(id_))
    return kind is not None and hashlib.new(kind, document.encode(), usedforsecurity=False).hexdigest() == id_


def _of_plain_files(paths: Sequence[Path]) -> list[Found]:
    texts = {path: _read(path).decode() for path in paths}
    parsed: dict[Path, DocumentNode] = {}
    for path, text in texts.items():
        try:
            parsed[path] = parse(text)
        except GraphQLSyntaxError as error:
            line = error.locations[0].line if error.locations else 1
            raise Unreadable(f"{path}:{line}: {error.message}") from error
    fragments: dict[str, FragmentDefinitionNode] = {}
    for document in parsed.values():
        for definition in document.definitions:
            if isinstance(definition, FragmentDefinitionNode):
                fragments.setdefault(definition.name.value, definition)
    found = []
    for path, document in parsed.items():
        operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        for name, whole in _whole(operations, fragments).items():
            is_the_file = len(operations) == 1 and len(whole.definitions) == len(document.definitions)
            text = texts[path] if is_the_file else print_ast(whole)
            found.append(Found(text, f"{path}:{name}"))
    return found


def _whole(
    operations: list[OperationDefinitionNode], fragments: dict[str, FragmentDefinitionNode]
) -> dict[str, DocumentNode]:
    """By name: each operation with the fragments it uses, and no others."""
    document = DocumentNode(definitions=(*operations, *fragments.values()))
    return separate_operations(document) if operations else {}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error
