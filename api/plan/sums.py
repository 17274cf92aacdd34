"""Sums over the rows an actor may see, in groups: one subselect, whose groups are then read like rows.

The surprise: a group has no table. It is written as a row of one that exists only in the statement, so that
columns and money are read off it by the same writers as everywhere.
"""

from api.nouns import noun_in
from api.plan.emit import Json, every, rows, text
from api.plan.filters import given_names, narrowed
from api.plan.planning import Planning
from api.plan.select import Asked, Row, selection, writes
from api.reads import Sums
from billing.derived import Expression


@writes(Sums)
def sums(planning: Planning, row: None, asked: Asked, read: Sums) -> Json:
    """The groups, in the order of what they are grouped by."""
    planning.see(read.needs, asked.label)
    alias, group = planning.alias(), Row(read.row, planning.alias())
    arguments = planning.arguments(asked.nodes[0], asked.field)
    body = text(selection(planning, group, asked.kind, asked.selections))

    def value(make: str | Expression) -> str:
        if isinstance(make, str):
            return f"{alias}.{make}"
        return planning.expression(make, read.table, alias, read.see)

    grouped = [f"{value(make)} as {name}" for name, make in read.by]
    added = [f"sum({value(make)})::bigint as {name}" for name, make in read.totals]
    places = [str(place) for place in range(1, len(grouped) + 1)]
    conditions = [planning.scope(read.table, alias)]
    if read.only is not None:
        conditions.append(value(read.only))
    conditions += narrowed(planning, noun_in(read.table), alias, arguments, arguments.ask(given_names))
    found = (
        f"select {','.join(grouped + added)},count(*) as {read.counted} from {read.table.name} {alias}"
        f" where {every(conditions)} group by {','.join(places)}"
    )
    # Bytes, not the words' own order: what a group is named by is a choice of ours.
    order = ",".join(f'{group.alias}.{name} collate "C"' for name, _ in read.by)
    return rows(f"array(select {body} from ({found}) {group.alias} order by {order})")
