"""Documents that were read, found valid and weighed; each once, as long as the cache keeps it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError

from domain.refusals import RequestCode, RequestError
from graph.door.errors import Rejected
from graph.door.limits import Cost, Limits, Scales, TooCostly
from graph.door.selected import selected_fields

# graphql-core compares fields of one name in pairs and gives up after this many steps. Its own number lets
# 2,400 bytes of `a{s}a{s}…` hold the event loop for more than a second; real documents need a few thousand.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 20_000
_MOST_ERRORS = 20
# The tokens of a document as GraphQL has them, and comments: counting takes a tenth of what reading does.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|#[^\n\r]*'
    r"|[_A-Za-z]\w*|-?[0-9][\w.+-]*|\.\.\.|[!$&()\[\]{}:=@|]",
    re.DOTALL,
)
_NUL = re.compile(r"\\u(0000|\{0+\})")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a valid document, ready to be run."""

    document: DocumentNode
    name: str | None
    type: OperationType
    cost: Cost
    fixed_cost: int | None
    """The points, when no variable changes them."""
    source: str
    """The document's text; the very same object for as long as it is kept."""
    fields: frozenset[str]
    """What the whole document selects, as `Type.field`."""
    resumes_by: str | None = None
    """The variable that tells a stream where its reader left off, when it is there for nothing else; an empty
    text when nothing tells."""
    identity: object = field(default_factory=object)
    """The same for all copies of it; what is read once and kept has one, so equal texts have the same."""


@dataclass(frozen=True, slots=True)
class _Document:
    operations: dict[str, Operation]
    characters: int


class Documents:
    """The valid documents of one schema, the least recently used forgotten first.

    Only what is valid is kept, so that no mistake is ever answered from memory. What is kept is bounded by
    number and by characters: a parsed document takes about 150 bytes for each of its own.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        introspection: bool,
        most: int = 1_000,
        most_characters: int = 400_000,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._scales = Scales(schema, limits)
        self._hide_suggestions = not introspection
        self._rules: tuple[type[ASTValidationRule], ...] = specified_rules
        if not introspection:
            self._rules = (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._most = most
        self._most_characters = most_characters
        self._kept: dict[str, _Document] = {}
        self._characters = 0

    def __len__(self) -> int:
        return len(self._kept)

    def operation(self, source: str, name: str | None) -> Operation:
        """The operation of a document that a request names, or its only one.

        Raises Rejected with GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED or, for the choice of the
        operation, BAD_USER_INPUT; TooCostly for what no variables can make cheap enough.
        """
        document = self._kept.pop(source, None)
        if document is None:
            document = self._read(source)
            self._make_room(document.characters)
            self._characters += document.characters
        # Put at the end, also when it was there: the first is the least recently used.
        self._kept[source] = document
        return _chosen(document.operations, name)

    def _make_room(self, characters: int) -> None:
        while self._kept and (
            len(self._kept) >= self._most or self._characters + characters > self._most_characters
        ):
            oldest = next(iter(self._kept))
            self._characters -= self._kept.pop(oldest).characters

    def _read(self, source: str) -> _Document:
        document = self._parse(source)
        # Weighed before it is validated: validation is what the heaviest documents would keep busy.
        costs = self._scales.weigh(document)
        errors = validate(
            self._schema,
            document,
            self._rules,
            max_errors=_MOST_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if errors:
            if all(isinstance(error, ValidationAbortedError) for error in errors):
                raise TooCostly("comparisons", None, overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET)
            raise Rejected(RequestCode.GRAPHQL_VALIDATION_FAILED, errors)
        fields = selected_fields(self._schema, document)
        operations: dict[str, Operation] = {}
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                name = definition.name.value if definition.name else None
                cost = costs[name or ""]
                fixed = cost.get((), 0) if cost.keys() <= {()} else None
                operations[name or ""] = Operation(
                    document,
                    name,
                    definition.operation,
                    cost,
                    fixed,
                    source,
                    fields,
                    _resumes_by(document, definition),
                )
        return _Document(operations, len(source))

    def _parse(self, source: str) -> DocumentNode:
        limits = self._limits
        if len(source) > limits.characters:
            raise TooCostly("characters", len(source), limits.characters)
        if _NUL.search(source):
            raise RequestError.bad_input(
                en="A string in the document contains U+0000, which no text here may hold.",
                zh="文档中的字符串含有字符 U+0000，文本中不允许出现该字符。",
            )
        if next(islice(_TOKEN.finditer(source), limits.tokens, None), None) is not None:
            raise TooCostly("tokens", None, limits.tokens)
        try:
            return parse(source, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
        except GraphQLSyntaxError as error:
            if "Document contains more than" in error.message:
                raise TooCostly("tokens", None, limits.tokens) from None
            raise Rejected(RequestCode.GRAPHQL_PARSE_FAILED, [error]) from None


def _chosen(operations: dict[str, Operation], name: str | None) -> Operation:
    if name:
        operation = operations.get(name)
        if operation is None:
            raise Rejected(
                RequestCode.BAD_USER_INPUT, [GraphQLError(f"The document has no operation named '{name}'.")]
            )
        return operation
    if len(operations) != 1:
        raise RequestError.bad_input(
            en="The document has several operations: say which one in operationName.",
            zh="文档包含多个操作，请用 operationName 指明要执行的操作。",
        )
    return next(iter(operations.values()))


def _resumes_by(document: DocumentNode, definition: OperationDefinitionNode) -> str | None:
    root = definition.selection_set.selections[0]
    if definition.operation is not OperationType.SUBSCRIPTION or not isinstance(root, FieldNode):
        return None
    after = next((one.value for one in root.arguments or () if one.name.value == "after"), None)
    if after is None:
        return ""
    if not isinstance(after, VariableNode):
        return None
    name = after.name.value
    has_default = any(
        one.variable.name.value == name and one.default_value is not None
        for one in definition.variable_definitions or ()
    )
    counted = _Variables()
    visit(document, counted)
    # Where it is declared, and here.
    return name if counted.found[name] == 2 and not has_default else None


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.found[node.name.value] += 1
