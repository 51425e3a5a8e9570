"""A subscription that goes on after a cursor, whether or not its document had thought of that."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
    Visitor,
    visit,
)

from graph.door.documents import Operation

_AFTER = "after"


def resumed(
    schema: GraphQLSchema, operation: Operation, variables: dict[str, object], after: str
) -> tuple[Operation, dict[str, object]]:
    """The subscription and its variables as if its root field had been given `after`, whatever it was given.

    A variable in that place gets the cursor, so that the document stays one that is known; else the cursor
    is written into a copy of the document. A field that takes no `after` is left alone.
    """
    root = _root_field(operation)
    kind = schema.subscription_type
    if root is None or kind is None or _AFTER not in kind.fields[root.name.value].args:
        return operation, variables
    given = next((one.value for one in root.arguments or () if one.name.value == _AFTER), None)
    if isinstance(given, VariableNode):
        return operation, {**variables, given.name.value: after}
    document = cast("DocumentNode", visit(operation.document, _Giving(root, after)))
    return replace(operation, document=document, resumes_by=None), variables


class _Giving(Visitor):
    """Copies a document with the cursor in one of its fields."""

    def __init__(self, root: FieldNode, after: str) -> None:
        super().__init__()
        self._root = root
        self._argument = ArgumentNode(name=NameNode(value=_AFTER), value=StringValueNode(value=after))

    def enter_field(self, node: FieldNode, *_: object) -> FieldNode | None:
        """The root field with the cursor; None leaves every other one as it is."""
        if node is not self._root:
            return None
        others = tuple(one for one in node.arguments or () if one.name.value != _AFTER)
        return FieldNode(
            alias=node.alias,
            name=node.name,
            arguments=(*others, self._argument),
            directives=node.directives,
            selection_set=node.selection_set,
            loc=node.loc,
        )


def _root_field(operation: Operation) -> FieldNode | None:
    """The one field of a valid subscription, which may stand in a fragment."""
    fragments = {
        definition.name.value: definition
        for definition in operation.document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    for definition in operation.document.definitions:
        if isinstance(definition, OperationDefinitionNode) and (
            (definition.name.value if definition.name else None) == operation.name
        ):
            return _first_field(definition.selection_set, fragments)
    return None


def _first_field(
    selections: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]
) -> FieldNode | None:
    for selection in selections.selections:
        inner: SelectionSetNode
        if isinstance(selection, FieldNode):
            return selection
        if isinstance(selection, FragmentSpreadNode):
            inner = fragments[selection.name.value].selection_set
        else:
            inner = cast("InlineFragmentNode", selection).selection_set
        found = _first_field(inner, fragments)
        if found is not None:
            return found
    return None
