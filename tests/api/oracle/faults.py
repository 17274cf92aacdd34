"""Planted faults: small changes of the planner's own code, each of which the trial must notice.

A fault swaps the code of functions that are in use, and is taken out again. The list is kept: whoever changes
a line that a fault names, changes the fault.
"""

import importlib
import inspect
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from api.plan.expressions import template
from api.plan.select import WRITERS


class Fault(NamedTuple):
    """In a module, one text in place of another."""

    name: str
    module: str
    old: str
    new: str


def _in(module: str, *faults: tuple[str, str, str]) -> list[Fault]:
    return [Fault(name, module, old, new) for name, old, new in faults]


FAULTS: list[Fault] = [
    *_in(
        "api.plan.sums",
        ("sums of all, whatever is asked", "conditions += narrowed(", "narrowed("),
    ),
    *_in(
        "api.plan.emit",
        ("an or among the conditions", 'f"({condition})"', 'f"{condition}"'),
        ("null swallows the record", "coalesce({text([*plain])},'null')", "{text([*plain])}"),
        (
            "an empty list is null",
            "coalesce(array_to_string({array},','),'')",
            "array_to_string({array},',')",
        ),
        (
            "zeros lost",
            'return f"{exact}::text" if places == 2',
            'return f"trim_scale({exact})::text" if places == 2',
        ),
    ),
    *_in(
        "api.plan.pages",
        ("the cursor's own record again", "{symbol} ({key}, {id_})", "{symbol}= ({key}, {id_})"),
        ("after is before", "before != order.descending", "before == order.descending"),
        (
            "ties always rising",
            'f"{key} desc" if falling else key',
            'f"{key} desc" if falling and not key.endswith(".id") else key',
        ),
        (
            "ties decided by the key alone",
            "({alias}.{order.column}, {alias}.id) {symbol} ({key}, {id_})",
            "{alias}.{order.column} {symbol} {key}",
        ),
        ("no record more than asked", "limit {listing.size}+1", "limit {listing.size}"),
        (
            "the other way round",
            "return self._listing.order.descending != self._listing.backward",
            "return self._listing.order.descending",
        ),
        ("backwards from the wrong end", ",0)::int+1:]", ",0)::int:]"),
        ("any order's cursor", "plain[:_CHECKSUM] != marker or ", ""),
        (
            "counted from the cursor",
            "every(listing.conditions)} limit",
            "every(listing.conditions + listing.bounds)} limit",
        ),
        ("never anything before", '"true" if listing.bounded', '"false" if listing.bounded'),
        ("the end is the start", 'place = "1" if asked.name == "startCursor"', 'place = "1" if asked.name'),
        (
            "everybody's records below",
            'conditions.append(f"{alias}.{read.link} = {target.above.alias}.id")',
            "pass",
        ),
    ),
    *_in(
        "api.plan.scope",
        (
            "the root reads every partner",
            'Guard.CUSTOMER_ROW: lambda t, partner, _: f"{t}.partner_id = {partner}",',
            'Guard.CUSTOMER_ROW: lambda t, partner, _: "true",',
        ),
        (
            "children of every partner",
            'Guard.ISSUED_CHILD: lambda t, partner, _: f"{t}.partner_id = {partner}",',
            'Guard.ISSUED_CHILD: lambda t, partner, _: f"{t}.partner_id = {t}.partner_id",',
        ),
        (
            "tags of both sides",
            "{t}.partner_id = {partner} and {t}.owner_id is null",
            "{t}.partner_id = {partner}",
        ),
        (
            "every customer's payments",
            '{t}.partner_id = {partner} and {t}.customer_id = {own}",\n    Guard.OWN',
            '{t}.partner_id = {partner}",\n    Guard.OWN',
        ),
        ("every customer", "{t}.partner_id = {partner} and {t}.id = {own}", "{t}.partner_id = {partner}"),
        ("drafts for customers", " and {t}.status <> 'DRAFT'", ""),
        ("lines of drafts for customers", " and {t}.issued", ""),
        (
            "staff for customers",
            'Guard.MEMBERSHIP: lambda t, partner, own: f"{t}.partner_id = {partner}'
            ' and {t}.customer_id = {own}"',
            'Guard.MEMBERSHIP: lambda t, partner, own: f"{t}.partner_id = {partner}"',
        ),
        ("what colleagues have not read", "{made} and {alias}.member_id = {member}", "{made}"),
    ),
    *_in(
        "api.plan.filters",
        (
            "where left out",
            '[where(planning, noun, alias, arguments.at("where"))] if "where" in given else []',
            "[]",
        ),
        ("not of null is null", ')}) is not true")', ')}) is false")'),
        (
            "one word is enough",
            "    return conditions",
            "    return [' or '.join(conditions)] if conditions else []",
        ),
        ("words from there on", " and {words}.token < {high}", ""),
        ("or of nothing holds", 'else "false"', 'else "true"'),
        ("any tag for all", 'if operator == "all"', 'if operator == "any"'),
        ("null means everything", "        if value is None:", "        if value is ...:"),
        ("names as they are typed", "read.fold or _plain", "_plain"),
        ("ten times the amount", "amount.scaleb(2)", "amount.scaleb(3)"),
        (
            "begins is contains",
            'return f"starts_with({expression},{value.param(kind, convert)})"',
            'return f"strpos({expression},{value.param(kind, convert)}) > 0"',
        ),
        ("any customer will do", 'f"{other}.id = {alias}.{read.link}", asked)', '"true", asked)'),
        ("any record's parts will do", 'f"{other}.{read.link} = {alias}.id"', '"true"'),
        (
            "unread for whoever is no member",
            "{planning.member} is not null and not exists",
            "not exists",
        ),
        ("staff's filters for customers", 'planning.see(read.see, f"{noun.name}.{key}")', "pass"),
    ),
    *_in(
        "api.plan.objects",
        ("everybody's tags", " and {link}.{here} = {row.alias}.id", ""),
        (
            "tags backwards",
            "order by {target.alias}.{read.sort},",
            "order by {target.alias}.{read.sort} desc,",
        ),
        ("read is unread", "coalesce((select true {condition.text} limit 1),false)", "true"),
        ("a count for keys", "case when {planning.member} is not null then {counted} end", "{counted}"),
        ("the first invite", "{target.alias}.created_at desc", "{target.alias}.created_at"),
        ("in the order of ids", "order by x.place", "order by x.id"),
    ),
    *_in(
        "api.plan.planning",
        (
            "money without brackets",
            'return f"({placed(written, alias, (now, today))})"',
            "return placed(written, alias, (now, today))",
        ),
    ),
    *_in(
        "api.plan.select",
        ("skip is include", 'directive.name.value == "include"', 'directive.name.value == "skip"'),
        (
            "fragments on interfaces lost",
            "any(condition == interface.name for interface in owner.interfaces)",
            "False",
        ),
    ),
    *_in(
        "api.plan.document",
        (
            "another request's plan",
            "branch.answers.get(branch.ask(call))",
            "next(iter(branch.answers.values()), None)",
        ),
    ),
    *_in(
        "api.plan.arguments",
        ("what is left out is null", "call.variables.get(name, MISSING)", "call.variables.get(name)"),
    ),
    *_in(
        "billing.derived",
        ("overdue on the day", "invoice.due_on < at.today", "invoice.due_on <= at.today"),
        (
            "owed on drafts",
            "(invoice.status == InvoiceStatus.OPEN, _lacks(invoice)), else_=0",
            "(invoice.status != InvoiceStatus.PAID, _lacks(invoice)), else_=0",
        ),
    ),
]


