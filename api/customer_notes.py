"""Internal notes on customers in the API: for the partner's side only."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, opt, said, takes
from api.nouns import Node, col, lazy, noun, one, reference
from auth.actors import Action
from billing import customer_notes as t
from db import ids

if TYPE_CHECKING:
    from api.customers import Customer


@noun(t.CustomerNote, "note", needs=Action.VIEW_CUSTOMERS, order="-created_at")
class CustomerNote(Node):
    """What staff tell each other about a customer. No customer's user ever sees one."""

    text: str = col("May have several lines.")
    author_name: str = col("What the author was called then.")
    author_id: strawberry.ID | None = reference(
        "author_id", "Who wrote it; null for a key.", kind="author_kind", kinds={"STAFF": "User"}
    )
    created_at: datetime = col(order=True)
    updated_at: datetime = col()
    customer: Annotated["Customer", lazy("api.customers")] = one("customer_id")


@takes(dry_run=True)
class AddCustomerNoteInput:
    """A note on a customer."""

    customer_id: strawberry.ID
    text: str | None = opt("Required. 5,000 characters at most.")


@takes(dry_run=True)
class UpdateCustomerNoteInput:
    """An own note, and its new text."""

    id: strawberry.ID
    text: str | None = opt("Required. 5,000 characters at most.")


@takes(dry_run=True)
class DeleteCustomerNoteInput:
    """An own note to delete."""

    id: strawberry.ID


@gives
class AddCustomerNotePayload:
    """The new note."""

    note: CustomerNote | None = changed()


@gives
class UpdateCustomerNotePayload:
    """The note as it is now."""

    note: CustomerNote | None = changed()


@gives
class DeleteCustomerNotePayload:
    """What is gone."""

    deleted_id: strawberry.ID | None = said()


def _add(doing: Doing, given: Given) -> Outcome:
    customer_id = given.record("customer_id", "cus")
    made = t.add(doing.db, doing.actor, customer_id=customer_id, text=given.get("text"), now=doing.now)
    return {"note": made.id}


def _update(doing: Doing, given: Given) -> Outcome:
    note_id = given.record("id", "note")
    kept = t.update(doing.db, doing.actor, note_id=note_id, text=given.get("text"), now=doing.now)
    return {"note": kept.id}


def _delete(doing: Doing, given: Given) -> Outcome:
    note_id = given.record("id", "note")
    t.delete(doing.db, doing.actor, note_id=note_id, now=doing.now)
    return {"deleted_id": ids.shown("note", note_id)}


@strawberry.type
class CustomerNoteMutations:
    """Changes of notes on customers."""

    add_customer_note: AddCustomerNotePayload | None = change(
        _add, AddCustomerNoteInput, Action.EDIT_CUSTOMERS, about="Write an internal note on a customer."
    )
    update_customer_note: UpdateCustomerNotePayload | None = change(
        _update, UpdateCustomerNoteInput, Action.EDIT_CUSTOMERS, about="Change an own note."
    )
    delete_customer_note: DeleteCustomerNotePayload | None = change(
        _delete, DeleteCustomerNoteInput, Action.EDIT_CUSTOMERS, about="Delete an own note."
    )
