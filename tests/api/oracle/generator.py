"""Documents made by chance from the schema: every new field, filter and order joins by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, get_named_type, is_leaf_type

from api import reads
from api.nouns import NOUNS, Noun, read_of
from api.schema import GRAPHQL
from tests.api.oracle.asking import Asking, Choice, Variable, literal, plain
from tests.api.oracle.maker import Row
from tests.api.oracle.reference import NOUN_OF_TABLE, SCHEMA, Reference

DEEPEST = 7


@dataclass
class Written:
    """A document and its variables."""

    query: str
    variables: dict[str, Any]
    again: dict[str, Any]
    """Other values for the same variables."""
    seen: set[str] = field(default_factory=set)


class Generator:
    """Writes one document at a time, for one actor."""

    def __init__(self, reference: Reference, everything: Mapping[str, list[Row]], chance: Random) -> None:
        self.reference = reference
        self.actor = reference.actor
        self.asking = Asking(reference, everything, chance)
        self.chance = chance

    def reseed(self, seed: int) -> None:
        """Begin the same series of documents again."""
        self.chance.seed(seed)

    def document(self) -> Written:
        """Anything."""
        self._begin()
        query = SCHEMA.query_type
        assert query is not None
        body = self._selection(query, {}, 0)
        return self._finish(body)

    def directed(
        self,
        owner: str,
        name: str | None,
        *,
        order: str | None = None,
        where: Any = None,
        needs: str | None = None,
    ) -> Written | None:
        """One that reaches `owner.name`, or lists `owner` in an order or by a filter; None if it can't."""
        self._begin()
        path = self.path_to(owner, listed=name is None)
        if path is None or (name is not None and not self.may(owner, name)):
            return None
        kind = SCHEMA.get_type(owner)
        assert isinstance(kind, GraphQLObjectType)
        inner = (
            self._one_field(kind, name, {}, len(path)) if name else "{ nodes { id } pageInfo { endCursor } }"
        )
        within = sum("first" in parent.fields[key].args for parent, key in path[:-1])
        for step, (parent, key) in enumerate(reversed(path)):
            declared = parent.fields[key]
            asked = self._needed(parent, key)
            if step and within > 1 and "first" in declared.args:
                asked["first"] = 5  # pages within pages within pages cost too much
            if step == 0 and not name:
                asked = self.asking.page(_listed(declared), order=order, where=where, needs=needs)
            inner = f"{{ {key}{self._arguments(declared, asked)} {inner} }}"
        return self._finish(inner)

    def by_id(self, owner: str, name: str) -> Written | None:
        """One that reaches `owner.name` by the ids of records, also of those no list leads to."""
        self._begin()
        noun = NOUNS.get(owner)
        if noun is None or not self.may(owner, name):
            return None
        kind = SCHEMA.get_type(owner)
        assert isinstance(kind, GraphQLObjectType)
        ids = [self.asking.global_id(noun) for _ in range(5)]
        inner = self._one_field(kind, name, {}, 1)
        return self._finish(f"{{ nodes(ids: {literal(ids)}) {{ ... on {owner} {inner} }} }}")

    def path_to(self, owner: str, *, listed: bool) -> list[tuple[GraphQLObjectType, str]] | None:
        """The shortest way from the root to a type (or to a connection of it) that the actor may go."""
        query = SCHEMA.query_type
        assert query is not None
        ways: list[tuple[GraphQLObjectType, list[tuple[GraphQLObjectType, str]]]] = [(query, [])]
        known = {query.name}
        wanted = f"{owner}Connection" if listed else owner
        while ways:
            kind, way = ways.pop(0)
            if kind.name == wanted:
                return way
            for key, declared in kind.fields.items():
                inner = get_named_type(declared.type)
                if isinstance(inner, GraphQLObjectType) and inner.name not in known and self._may(kind, key):
                    if isinstance(self._read(kind, key), reads.ById | reads.Mine):
                        continue  # by way of lists, which lead to many records
                    known.add(inner.name)
                    ways.append((inner, [*way, (kind, key)]))
        return None

    def may(self, owner: str, name: str) -> bool:
        """May the actor ask for a field of a type, and for the type?"""
        kind = SCHEMA.get_type(owner)
        assert isinstance(kind, GraphQLObjectType)
        noun = NOUNS.get(owner)
        allowed = noun is None or noun.needs is None or self.actor.may(noun.needs)
        return allowed and self._may(kind, name)

    def _begin(self) -> None:
        self._variables: dict[str, tuple[str, Any, bool]] = {}
        self._fragments: list[str] = []
        self._aliases = 0
        self._lists = 0
        self._seen: set[str] = set()

    def _finish(self, body: str) -> Written:
        declared = [
            f"${name}: {kind}" + (f" = {literal(value)}" if with_default else "")
            for name, (kind, value, with_default) in self._variables.items()
        ]
        head = f"query Q({', '.join(declared)}) " if declared else "query Q "
        query = head + body + "".join(self._fragments)
        return Written(query, self._sent(), self._sent(turned=True), self._seen)

    def _sent(self, *, turned: bool = False) -> dict[str, Any]:
        """The variables' values: some null, some left out, and in another request some turned round."""
        sent = {}
        for name, (kind, value, with_default) in self._variables.items():
            chosen = not value if turned and isinstance(value, bool) else value
            if kind.endswith("!") and not with_default:
                sent[name] = plain(chosen)
            elif self.chance.random() < 0.8:
                sent[name] = None if not kind.endswith("!") and self.chance.random() < 0.1 else plain(chosen)
        return sent

    def _read(self, kind: GraphQLObjectType, key: str) -> reads.Read:
        return read_of(GRAPHQL.get_type(kind.name).fields[key])  # type: ignore[union-attr]

    def _may(self, kind: GraphQLObjectType, key: str) -> bool:
        if key.startswith("__"):
            return True
        see = self._read(kind, key).see
        if see is not None and self.actor.customer_id is not None:
            return False
        inner = get_named_type(kind.fields[key].type).name.removesuffix("Connection").removesuffix("Edge")
        noun = NOUNS.get(inner)
        return noun is None or noun.needs is None or self.actor.may(noun.needs)

    def _selection(self, kind: GraphQLObjectType, used: dict[str, Any], depth: int) -> str:
        keys = [key for key in kind.fields if self._may(kind, key) and self._fits(kind.fields[key], depth)]
        count = min(len(keys), self.chance.randrange(1, 6))
        parts = [self._field(kind, key, used, depth) for key in self.chance.sample(keys, count)]
        if self.chance.random() < 0.2:
            parts.append("__typename")
        if self.chance.random() < 0.15:
            parts.append(self._fragment(kind, used, depth))
        return "{ " + " ".join(part for part in parts if part) + " }" if any(parts) else "{ __typename }"

    def _fits(self, declared: GraphQLField, depth: int) -> bool:
        if is_leaf_type(get_named_type(declared.type)):
            return True
        return depth < DEEPEST and self._lists < 8

    def _field(self, kind: GraphQLObjectType, key: str, used: dict[str, Any], depth: int) -> str:
        declared = kind.fields[key]
        response = key
        if self.chance.random() < 0.12 and self._aliases < 20:
            self._aliases += 1
            response = f"a{self._aliases}"
        asked = self._asked(kind, key)
        signature = (key, repr(asked))
        before = used.get(response)
        if before is not None and (before[0] != signature or asked):
            return ""
        inside = before[1] if before else {}
        used[response] = (signature, inside)
        head = key if response == key else f"{response}: {key}"
        return (
            head + self._arguments(declared, asked) + self._directive() + self._inner(declared, inside, depth)
        )

    def _inner(self, declared: GraphQLField, inside: dict[str, Any], depth: int) -> str:
        inner = get_named_type(declared.type)
        if is_leaf_type(inner):
            return ""
        if isinstance(inner, GraphQLInterfaceType):
            return self._any(depth + 1)
        assert isinstance(inner, GraphQLObjectType)
        return " " + self._selection(inner, inside, depth + 1)

    def _one_field(self, kind: GraphQLObjectType, key: str, used: dict[str, Any], depth: int) -> str:
        declared = kind.fields[key]
        asked = self._arguments(declared, self._asked(kind, key))
        return f"{{ {key}{asked}{self._inner(declared, used, depth)} }}"

    def _any(self, depth: int) -> str:
        """Records of any noun; each field under a name of its own, because their types differ."""
        parts = ["id", "__typename"]
        nouns = [noun for noun in NOUNS.values() if noun.needs is None or self.actor.may(noun.needs)]
        for noun in self.chance.sample(nouns, 3):
            kind = SCHEMA.get_type(noun.name)
            assert isinstance(kind, GraphQLObjectType)
            keys = [
                key
                for key in kind.fields
                if self._may(kind, key) and is_leaf_type(get_named_type(kind.fields[key].type))
            ]
            chosen = self.chance.sample(keys, min(len(keys), 3))
            named = " ".join(f"{noun.prefix}_{key}: {key}" for key in chosen)
            self._aliases += len(chosen)
            parts.append(f"... on {noun.name} {{ {named} }}")
        return " { " + " ".join(parts) + " }"

    def _fragment(self, kind: GraphQLObjectType, used: dict[str, Any], depth: int) -> str:
        condition = self.chance.choice((f" on {kind.name}", "", *(f" on {i.name}" for i in kind.interfaces)))
        inner = self._selection(kind, used, depth) if "Node" not in condition else "{ id __typename }"
        if "Node" in condition and used.setdefault("id", (("id", "{}"), {}))[0][0] != "id":
            return ""
        if self.chance.random() < 0.5 and condition and len(self._fragments) < 10:
            name = f"F{len(self._fragments)}"
            self._fragments.append("")
            self._fragments[int(name[1:])] = f" fragment {name}{condition} {inner}"
            return f"...{name}{self._directive()}"
        return f"...{condition}{self._directive()} {inner}"

    def _directive(self) -> str:
        if self.chance.random() > 0.08:
            return ""
        name, holds = self.chance.choice(("skip", "include")), self.chance.random() < 0.5
        self._seen.add(f"@{name} {holds}")
        value: Any = holds
        if self.chance.random() < 0.6:
            value = self._variable("Boolean!", holds)
        return f" @{name}(if: {literal(value)})"

    def _asked(self, kind: GraphQLObjectType, key: str) -> dict[str, Any]:
        read = self._read(kind, key)
        if isinstance(read, reads.Page):
            self._lists += 1
            return self.asking.page(_listed(kind.fields[key]))
        if isinstance(read, reads.Sums):
            return self.asking.narrowing(NOUN_OF_TABLE[read.table.name])
        return self._needed(kind, key)

    def _needed(self, kind: GraphQLObjectType, key: str) -> dict[str, Any]:
        """Arguments it can't do without."""
        read = self._read(kind, key)
        if isinstance(read, reads.ById):
            self._lists += 1
            return {"id": self.asking.global_id(NOUNS[get_named_type(kind.fields[key].type).name])}
        if isinstance(read, reads.AnyById):
            ids = [self.asking.global_id(self._noun()) for _ in range(self.chance.randrange(1, 5))]
            return {"ids": ids} if read.several else {"id": ids[0]}
        if isinstance(read, reads.Fixed):
            return {"country": Choice(self.chance.choice(("US", "CA")))}
        return {}

    def _noun(self) -> Noun:
        return self.chance.choice([n for n in NOUNS.values() if n.needs is None or self.actor.may(n.needs)])

    def _arguments(self, declared: GraphQLField, asked: Mapping[str, Any]) -> str:
        if not asked:
            return ""
        # A cursor's order must stay what it is; a variable might be left out.
        sure = {"orderBy"} if asked.keys() & {"after", "before"} else set()
        given = []
        for name, value in asked.items():
            shown = value if name in sure else self._maybe_variable(str(declared.args[name].type), value)
            given.append(f"{name}: {literal(shown)}")
        return f"({', '.join(given)})"

    def _maybe_variable(self, kind: str, value: Any) -> Any:
        if self.chance.random() < 0.35:
            return self._variable(kind, value)
        if isinstance(value, dict) and kind.endswith("Where") and self.chance.random() < 0.5:
            return self._deeper(kind, value)
        return value

    def _deeper(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        """Variables inside a literal."""
        fields = SCHEMA.get_type(kind).fields  # type: ignore[union-attr]
        return {
            key: self._variable(str(fields[key].type), item) if self.chance.random() < 0.4 else item
            for key, item in value.items()
        }

    def _variable(self, kind: str, value: Any) -> Variable:
        name = f"v{len(self._variables)}"
        self._variables[name] = (kind, value, self.chance.random() < 0.15)
        return Variable(name)


def _listed(declared: GraphQLField) -> Noun:
    connection: Any = get_named_type(declared.type)
    return NOUNS[get_named_type(connection.fields["nodes"].type).name]
