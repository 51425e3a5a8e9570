"""Which fields of the schema a document selects."""

from __future__ import annotations

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLAbstractType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    is_abstract_type,
    visit,
)


def selected_fields(schema: GraphQLSchema, document: DocumentNode) -> frozenset[str]:
    """Every field of a valid document as `Type.field`, an interface's also by the types that may answer it.

    Fields that start with two underscores are left out.
    """
    known = TypeInfo(schema)
    found = _Selected(schema, known)
    visit(document, TypeInfoVisitor(known, found))
    return frozenset(found.fields)


class _Selected(Visitor):
    def __init__(self, schema: GraphQLSchema, known: TypeInfo) -> None:
        super().__init__()
        self._schema = schema
        self._known = known
        self.fields: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        name, parent = node.name.value, self._known.get_parent_type()
        if parent is None or name.startswith("__"):
            return
        self.fields.add(f"{parent.name}.{name}")
        if is_abstract_type(parent):
            abstract: GraphQLAbstractType = parent
            self.fields.update(f"{one.name}.{name}" for one in self._schema.get_possible_types(abstract))
