"""Payment methods in the API: brand and last four digits. The number is the gateway's alone."""

from dataclasses import replace
from datetime import datetime

import strawberry

from api.changes import Doing, Given, Later, Outcome, change, changed, gives, opt, said, takes
from api.customers import Customer
from api.nouns import Node, by_id, col, noun, one, sql
from api.return_urls import return_url
from api.users import User
from auth.actors import Action
from billing import payment_methods as t
from billing.derived import is_expired
from billing.ports import SetupSession
from integrations import method_setups

strawberry.enum(t.MethodKind, name="PaymentMethodKind", description="How the money is reached.")
strawberry.enum(t.Funding, description="What stands behind a card.")


@noun(t.PaymentMethod, "pm", needs=Action.VIEW_METHODS, order="-created_at")
class PaymentMethod(Node):
    """A card on file."""

    kind: t.MethodKind = col()
    funding: t.Funding = col()
    brand: str = col()
    last4: str = col()
    exp_month: int | None = col()
    exp_year: int | None = col()
    is_expired: bool = sql(is_expired, "Past the last day of its month.")
    is_default: bool = col(where=True)
    created_at: datetime = col(order=True)
    updated_at: datetime = col()
    removed_at: datetime | None = col(where=True)
    customer: Customer = one("customer_id")
    added_by: User | None = one("added_by", "Null for keys, and for people of the other side.")


@strawberry.type
class PaymentMethodQueries:
    """Root fields about payment methods."""

    payment_method: PaymentMethod | None = by_id()


@strawberry.type(description="Where a payer types a card: at the gateway, never here.")
class PaymentMethodSetup:
    """A begun entry of a card."""

    id: str = said("What `finishPaymentMethodSetup` takes.")
    page_url: str | None = said("The gateway's page, to send the payer to. Shown once, good for an hour.")
    fields_url: str | None = said("The gateway's fields, to embed in a frame. Shown once, good for an hour.")
    fields_origin: str = said("What the page's `frame-src` must allow, and whose messages it may believe.")


@takes()
class CreatePaymentMethodSetupInput:
    """Whose card it will be, and where the payer comes back to."""

    customer_id: strawberry.ID
    return_url: str | None = opt("Required. It gets `?setup=` and the id of the setup added.")


@takes()
class FinishPaymentMethodSetupInput:
    """A setup the payer came back from."""

    setup_id: str


@takes(dry_run=True)
class SetDefaultPaymentMethodInput:
    """The method to use from now on."""

    id: strawberry.ID


@takes(dry_run=True)
class RemovePaymentMethodInput:
    """The method to take off file."""

    id: strawberry.ID


@gives
class CreatePaymentMethodSetupPayload:
    """Where the payer types the card. With a repeated idempotency key, without what is shown once."""

    setup: PaymentMethodSetup | None = said()


@gives
class FinishPaymentMethodSetupPayload:
    """The method on file."""

    payment_method: PaymentMethod | None = changed("Null, without errors: the payer is not done yet.")


@gives
class SetDefaultPaymentMethodPayload:
    """The method, the customer's default now."""

    payment_method: PaymentMethod | None = changed()


@gives
class RemovePaymentMethodPayload:
    """What is gone, and what takes its place."""

    payment_method: PaymentMethod | None = changed()
    default_payment_method: PaymentMethod | None = changed("Null: that was the last one.")


def _create_setup(doing: Doing, given: Given) -> Later:
    customer_id = given.record("customer_id", "cus")
    back = return_url(doing, given.get("return_url"))

    def ask() -> Outcome:
        means = doing.means
        session = method_setups.begin(
            means.database, means.gateway, doing.actor, customer_id=customer_id, return_url=back,
            now=doing.now,
        )  # fmt: skip
        return {"setup": session}

    return Later(ask)


def _without_urls(outcome: Outcome) -> Outcome:
    session: SetupSession = outcome["setup"]
    return {"setup": replace(session, page_url=None, fields_url=None)}  # type: ignore[arg-type]


def _finish_setup(doing: Doing, given: Given) -> Later:
    def ask() -> Outcome:
        means = doing.means
        method = method_setups.finish(
            means.database, means.gateway, doing.actor, gateway_setup=given["setup_id"], now=doing.now
        )
        return {"payment_method": method.id if method else None}

    return Later(ask)


def _set_default(doing: Doing, given: Given) -> Outcome:
    method = t.set_default(doing.db, doing.actor, method_id=given.record("id", "pm"), now=doing.now)
    return {"payment_method": method.id}


def _remove(doing: Doing, given: Given) -> Outcome:
    method_id = given.record("id", "pm")
    following = t.remove(doing.db, doing.actor, method_id=method_id, now=doing.now)
    return {"payment_method": method_id, "default_payment_method": following.id if following else None}


@strawberry.type
class PaymentMethodMutations:
    """Changes of payment methods."""

    create_payment_method_setup: CreatePaymentMethodSetupPayload | None = change(
        _create_setup, CreatePaymentMethodSetupInput, Action.MANAGE_METHODS, without_secrets=_without_urls,
        about="Begin the entry of a card at the gateway.",
    )  # fmt: skip
    finish_payment_method_setup: FinishPaymentMethodSetupPayload | None = change(
        _finish_setup, FinishPaymentMethodSetupInput, Action.MANAGE_METHODS,
        about="Keep the card that was entered, if the gateway says so.",
    )  # fmt: skip
    set_default_payment_method: SetDefaultPaymentMethodPayload | None = change(
        _set_default, SetDefaultPaymentMethodInput, Action.MANAGE_METHODS,
        about="Make a method the customer's default.",
    )  # fmt: skip
    remove_payment_method: RemovePaymentMethodPayload | None = change(
        _remove, RemovePaymentMethodInput, Action.MANAGE_METHODS,
        about="Take a method off file. A payment under way with it is carried to its end.",
    )  # fmt: skip
