"""Writes the source of one operation: a function for every object, list and union that it may answer.

In the source `x` is the Run, `src` the object whose fields are answered, `at` where that stands, `out` the
answer for it. Numbered names are bound beside the source: P places, F functions, C classes, E names of enum
members, S writers of scalars, T types, K constant arguments, O objects by type, B checks.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    Visitor,
    default_field_resolver,
    is_abstract_type,
    is_leaf_type,
    is_type,
    visit,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from graphql.type.introspection import TypeNameMetaFieldDef
from graphql.type.scalars import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
)

from graph.compiled import completing
from graph.compiled.arguments import Arguments
from graph.compiled.insight import Attribute, Call, Insight, Same
from graph.compiled.places import At, Complete, Place
from graph.compiled.run import PLAIN, Run, is_plain, no_null, unwritten

MOST_FUNCTIONS = 600
"""A document that wants more is left to graphql-core; the largest of ours want fifty."""

_AS_IT_IS = {
    GraphQLString: "v.__class__ is str",
    GraphQLID: "v.__class__ is str",
    GraphQLBoolean: "v.__class__ is bool",
    GraphQLInt: "v.__class__ is int and -2147483648 <= v <= 2147483647",
    # Neither infinite nor no number.
    GraphQLFloat: "v.__class__ is float and v - v == 0.0",
}
"""When a value of a built-in scalar is written as it is."""


_NUMBERED = re.compile(r"[A-Z]\d+")


class CannotCompile(Exception):  # noqa: N818 - no error: graphql-core does it then
    """An operation that is left to graphql-core, and why."""


class Written:
    """The source of an operation, and what its names stand for."""

    def __init__(self, source: str, names: dict[str, Any], roots: Sequence[str]) -> None:
        self.source = source
        self.legend = {name: _described(value) for name, value in names.items() if _NUMBERED.fullmatch(name)}
        """What the numbered names in it stand for, in words."""
        exec(compile(source, "<compiled operation>", "exec"), names)  # noqa: S102 - written below, from names of the schema
        self.roots: list[Callable[[Run, Any, At | None], object]] = [names[root] for root in roots]


class Writer:
    """Writes one operation of a valid document, for one outcome of its conditions."""

    def __init__(
        self,
        schema: GraphQLSchema,
        insight: Insight,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        conditions: Mapping[str, bool],
    ) -> None:
        self._schema = schema
        self._insight = insight
        self._operation = operation
        self._fragments = fragments
        self._conditions = VariableValues({}, dict(conditions))
        self._names: dict[str, Any] = {
            "plain": PLAIN,
            "Undefined": Undefined,
            "no_null": no_null,
            "unwritten": unwritten,
        }
        self._bound: dict[tuple[str, int], str] = {}
        self._functions: list[str] = []
        self._objects: dict[tuple[object, ...], str] = {}
        self._places: list[Place] = []
        self._after: list[Callable[[dict[str, Any]], Complete]] = []
        """What completes each of these places, once the functions are there."""
        self._numbered = 0
        self.templates: list[Arguments] = []

    def write(self) -> Written:
        """The whole operation. Raises CannotCompile for what is too large or not known here."""
        operation = self._operation
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            raise CannotCompile("the schema has no such root")
        if any(one.name.value not in ("skip", "include") for one in operation.directives or ()):
            raise CannotCompile("a directive on the operation")
        try:
            collected = collect_fields(self._schema, self._fragments, self._conditions, root, operation)
            fields = dict(collected.grouped_field_set)
            # Mutations happen one after another: each field is a function of its own.
            groups = [{key: fields[key]} for key in fields] if self.is_serial else [fields]
            roots = [self._object(root, group, "x.data") for group in groups]
        except RecursionError:
            raise CannotCompile("nested too deeply") from None
        source = "\n\n".join(reversed(self._functions)) + "\n"
        written = Written(source, self._names, roots)
        for place, completion in zip(self._places, self._after, strict=True):
            place.complete = completion(self._names)
        return written

    @property
    def is_serial(self) -> bool:
        """Whether its fields at the root are executed one after another."""
        return self._operation.operation is OperationType.MUTATION

    # ------------------------------------------------------------ names

    def _bind(self, prefix: str, value: Any) -> str:
        known = self._bound.get((prefix, id(value)))
        if known is None:
            known = self._bound[prefix, id(value)] = f"{prefix}{len(self._bound) + 1}"
            self._names[known] = value
        return known

    def _define(self, lines: Sequence[str]) -> None:
        if len(self._functions) >= MOST_FUNCTIONS:
            raise CannotCompile("too large")
        self._functions.append("\n".join(lines))

    def _new_name(self, stem: str) -> str:
        self._numbered += 1
        return f"{stem}_{self._numbered}"

    # ------------------------------------------------------------ objects

    def _object_of(self, type_: GraphQLObjectType, details: Sequence[FieldDetails]) -> str:
        """The name of the function that answers objects of a type, for the fields these nodes select."""
        key = (type_.name, *(id(detail.node) for detail in details))
        known = self._objects.get(key)
        if known is not None:
            return known
        collected = collect_subfields(
            self._schema, self._fragments, self._conditions, self._operation, type_, list(details)
        )
        return self._object(type_, dict(collected.grouped_field_set), "{}", key)

    def _object(
        self,
        type_: GraphQLObjectType,
        fields: Mapping[str, list[FieldDetails]],
        out: str,
        key: tuple[object, ...] | None = None,
    ) -> str:
        name = self._new_name(type_.name)
        self._objects[key or (name,)] = name
        body: list[str] = []
        for response_key, details in fields.items():
            body += self._field(type_, response_key, details)
        lines = [f"def {name}(x, src, at, sure=False):"]
        if key is not None:
            lines += self._type_check(type_)
        lines.append(f"    out = {out}")
        text = "\n".join(body)
        for local, of in (("info", "x.info"), ("new", "x.new"), ("args", "x.arguments")):
            if re.search(rf"\b{local}[\[.),]", text):
                lines.append(f"    {local} = {of}")
        self._define([*lines, *_in(body), "    return out"])
        return name

    def _type_check(self, type_: GraphQLObjectType) -> list[str]:
        if type_.is_type_of is None:
            return []
        seen = ""
        cls = self._insight.python_class(type_)
        if cls is not None:
            seen = f"({self._is_other('src', cls)}) and "
        bound = self._bind("T", type_)
        return [f"    if not sure and {seen}not x.is_of({bound}, src, at):", "        return None"]

    def _is_other(self, variable: str, cls: type) -> str:
        other = f"{variable}.__class__ is not {self._bind('C', cls)}"
        return (
            other
            if self._insight.marks is None
            else f"{other} or {self._insight.marks!r} in {variable}.__dict__"
        )

    # ------------------------------------------------------------ fields

    def _field(self, parent: GraphQLObjectType, key: str, details: list[FieldDetails]) -> list[str]:
        node = details[0].node
        field = self._schema.get_field(parent, node.name.value)
        if field is None:
            return []
        if field is TypeNameMetaFieldDef:
            return [f"out[{key!r}] = {parent.name!r}"]
        inner, nullable = _nullable(field.type)
        place = Place(parent, field, [detail.node for detail in details], inner, nullable=nullable)
        bound = self._bind("P", place)
        completed = self._complete(place, details)
        where = f"(at, {key!r}, out, {bound})"
        before, value, is_awaited, needs_info = self._value(field, node)
        to = f"out[{key!r}] = "
        lines = [f"# {key}: {field.type}"]
        leaf = is_leaf_type(inner)
        if needs_info or not (leaf or is_awaited):
            lines.append(f"p = {where}")
            where = "p"
        lines += ["try:", *_in(before)]
        if is_awaited:
            lines += [f"    new.append(({value}, {where}))", f"    {to}None"]
        elif leaf:
            lines += [f"    v = {value}", *_in(self._leaf(to, inner, where, nullable=nullable))]
        else:
            lines += [f"    v = {value}", f"    {to}{completed.format(where=where)}"]
        return [*lines, *_except(to, where)]

    def _value(self, field: GraphQLField, node: FieldNode) -> tuple[list[str], str, bool, bool]:
        """What comes before, the value, whether it is known to be awaited, and whether it needs its place."""
        how = self._insight.field(field)
        if isinstance(how, Same):
            return [], "src", False, False
        if isinstance(how, Attribute):
            if how.name.isidentifier() and not keyword.iskeyword(how.name):
                return [], f"src.{how.name}", False, False
            return [], f"getattr(src, {how.name!r})", False, False
        if how is None:
            function = field.resolve or default_field_resolver
            before, given = self._arguments(Arguments(field, node, None, keeps=False), node, field)
            return before, f"{self._bind('F', function)}(src, x.resolve_info(p){given})", False, True
        return self._call(how, field, node)

    def _call(self, how: Call, field: GraphQLField, node: FieldNode) -> tuple[list[str], str, bool, bool]:
        before: list[str] = []
        if how.check is not None:
            check = self._bind("B", how.check)
            number = int(check[1:])
            before += [
                f"if {number} not in x.allowed:",
                f"    {check}(x.context)",
                f"    x.allowed.add({number})",
            ]
        arguments = Arguments(field, node, how.convert, keeps=how.keeps_arguments)
        more, given = self._arguments(arguments, node, field)
        is_awaited = inspect.iscoroutinefunction(how.function)
        needs_info = how.info is not None and not how.shares_info
        told = ""
        if how.info is not None:
            told = "info" if how.shares_info else f"{self._bind('I', how.wrap_info)}(x.resolve_info(p))"
            told = f"{how.info}={told}"
        given = given.removeprefix(", ")
        parts = ", ".join(part for part in ("src" if how.source else "", told, given) if part)
        value = f"{self._bind('F', how.function)}({parts})"
        return [*before, *more], value, is_awaited, needs_info

    def _arguments(self, arguments: Arguments, node: FieldNode, field: GraphQLField) -> tuple[list[str], str]:
        if not field.args:
            return [], ""
        if not _has_variables(node):
            try:
                values = arguments.values(VariableValues({}, {}), hide_suggestions=False)
            except Exception:  # noqa: BLE001 - raised again for each call, where it is told
                values = None
            if values is not None and arguments.may_be_kept(values):
                return [], "".join(
                    f", {name}={self._constant(value)}"
                    if name.isidentifier()
                    else f", **{{{name!r}: {self._constant(value)}}}"
                    for name, value in values.items()
                )
        number = len(self.templates)
        self.templates.append(arguments)
        return [f"a = args[{number}]", "if a is None:", f"    a = x.given({number})"], ", **a"

    def _constant(self, value: Any) -> str:
        if value is None or type(value) in (bool, int, str):
            return repr(value)
        return self._bind("K", value)

    # ------------------------------------------------------------ values

    def _leaf(self, to: str, type_: Any, where: str, *, nullable: bool) -> list[str]:
        """Lines that put the leaf `v` where it belongs."""
        expected = _AS_IT_IS.get(type_)
        members = self._insight.enum_class(type_)
        if expected is not None:
            or_null = " or v is None" if nullable else ""
            return [f"{to}v if {expected}{or_null} else x.odd(v, {where})"]
        if members is not None:
            cls, names = members
            null = "None if v is None else " if nullable else ""
            written = f"{self._bind('E', names)}[v._name_]"
            return [f"{to}{written} if v.__class__ is {self._bind('C', cls)} else {null}x.odd(v, {where})"]
        lines = ["if v.__class__ in plain:"]
        coerce: Any = type_.coerce_output_value
        if coerce is str:
            lines.append(f"    {to}str(v)")
        else:
            lines += [
                f"    w = {self._bind('S', coerce)}(v)",
                "    if w is None or w is Undefined:",
                f"        raise unwritten({self._bind('T', type_)}, v, w)",
                f"    {to}w",
            ]
        if nullable:
            lines += ["elif v is None:", f"    {to}None"]
        return [*lines, "else:", f"    {to}x.odd(v, {where})"]

    def _complete(self, place: Place, details: Sequence[FieldDetails]) -> str:
        """Sees to what completes a place; the expression that does so for `v`, with `{{where}}` left open."""
        type_ = place.type
        if is_leaf_type(type_):
            place.complete = completing.leaf(place, type_.coerce_output_value)
            return ""
        null = "None if v is None else " if place.nullable else ""
        odd = f"{null}x.odd(v, {{where}})"
        if isinstance(type_, GraphQLObjectType):
            answer = self._object_of(type_, details)
            self._after.append(lambda names: completing.an_object(place, names[answer]))
            self._places.append(place)
            cls = self._insight.python_class(type_)
            if cls is not None and is_plain(cls):
                return f"{answer}(x, v, {{where}}) if v.__class__ is {self._bind('C', cls)} else {odd}"
            return f"{answer}(x, v, {{where}}) if v.__class__ in plain else {odd}"
        if is_abstract_type(type_):
            self._abstract(place, type_, details)
            return odd
        function = self._list(place, details)
        self._after.append(lambda names: names[function])
        self._places.append(place)
        return f"{function}(x, v, {{where}}) if v.__class__ in plain else {odd}"

    def _abstract(self, place: Place, type_: GraphQLAbstractType, details: Sequence[FieldDetails]) -> None:
        marks = self._insight.marks
        goes_by_class = self._insight.goes_by_class(type_)
        answers: dict[str, str] = {}
        classes: dict[type, str] = {}
        for possible in self._schema.get_possible_types(type_):
            answers[possible.name] = self._object_of(possible, details)
            cls = self._insight.python_class(possible) if goes_by_class else None
            if cls is not None and is_plain(cls):
                classes[cls] = answers[possible.name]

        def bound(names: dict[str, Any]) -> Complete:
            objects = {name: names[answer] for name, answer in answers.items()}
            by_class = {cls: names[answer] for cls, answer in classes.items()}
            return completing.abstract(place, objects, by_class, marks)

        self._after.append(bound)
        self._places.append(place)

    def _list(self, place: Place, details: Sequence[FieldDetails]) -> str:
        """The name of the function that answers a list."""
        name = self._new_name(place.field_name)
        lists: GraphQLList[GraphQLOutputType] = place.type  # type: ignore[assignment]
        inner, nullable = _nullable(lists.of_type)
        item = Place(place.parent, place.field, place.nodes, inner, nullable=nullable, of_item=True)
        where = f"(at, i, items, {self._bind('P', item)})"
        completed = self._complete(item, details)
        null = "return None" if place.nullable else f"raise no_null({self._bind('P', place)})"
        lines = [
            f"def {name}(x, v, at):",
            "    if v.__class__ is not list:",
            "        if v is None:",
            f"            {null}",
            "        v = x.listed(v, at)",
            "        if v is None:",
            "            return None",
            "    items = []",
            "    each = enumerate(v)",
            "    for i, v in each:",
        ]
        failed = "failed" if nullable else "failed_item"
        others = "" if nullable else ", each"
        if is_leaf_type(inner):
            body = ["try:", *_in(self._leaf("w = ", inner, where, nullable=nullable)), "    items.append(w)"]
        else:
            body = [f"p = {where}", "try:", f"    items.append({completed.format(where='p')})"]
            where = "p"
        body += ["except Exception as e:", f"    items.append(x.{failed}(e, {where}{others}))"]
        self._define([*lines, *_in(_in(body)), "    return items"])
        return name


def _described(value: object) -> str:
    """A bound value in a few words; functions and classes by where they are found."""
    name = getattr(value, "__qualname__", None)
    if name is not None:
        return f"{getattr(value, '__module__', '')}.{name}"
    if isinstance(value, Place):
        return f"{'an item of ' if value.of_item else ''}{value}"
    return str(value) if is_type(value) else repr(value)


def _nullable(type_: GraphQLOutputType) -> tuple[Any, bool]:
    """What a type is when it is not null, and whether it may be."""
    if isinstance(type_, GraphQLNonNull):
        return type_.of_type, False
    return type_, True


def _in(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _except(to: str, where: str) -> list[str]:
    return ["except Exception as e:", f"    {to}x.failed(e, {where})"]


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_variable(self, *_: object) -> None:
        self.found = True


def _has_variables(node: FieldNode) -> bool:
    found = _Variables()
    for argument in node.arguments or ():
        visit(argument, found)
    return found.found
