"""What is said of one thing done with many records: while it is done, and when it was."""

from collections.abc import Callable, Mapping

from billing.many import Many, Noun, What
from languages import mark, say, say_count

_DOING: Mapping[tuple[Noun, What], str] = {
    (Noun.CUSTOMERS, What.TAG): mark("Tagging {total} customers"),
    (Noun.CUSTOMERS, What.UNTAG): mark("Taking a tag off {total} customers"),
    (Noun.CUSTOMERS, What.ARCHIVE): mark("Archiving {total} customers"),
    (Noun.CUSTOMERS, What.RESTORE): mark("Restoring {total} customers"),
    (Noun.CUSTOMERS, What.UNDO): mark("Undoing the archiving of {total} customers"),
    (Noun.INVOICES, What.TAG): mark("Tagging {total} invoices"),
    (Noun.INVOICES, What.UNTAG): mark("Taking tags off {total} invoices"),
    (Noun.INVOICES, What.ARCHIVE): mark("Archiving {total} invoices"),
    (Noun.INVOICES, What.RESTORE): mark("Restoring {total} invoices"),
    (Noun.INVOICES, What.UNDO): mark("Undoing the archiving of {total} invoices"),
}


def doing(noun: Noun, what: What, total: str) -> str:
    """`Tagging 40,000 customers`."""
    return say(_DOING[noun, what], total=total)


def done(asked: Many, changed: int, others: int = 0, name: str = "") -> str:
    """How many are otherwise than before; of a tag also how many `others` had it already. `name` is that of
    the one customer, if there is only one.
    """
    if not asked.is_tagging:
        return _put_away(asked.noun, asked.what is What.ARCHIVE, changed, name)
    said, rest = _TAGGED[asked.noun, asked.what](changed, others)
    return f"{said} {rest}" if others else said


def _put_away(noun: Noun, away: bool, count: int, name: str) -> str:
    if noun is Noun.CUSTOMERS and away:
        return say_count("{count} customer is archived.", "{count} customers are archived.", count)
    if noun is Noun.CUSTOMERS and name:
        return say_count(
            "{name} is restored. Invites that were open have to be sent again.",
            "{count} customers are restored. Invites that were open have to be sent again.",
            count,
            name=name,
        )
    if noun is Noun.CUSTOMERS:
        return say_count(
            "{count} customer is restored. Invites that were open have to be sent again.",
            "{count} customers are restored. Invites that were open have to be sent again.",
            count,
        )
    if away:
        return say_count("{count} invoice is archived.", "{count} invoices are archived.", count)
    return say_count(
        "{count} invoice is in the lists again.", "{count} invoices are in the lists again.", count
    )


# By how many were changed, and how many others there were.
_TAGGED: Mapping[tuple[Noun, What], Callable[[int, int], tuple[str, str]]] = {
    (Noun.CUSTOMERS, What.TAG): lambda changed, others: (
        say_count("{count} customer got the tag.", "{count} customers got the tag.", changed),
        say_count("{count} had it already.", "{count} had it already.", others),
    ),
    (Noun.CUSTOMERS, What.UNTAG): lambda changed, others: (
        say_count("{count} customer lost the tag.", "{count} customers lost the tag.", changed),
        say_count("{count} did not have it.", "{count} did not have it.", others),
    ),
    (Noun.INVOICES, What.TAG): lambda changed, others: (
        say_count("{count} invoice gained a tag.", "{count} invoices gained a tag.", changed),
        say_count("{count} had them already.", "{count} had them already.", others),
    ),
    (Noun.INVOICES, What.UNTAG): lambda changed, others: (
        say_count("{count} invoice lost a tag.", "{count} invoices lost a tag.", changed),
        say_count("{count} had none of them.", "{count} had none of them.", others),
    ),
}
