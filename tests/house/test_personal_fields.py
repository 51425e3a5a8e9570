"""Every field that tells something of a person passes the gate: found by walking the whole schema."""

from __future__ import annotations

import re

from graphql import GraphQLObjectType, is_introspection_type
from strawberry.utils.str_converters import to_camel_case

from domain.members.sight import Sight
from graph.schema import build_schema
from resolvers.members.gate import PERSONAL

# Shapes of a person, whole: every field of theirs is personal, but for what names nobody.
PERSONS = {"Member", "MemberIdentity", "MemberLook", "Consent", "Address"}
NAMES_NOBODY = {"Member.id"}
# What a field is called that tells of a person, in whatever shape.
TELLING = re.compile(
    r"phone|e_?mail|street|postal|birth|gender|openid|identit|subject|consent|recipient|receiver|full_?name"
    r"|first_?name|last_?name|nickname|member_?code|id_?card|passport|biometric",
    re.IGNORECASE,
)


def declared():
    """Every field of every object type: the shape, the name, the metadata."""
    for kind in build_schema().type_map.values():
        if isinstance(kind, GraphQLObjectType) and not is_introspection_type(kind):
            for field in kind.extensions["strawberry-definition"].fields:
                name = field.graphql_name or to_camel_case(field.python_name)
                if name in kind.fields:  # what a shape has for itself is in no schema
                    yield kind.name, name, field.metadata


def must_be_gated(shape, name):
    """Whether a field is personal by the shape it stands in, or by its name."""
    if f"{shape}.{name}" in NAMES_NOBODY or shape in ("Query", "Mutation", "Subscription"):
        return False
    return shape in PERSONS or TELLING.search(name) is not None


def test_every_personal_field_passes_the_gate():
    ungated = [
        f"{shape}.{name}"
        for shape, name, metadata in declared()
        if must_be_gated(shape, name) and not isinstance(metadata.get(PERSONAL), Sight)
    ]
    assert not ungated, (
        "These tell something of a person: declare them with `personal(Sight…)` of "
        "resolvers/members/gate.py, so that it is decided for whom:\n" + "\n".join(ungated)
    )


def test_shapes_of_persons_are_all_there():
    assert {shape for shape, *_ in declared()} >= PERSONS
    gated = {shape for shape, _, metadata in declared() if PERSONAL in metadata}
    assert gated == PERSONS, "a shape with a gated field is one of a person: name it in PERSONS"


def test_this_test_sees_a_field_without_a_gate():
    seen = [
        must_be_gated(*one.split(".")) for one in ("Pickup.recipientPhone", "Member.points", "Product.name")
    ]
    assert seen == [True, True, False]