def source_of(fault: Fault) -> str:
    """The module that it is planted in."""
    return Path(str(importlib.import_module(fault.module).__file__)).read_text()


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """The fault in the running code; out again at the end."""
    module, source = importlib.import_module(fault.module), source_of(fault)
    assert source.count(fault.old) == 1, f"{fault.name}: the line is no longer there, or not alone"
    writers = dict(WRITERS)
    changed = types.ModuleType(module.__name__)
    changed.__dict__.update(__file__=module.__file__)
    exec(compile(source.replace(fault.old, fault.new), str(module.__file__), "exec"), changed.__dict__)
    WRITERS.clear()
    WRITERS.update(writers)
    restore = list(_swap(module, changed))
    template.cache_clear()
    try:
        yield
    finally:
        for put_back in restore:
            put_back()
        template.cache_clear()


def _swap(module: Any, changed: Any) -> Iterator[Any]:
    for name, mine in vars(module).items():
        other = vars(changed).get(name)
        if inspect.isclass(mine) and mine.__module__ == module.__name__:
            for key, method in vars(mine).items():
                changed_one = vars(other).get(key)
                if isinstance(method, property) and isinstance(changed_one, property):
                    method, changed_one = method.fget, changed_one.fget
                yield from _swap_code(method, changed_one)
        elif isinstance(mine, dict) and name.isupper() and isinstance(other, dict) and name.startswith("_"):
            before = dict(mine)
            mine.update(other)
            yield lambda mine=mine, before=before: mine.update(before)
        elif getattr(mine, "__module__", None) == module.__name__:
            yield from _swap_code(mine, other)


def _swap_code(mine: Any, other: Any) -> Iterator[Any]:
    mine, other = getattr(mine, "__wrapped__", mine), getattr(other, "__wrapped__", other)
    if isinstance(mine, types.FunctionType) and isinstance(other, types.FunctionType):
        before = mine.__code__
        mine.__code__ = other.__code__
        yield lambda: setattr(mine, "__code__", before)
