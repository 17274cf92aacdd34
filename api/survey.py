"""The survey behind the query guard: a document is walked once, and held to the limits as it is measured.

The fact that surprises: nothing is ever expanded. A fragment is measured once and each spread of it adds its
totals, so that fragments doubled sixty times are refused after a few hundred nodes, where the stock limiters
visit 2^60. A limit is checked at the end of each selection, so that no total grows large on the way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Never, cast

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)

from api.cost import MUTATION, Priced, Prices, Sizes, total
from api.gate import Refused
from api.literals import check_name, check_type, check_value

FIELD_DEPTH = 10
NESTING = 32
ALIASES = 30
DIRECTIVES = 20
FRAGMENTS = 20
ROOT_FIELDS = 20
MUTATIONS = 5
SELECTIONS = 1_000
REPEATS = 30
META_DEPTH = 20
META_LISTS = 2

_META_LISTS = frozenset({"types", "fields", "interfaces", "possibleTypes", "inputFields"})


@dataclass(slots=True)
class Totals:
    """The measure of one selection: heights below it, and counts with fragments expanded."""

    depth: int = 0
    nesting: int = 0
    meta_lists: int = 0
    selections: int = 0
    aliases: int = 0
    directives: int = 0
    roots: int = 0
    writes: int = 0
    alone: bool = False
    prices: list[Priced] = field(default_factory=list)

    def add(self, part: "Totals") -> None:
        """Take in what stands beside: the higher height, the sum of the counts."""
        self.depth = max(self.depth, part.depth)
        self.nesting = max(self.nesting, part.nesting)
        self.meta_lists = max(self.meta_lists, part.meta_lists)
        self.selections += part.selections
        self.aliases += part.aliases
        self.directives += part.directives
        self.roots += part.roots
        self.writes += part.writes
        self.alone = self.alone or part.alone
        self.prices += part.prices

    def priced(self) -> Priced:
        """What the selection costs."""
        return Priced(total(p.once for p in self.prices), total(p.per_record for p in self.prices))


class Survey:
    """One look at one document. `visited` counts its steps, also when it ends in a refusal."""

    def __init__(
        self, document: DocumentNode, schema: GraphQLSchema, *, sizes: Sizes, single: frozenset[str]
    ) -> None:
        self.visited = 0
        self.operation: OperationDefinitionNode
        self.prices: Prices
        self._document = document
        self._schema = schema
        self._sizes = sizes
        self._single = single
        self._fragments: dict[str, FragmentDefinitionNode] = {}
        self._measured: dict[str, Totals] = {}
        self._open: set[str] = set()

    def measure(self) -> Totals:
        """Go through the document and give the measure of its operation, which `operation` then names."""
        self.operation = self._only_operation()
        mutation = self.operation.operation is OperationType.MUTATION
        directives = self._variables() + self._directives(self.operation.directives)
        root = self._schema.get_root_type(self.operation.operation)
        totals = self._selection_set(self.operation.selection_set, root, 1)
        totals.directives += directives
        self._check(totals, root)
        if len(self._measured) < len(self._fragments):
            refuse("UNUSED_FRAGMENT", "Remove the fragments the operation does not use.")
        self._check_roots(totals, mutation)
        self._check_repeats(self.operation.selection_set)
        fee = MUTATION * totals.writes if mutation else totals.roots
        totals.prices.append(Priced(fee, 0))
        return totals

    def _only_operation(self) -> OperationDefinitionNode:
        operations = []
        for definition in self._document.definitions:
            self.visited += 1
            if isinstance(definition, OperationDefinitionNode):
                operations.append(definition)
            elif not isinstance(definition, FragmentDefinitionNode):
                refuse("DEFINITION_REFUSED", "A document may hold one operation and its fragments only.")
            elif definition.name.value in self._fragments:
                refuse("DUPLICATE_FRAGMENT", "Two fragments have the same name. Rename one.")
            else:
                self._fragments[definition.name.value] = definition
        if len(operations) != 1:
            refuse("ONE_OPERATION", "Send exactly one operation per document.")
        if len(self._fragments) > FRAGMENTS:
            refuse("TOO_MANY_FRAGMENTS", "A document may have at most 20 fragments.")
        if operations[0].operation is OperationType.SUBSCRIPTION:
            refuse("SUBSCRIPTION_REFUSED", "Subscriptions are not offered. Ask again later, or use webhooks.")
        check_name(operations[0].name)
        return operations[0]

    def _variables(self) -> int:
        directives = 0
        defaults = {}
        for variable in self.operation.variable_definitions or ():
            check_name(variable.variable.name)
            self.visited += 1 + check_type(variable.type)
            if variable.default_value:
                self.visited += check_value(variable.default_value)
            directives += self._directives(variable.directives)
            defaults[variable.variable.name.value] = variable.default_value
        self.prices = Prices(self._sizes, defaults)
        return directives

    def _directives(self, directives: Iterable[DirectiveNode] | None) -> int:
        count = 0
        for directive in directives or ():
            count += 1
            self.visited += 1
            if directive.name.value in ("defer", "stream"):
                refuse("INCREMENTAL_REFUSED", "@defer and @stream are not offered. Ask for the whole answer.")
            check_name(directive.name)
            self._arguments(directive.arguments)
        return count

    def _arguments(self, arguments: Iterable[ArgumentNode] | None) -> None:
        for argument in arguments or ():
            check_name(argument.name)
            self.visited += 1 + check_value(argument.value)

    def _selection_set(self, node: SelectionSetNode, parent: GraphQLNamedType | None, level: int) -> Totals:
        if level > NESTING:
            refuse_depth()
        if not node.selections:
            refuse("EMPTY_SELECTION", "Select at least one field between { and }.")
        totals = Totals()
        for selection in node.selections:
            self.visited += 1
            if isinstance(selection, FieldNode):
                part = self._field(selection, parent, level)
            elif isinstance(selection, InlineFragmentNode):
                kind = self._kind(selection.type_condition) if selection.type_condition else parent
                part = self._selection_set(selection.selection_set, kind, level + 1)
            else:
                part = self._spread(cast(FragmentSpreadNode, selection), level)
            totals.add(part)
            totals.directives += self._directives(selection.directives)
            totals.selections += 1
        totals.nesting += 1
        self._check(totals, parent)
        return totals

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, level: int) -> Totals:
        name = node.name.value
        check_name(node.name)
        check_name(node.alias)
        self._arguments(node.arguments)
        declared = self._schema.get_field(parent, name) if is_composite_type(parent) else None
        under = Totals()
        if node.selection_set:
            kind = get_named_type(declared.type) if declared else None
            under = self._selection_set(node.selection_set, kind, level + 1)
        meta = parent is not None and parent.name.startswith("__")
        # The schema's own types have a limit of their own, looked at when their selection was measured.
        enters = declared is not None and name in ("__schema", "__type")
        return Totals(
            depth=1 + (0 if enters else under.depth),
            nesting=under.nesting,
            meta_lists=under.meta_lists + (meta and name in _META_LISTS),
            selections=under.selections,
            aliases=under.aliases + (node.alias is not None),
            directives=under.directives,
            roots=1,
            writes=int(name != "__typename"),
            alone=name in self._single,
            prices=[self.prices.field(node, parent, declared, under.priced())],
        )

    def _spread(self, node: FragmentSpreadNode, level: int) -> Totals:
        name = node.name.value
        check_name(node.name)
        if name not in self._measured:
            if name not in self._fragments:
                return Totals(roots=1)  # validation will name it
            if name in self._open:
                refuse(
                    "FRAGMENT_CYCLE", "A fragment spreads itself, perhaps through others. Break the circle."
                )
            self._open.add(name)
            self._measured[name] = self._fragment(self._fragments[name], level)
        return self._measured[name]

    def _fragment(self, node: FragmentDefinitionNode, level: int) -> Totals:
        self.visited += 1
        check_name(node.name)
        totals = self._selection_set(node.selection_set, self._kind(node.type_condition), level + 1)
        totals.directives += self._directives(node.directives)
        totals.prices = [self.prices.remember(totals.priced())]
        return totals

    def _kind(self, node: NamedTypeNode) -> GraphQLNamedType | None:
        check_name(node.name)
        return self._schema.get_type(node.name.value)

    def _check(self, totals: Totals, parent: GraphQLNamedType | None) -> None:
        """Hold a selection to the limits as soon as it is measured, so that no total ever grows large."""
        meta = parent is not None and parent.name.startswith("__")
        if totals.nesting > NESTING or totals.depth > (META_DEPTH if meta else FIELD_DEPTH):
            refuse_depth()
        if totals.meta_lists > META_LISTS:
            refuse("INTROSPECTION_TOO_DEEP", "Introspection may nest at most two lists of types or fields.")
        if totals.aliases > ALIASES:
            refuse(
                "TOO_MANY_ALIASES", "A document may have at most 30 aliases, each use of a fragment counted."
            )
        if totals.directives > DIRECTIVES:
            refuse(
                "TOO_MANY_DIRECTIVES",
                "A document may have at most 20 directives, each use of a fragment counted.",
            )
        if totals.selections > SELECTIONS:
            refuse(
                "TOO_MANY_SELECTIONS",
                "A document may select at most 1,000 fields, each use of a fragment counted.",
            )

    def _check_roots(self, totals: Totals, mutation: bool) -> None:
        if totals.roots > ROOT_FIELDS:
            refuse("TOO_MANY_ROOT_FIELDS", "A document may ask for at most 20 fields at its root.")
        if mutation:
            if totals.writes > MUTATIONS:
                refuse(
                    "TOO_MANY_MUTATIONS", "A document may hold at most 5 mutations. Send the rest in another."
                )
            if totals.alone and totals.writes > 1:
                refuse(
                    "ONE_MUTATION",
                    "Paying, refunding and inviting stand alone: send one such mutation per document.",
                )

    def _check_repeats(self, root: SelectionSetNode) -> None:
        """Refuse a field that many selections ask for in one place: merging them compares each with each."""
        places = [[root]]
        while places:
            pending = places.pop()
            asked: dict[str, list[SelectionSetNode | None]] = {}
            while pending:
                for selection in pending.pop().selections:
                    self.visited += 1
                    if isinstance(selection, FieldNode):
                        key = (selection.alias or selection.name).value
                        asked.setdefault(key, []).append(selection.selection_set)
                    elif isinstance(selection, InlineFragmentNode):
                        pending.append(selection.selection_set)
                    elif fragment := self._fragments.get(cast(FragmentSpreadNode, selection).name.value):
                        pending.append(fragment.selection_set)
            for sets in asked.values():
                if len(sets) > REPEATS:
                    refuse(
                        "TOO_MANY_REPEATS", "The same field may be asked for at most 30 times in one place."
                    )
                places.append([inner for inner in sets if inner])


def refuse(code: str, message: str) -> Never:
    """Refuse a document."""
    raise Refused(400, code, message)


def refuse_depth() -> Never:
    """Refuse a document for its depth, found here or by the parser."""
    refuse("TOO_DEEP", "Fields may nest at most 10 deep, and selections at most 32. Ask in two steps.")
