"""Lists of records that a row keeps by their ids alone, as the API shows them; also those that are gone."""

from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, literal, select

from billing.derived import Moment


def tags_of_view(view: Any, at: Moment) -> ColumnElement[Any]:
    """The tags a saved view names."""
    return _listed("tag_", view.tag_ids)


def planned_recipients(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """The users a draft goes to on its day."""
    return _listed("usr_", invoice.send_to)


def left_out(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """The users a draft was to go to on its day, and did not."""
    return _listed("usr_", invoice.left_out)


def _listed(prefix: str, ids: Any) -> ColumnElement[Any]:
    each = func.unnest(ids).column_valued("named")
    shown = literal(prefix, String) + func.replace(cast(each, String), "-", "")
    return func.array(select(shown).scalar_subquery())
