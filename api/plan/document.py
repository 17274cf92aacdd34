"""Documents: a text is parsed, measured and validated once, and keeps the plans made for it.

The surprise: plans live inside their document, because they hold pieces of it, and both are forgotten
together; what is kept is bounded by the number of plans, since one document can have many.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    print_ast,
    validate,
)

from api.errors import Rejected
from api.guard import Shape, guard, parse_document
from api.plan import objects, pages, payloads, sums
from api.plan.arguments import Variables, reader
from api.plan.emit import text
from api.plan.planning import Ask, Branch, Call, Plan, Planning
from api.plan.select import Asked, asked_for, collected, object_type, selection

MOST_DOCUMENTS = 500
MOST_PLANS = 2_000
MOST_PLANS_OF_ONE = 64
LONGEST_KEPT = 32 * 1024  # characters; longer texts are planned anew each time
_VARIABLE = re.compile(r"\$(\w+)")

_WRITTEN_BY = (objects, pages, payloads, sums)  # importing them is what names the writers of fields


class Document:
    """One accepted text: what it asks, what it costs, and its plans by the rights of who asks."""

    def __init__(self, schema: GraphQLSchema, node: DocumentNode, shape: Shape) -> None:
        self.schema = schema
        self.node = node
        self.shape = shape
        self.operation = next(
            found for found in node.definitions if isinstance(found, OperationDefinitionNode)
        )
        self.fragments = {
            found.name.value: found for found in node.definitions if isinstance(found, FragmentDefinitionNode)
        }
        self.variables = Variables(schema, self.operation)
        self.plans = 0
        self._trees: dict[Any, Branch] = {}
        self._readers: dict[int, Ask] = {}
        self._written: dict[int, str] = {}
        roots = self._roots(self.operation.selection_set)
        self.asks_schema = bool(roots & {"__schema", "__type"})
        self.asks_records = bool(roots - {"__schema", "__type", "__typename"})

    @property
    def is_mutation(self) -> bool:
        """Does it change something?"""
        return self.operation.operation is OperationType.MUTATION

    def _roots(self, selections: SelectionSetNode) -> set[str]:
        found: set[str] = set()
        for node in selections.selections:
            if isinstance(node, FieldNode):
                found.add(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                found |= self._roots(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                found |= self._roots(self.fragments[node.name.value].selection_set)
        return found

    def plan(self, call: Call) -> Plan:
        """The one statement that answers this request. Refuses what the actor may not see."""
        query = object_type(self.schema.query_type)
        return self._planned(
            call.rights,
            call,
            lambda planning: selection(planning, None, query, [self.operation.selection_set]),
        )

    def changes(self, variables: Mapping[str, Any]) -> Mapping[str, Asked]:
        """The mutations asked for, by their keys in the answer, to be carried out one after the other."""
        owner = object_type(self.schema.mutation_type)

        def holds(given: Any) -> bool:
            return bool(variables[given.name.value] if isinstance(given, VariableNode) else given.value)

        found = collected(self.fragments, holds, owner, [self.operation.selection_set])
        return {key: asked_for(owner, nodes) for key, nodes in found.items()}

    def arguments(self, change: Asked, call: Call) -> dict[str, Any]:
        """The arguments of a mutation."""
        place = id(change.nodes[0])
        if place not in self._readers:
            self._readers[place], _ = reader(change.nodes[0], change.field)
        found: dict[str, Any] = self._readers[place](call)
        return found

    def plan_payload(self, change: Asked, call: Call) -> Plan:
        """The statement for what is asked of a mutation's payload; it reads `call.outcome` when it is run."""
        return self._planned(
            (call.rights, *map(id, change.nodes)),
            call,
            lambda planning: selection(planning, None, change.kind, change.selections),
        )

    def question(self, change: Asked, variables: Mapping[str, Any]) -> list[Any]:
        """What is asked of a mutation's payload, in a form that is the same for the same question."""
        place = id(change.nodes[0])
        if place not in self._written:
            asked = [*change.selections, *self.fragments.values()]
            self._written[place] = " ".join(map(print_ast, asked))
        written = self._written[place]
        named = sorted(set(_VARIABLE.findall(written)))
        return [written, [str(variables.get(name)) for name in named]]

    def _planned(self, key: Any, call: Call, make: Callable[[Planning], Any]) -> Plan:
        root = branch = self._trees.setdefault(key, Branch())
        while branch.ask is not None:
            following = branch.answers.get(branch.ask(call))
            if following is None:
                break
            branch = following
        if branch.plan is not None:
            return branch.plan
        if self.plans >= MOST_PLANS_OF_ONE:
            self._trees = {key: (root := Branch())}
        planning = Planning(call, root, self.schema, self.fragments, reader)
        plan = planning.finish(text(make(planning)))
        planning.branch.plan = plan
        self.plans += 1
        return plan


class Documents:
    """The documents of one schema that were asked lately."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        sizes: Callable[[str, str], int | None],
        single: frozenset[str] = frozenset(),
    ) -> None:
        self.schema = schema
        self._sizes = sizes
        self._single = single
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def get(self, written: str) -> Document:
        """The document of a text. Refuses what the guard refuses, and what does not fit the schema."""
        document = self._kept.get(written)
        if document is not None:
            self._kept.move_to_end(written)
            return document
        document = self.checked(written)
        if len(written) <= LONGEST_KEPT:
            self._kept[written] = document
            self._forget()
        return document

    def _forget(self) -> None:
        plans = sum(document.plans for document in self._kept.values())
        while len(self._kept) > MOST_DOCUMENTS or plans > MOST_PLANS:
            _, dropped = self._kept.popitem(last=False)
            plans -= dropped.plans

    def checked(self, written: str, *, located: bool = True) -> Document:
        """Parse, measure and validate, and keep nothing. `located` as for `parse_document`."""
        node = parse_document(written, located=located)
        shape = guard(node, self.schema, sizes=self._sizes, single=self._single)
        errors = validate(self.schema, node, hide_suggestions=True)
        if errors:
            raise Rejected.of(errors)
        return Document(self.schema, node, shape)
