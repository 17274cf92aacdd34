"""Transactions: the one place that begins, commits and rolls back.

Surprise: a transaction with no tenant set sees no row at all. The door sets the tenant, mostly through
one of the look-up functions; rules never do.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

from sqlalchemy import Engine, text
from sqlmodel import Session


class Deferrer(Protocol):
    """Puts a job into the queue inside the transaction that asks for it."""

    def __call__(self, db: Session, job: str, ids: dict[str, str]) -> None:
        """Queue `job` with `ids`; it becomes visible when `db` commits, and never if it doesn't."""


class Database:
    """The app role's transactions, with a way to defer jobs and to derive links inside them.

    `secret` is the server's; only `auth.tokens` uses it, through `secret_of`. `sealing_keys` are what
    `auth.sealing` makes its keys from; the secret is always the last of them.
    """

    def __init__(
        self, engine: Engine, deferrer: Deferrer, *, secret: str, sealing_keys: Sequence[str] = ()
    ) -> None:
        self.engine = engine
        self._deferrer = deferrer
        self._secret = secret
        self._sealing_secrets = (*sealing_keys, secret)

    @contextmanager
    def transaction(
        self,
        *,
        partner_id: UUID | None = None,
        customer_id: UUID | None = None,
        user_id: UUID | None = None,
        member_id: UUID | None = None,
        invoice_id: UUID | None = None,
    ) -> Iterator[Session]:
        """A session that commits at the end of the block, and rolls back if the block raises."""
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            db.info.update(
                deferrer=self._deferrer, secret=self._secret, sealing_secrets=self._sealing_secrets
            )
            if partner_id or customer_id or user_id:
                enter(
                    db, partner_id=partner_id, customer_id=customer_id, user_id=user_id, member_id=member_id,
                    invoice_id=invoice_id,
                )  # fmt: skip
            yield db

    def close(self) -> None:
        """Give all connections back to the server."""
        self.engine.dispose()


def enter(
    db: Session,
    *,
    partner_id: UUID | None = None,
    customer_id: UUID | None = None,
    user_id: UUID | None = None,
    member_id: UUID | None = None,
    invoice_id: UUID | None = None,
    billed_id: UUID | None = None,
) -> None:
    """Set whose rows this transaction sees. What is not given is unset.

    `invoice_id` and `billed_id` are what a guest may read: one invoice, and the customer it is billed to. A
    guest who pays enters the customer; with `invoice_id` set nothing beyond that invoice can be written.
    """
    db.execute(
        text(
            "select set_config('remit.partner', :partner, true), "
            "set_config('remit.customer', :customer, true), set_config('remit.user', :user, true), "
            "set_config('remit.member', :member, true), "
            "set_config('remit.invoice', :invoice, true), set_config('remit.billed', :billed, true)"
        ),
        {
            "partner": str(partner_id or ""),
            "customer": str(customer_id or ""),
            "user": str(user_id or ""),
            "member": str(member_id or ""),
            "invoice": str(invoice_id or ""),
            "billed": str(billed_id or ""),
        },
    )


@contextmanager
def as_member(db: Session, member_id: UUID) -> Iterator[None]:
    """See what one member alone has, to end it with their place."""
    setting = text("select set_config('remit.member', :member, true)")
    before = db.execute(text("select current_setting('remit.member', true)")).scalar_one()
    db.execute(setting, {"member": str(member_id)})
    yield
    db.execute(setting, {"member": before or ""})


def defer(db: Session, job: str, **ids: UUID | str) -> None:
    """Queue `job` in this transaction: it runs if and only if the transaction commits.

    Jobs carry ids only, so that no queue row ever holds a text, an amount or a secret.
    """
    deferrer: Deferrer = db.info["deferrer"]
    deferrer(db, job, {name: str(value) for name, value in ids.items()})


def secret_of(db: Session) -> str:
    """The server's secret, which links in mails are derived from."""
    secret: str = db.info["secret"]
    return secret


def sealing_secrets_of(db: Session) -> tuple[str, ...]:
    """What sealed columns are sealed with: the first seals, all open."""
    held: tuple[str, ...] = db.info["sealing_secrets"]
    return held
