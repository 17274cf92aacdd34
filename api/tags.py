"""Tags in the API. Each side sees its own: the partner the partner's, a customer's users the customer's."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from api.changes import (
    Doing,
    Given,
    Outcome,
    Work,
    change,
    changed,
    changed_list,
    gives,
    opt,
    said,
    takes,
)
from api.nouns import Connection, Node, by_id, col, lazy, noun, page, sql
from api.reads import STAFF
from auth.actors import Action
from billing import tag_merging
from billing import tags as t
from billing.customer_fields import key_of
from billing.derived import customers_tagged, invoices_tagged
from db import ids

if TYPE_CHECKING:
    from api.customers import Customer
    from api.invoices import Invoice

SHOWN = 50  # of the things that were tagged: with their tags and more they are many records


@noun(t.Tag, "tag", needs=Action.VIEW_TAGS, order="name")
class Tag(Node):
    """A coloured label on customers and invoices."""

    name: str = col(where=True, order=True, key="name_key", fold=key_of)
    colour: str = col("`#` and six hexadecimal digits.")
    description: str | None = col()
    customer_count: int = sql(customers_tagged, "How many customers carry it.", see=STAFF)
    invoice_count: int = sql(invoices_tagged, "How many invoices carry it.")
    created_at: datetime = col()
    updated_at: datetime = col(where=True)


@strawberry.type
class TagQueries:
    """Root fields about tags."""

    tag: Tag | None = by_id()
    tags: Connection[Tag] = page()


@takes(dry_run=True)
class CreateTagInput:
    """A new tag: the partner's, or a customer's own when one of its users makes it."""

    name: str | None = opt("Required. Unique on the own side, whatever the case.")
    colour: str | None = opt("Required. `#` and six hexadecimal digits.")
    description: str | None = opt()


@takes(dry_run=True)
class UpdateTagInput:
    """What is not given stays as it is."""

    id: strawberry.ID
    name: str | None = opt()
    colour: str | None = opt()
    description: str | None = opt("Null takes it away.")


@takes(dry_run=True)
class DeleteTagInput:
    """A tag to delete."""

    id: strawberry.ID


@takes(dry_run=True)
class MergeTagsInput:
    """Two tags of the own side: the one that goes away, and the one that stays."""

    id: strawberry.ID
    into_id: strawberry.ID = strawberry.field(description="What carried the other carries this one then.")


@takes(dry_run=True)
class TagCustomersInput:
    """Tags of the partner and its customers: all of them, or nothing is done."""

    tag_ids: list[strawberry.ID] = strawberry.field(description="1 to 20.")
    customer_ids: list[strawberry.ID] = strawberry.field(description="1 to 500.")


@takes(dry_run=True)
class UntagCustomersInput(TagCustomersInput):
    """Tags of the partner and its customers: all of them, or nothing is done."""


@takes(dry_run=True)
class TagInvoicesInput:
    """Tags of the own side and invoices: all of them, or nothing is done."""

    tag_ids: list[strawberry.ID] = strawberry.field(description="1 to 20.")
    invoice_ids: list[strawberry.ID] = strawberry.field(description="1 to 500.")


@takes(dry_run=True)
class UntagInvoicesInput(TagInvoicesInput):
    """Tags of the own side and invoices: all of them, or nothing is done."""


@gives
class CreateTagPayload:
    """The new tag."""

    tag: Tag | None = changed()


@gives
class UpdateTagPayload:
    """The tag as it is now."""

    tag: Tag | None = changed()


@gives
class DeleteTagPayload:
    """What is gone."""

    deleted_id: strawberry.ID | None = said()
    customer_count: int | None = said("How many customers carried it.")
    invoice_count: int | None = said("How many invoices carried it.")


@gives
class MergeTagsPayload:
    """The tag that stays, and what is gone."""

    tag: Tag | None = changed()
    deleted_id: strawberry.ID | None = said()
    customer_count: int | None = said("How many customers gained the tag that stays.")
    invoice_count: int | None = said("How many invoices gained it.")


@gives
class TagCustomersPayload:
    """What was done to the customers."""

    customers: list[Annotated["Customer", lazy("api.customers")]] = changed_list(
        SHOWN, "The first 50 of those named."
    )
    changed_count: int | None = said("How many of them gained or lost a tag.")


@gives
class TagInvoicesPayload:
    """What was done to the invoices."""

    invoices: list[Annotated["Invoice", lazy("api.invoices")]] = changed_list(
        SHOWN, "The first 50 of those named."
    )
    changed_count: int | None = said("How many of them gained or lost a tag.")


@gives
class UntagCustomersPayload(TagCustomersPayload):
    """What was done to the customers."""


@gives
class UntagInvoicesPayload(TagInvoicesPayload):
    """What was done to the invoices."""


def _create(doing: Doing, given: Given) -> Outcome:
    made = t.create(doing.db, doing.actor, fields=given.fields(t.TagInput), now=doing.now)
    return {"tag": made.id}


def _update(doing: Doing, given: Given) -> Outcome:
    fields = given.fields(t.TagInput)
    changed = t.update(doing.db, doing.actor, tag_id=given.record("id", "tag"), fields=fields, now=doing.now)
    return {"tag": changed.id}


def _delete(doing: Doing, given: Given) -> Outcome:
    tag_id = given.record("id", "tag")
    used = t.delete(doing.db, doing.actor, tag_id=tag_id, now=doing.now)
    return {
        "deleted_id": ids.shown("tag", tag_id),
        "customer_count": used.customers,
        "invoice_count": used.invoices,
    }


def _merge(doing: Doing, given: Given) -> Outcome:
    tag_id, into_id = given.record("id", "tag"), given.record("into_id", "tag")
    merged = tag_merging.merge(doing.db, doing.actor, tag_id=tag_id, into_id=into_id, now=doing.now)
    return {
        "tag": merged.tag.id,
        "deleted_id": ids.shown("tag", tag_id),
        "customer_count": merged.customers,
        "invoice_count": merged.invoices,
    }


def _tagging(rule: Callable[..., int], things: str, prefix: str) -> Work:
    """Putting tags on things, or taking them off."""

    def run(doing: Doing, given: Given) -> Outcome:
        what: dict[str, Any] = {
            name: given.records(name, kind) for name, kind in (("tag_ids", "tag"), (things, prefix))
        }
        count = rule(doing.db, doing.actor, **what, now=doing.now)
        return {things.replace("_ids", "s"): what[things], "changed_count": count}

    return run


@strawberry.type
class TagMutations:
    """Changes of tags, and of what carries them."""

    create_tag: CreateTagPayload | None = change(
        _create, CreateTagInput, Action.EDIT_TAGS, about="Make a tag."
    )
    update_tag: UpdateTagPayload | None = change(
        _update, UpdateTagInput, Action.EDIT_TAGS, about="Change a tag's name, colour or description."
    )
    delete_tag: DeleteTagPayload | None = change(
        _delete, DeleteTagInput, Action.EDIT_TAGS, about="Delete a tag, and take it off all that carries it."
    )
    merge_tags: MergeTagsPayload | None = change(
        _merge,
        MergeTagsInput,
        Action.EDIT_TAGS,
        about="Put one tag on all that carries another, and delete that one.",
    )
    tag_customers: TagCustomersPayload | None = change(
        _tagging(t.tag_customers, "customer_ids", "cus"),
        TagCustomersInput,
        Action.EDIT_TAGS,
        about="Put each tag on each customer. For the partner's side.",
    )
    untag_customers: UntagCustomersPayload | None = change(
        _tagging(t.untag_customers, "customer_ids", "cus"),
        UntagCustomersInput,
        Action.EDIT_TAGS,
        about="Take each tag off each customer. For the partner's side.",
    )
    tag_invoices: TagInvoicesPayload | None = change(
        _tagging(t.tag_invoices, "invoice_ids", "inv"),
        TagInvoicesInput,
        Action.EDIT_TAGS,
        about="Put each tag on each invoice.",
    )
    untag_invoices: UntagInvoicesPayload | None = change(
        _tagging(t.untag_invoices, "invoice_ids", "inv"),
        UntagInvoicesInput,
        Action.EDIT_TAGS,
        about="Take each tag off each invoice.",
    )
