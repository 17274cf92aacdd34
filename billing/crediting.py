"""Crediting: a note takes a claim back, and what it leaves is applied to other invoices.

Surprise: a part of a line is split into its net amount and its taxes by what is left of each, the largest
remainder getting the last cent, so that crediting the rest always comes out even (GUARANTEES M-15).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col, select

from auth import audit
from auth.actors import Action, Actor
from billing import credit_note_sending, credit_notes, invoice_balances, invoices, ledger, search
from billing.credit_notes import CreditApplication, CreditNote, CreditNoteLine, Parts
from billing.customers import Customer
from billing.inputs import Input
from billing.invoice_fields import AmountInput, read_amount, terms_of
from billing.invoice_life import NotOpen, WrittenOff
from billing.invoices import Invoice, InvoiceLine, InvoiceStatus
from billing.ledger import Account, EntryCause, Leg
from billing.money import Currency, Money, allocate
from billing.outside_shares import NothingLeft
from billing.papers import invoice_paper
from billing.partners import Partner
from billing.payment_orders import LessIsLeft, OtherRequest
from billing.texts import Checks
from db.columns import new_id
from errors import Conflict, NotFound, Problem
from languages import say


class CreditLineInput(Input):
    """A line of the invoice, and what to credit of it with its taxes; left out: all that is left of it."""

    line_id: UUID
    amount: str | AmountInput | None = None


class CreditNoteInput(Input):
    """Why, and which lines; no lines given: whatever is not credited yet."""

    reason: str | None = None
    lines: Sequence[CreditLineInput] | None = None


class ApplyInput(Input):
    """How much of the credit to apply; left out: as much as there is of both."""

    amount: str | AmountInput | None = None


class _Piece(NamedTuple):
    """What is credited of a line."""

    line: InvoiceLine
    parts: Parts


class Tried(NamedTuple):
    """What a note would come to, how much of that would come off its invoice, and what can't be read."""

    total: Money
    applied: Money
    problems: tuple[Problem, ...]


class NothingToCredit(Conflict):
    """Credit notes took all of it back."""

    code = "NOTHING_TO_CREDIT"
    message = "All of this invoice is credited already."


class NoCredit(Conflict):
    """There is nothing to apply."""

    code = "NO_CREDIT"
    message = "This customer has no credit left."


class LessCredit(Conflict):
    """Somebody else applies or applied part of it."""

    code = "LESS_CREDIT"

    def __init__(self, credit: Money) -> None:
        super().__init__(say("Only {credit} of the customer's credit is left.", credit=credit))


def issue(
    db: Session,
    actor: Actor,
    *,
    invoice_id: UUID,
    fields: CreditNoteInput,
    request_key: str,
    send: bool = False,
    now: datetime,
) -> CreditNote:
    """Take back an open or a paid invoice, whole or by line. The note takes the partner's next number.

    To `send` it is to mail it to the customer's managers and payers, if there are any.

    What is open and no payment under way is for goes first; the rest is kept as the customer's credit. With
    nothing left to pay, the invoice is PAID. The same actor's same `request_key` is the same note again.
    Refuses NotFound, NotOpen, WrittenOff, NothingToCredit, OtherRequest, at ("reason",) those of clean_line,
    at ("lines",) REQUIRED, and at ("lines", row, field) DUPLICATE, NOT_POSITIVE, TOO_LARGE,
    OTHER_CURRENCY and those of read_decimal.
    """
    actor.require(Action.VOID_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    mine = (
        CreditNote.partner_id == actor.partner_id,
        col(CreditNote.created_by).is_not_distinct_from(actor.id),
        CreditNote.request_key == request_key,
    )
    earlier = db.exec(select(CreditNote).where(*mine)).one_or_none()
    if earlier is not None:
        return _require_said_again(db, earlier, fields, invoice)
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        raise WrittenOff
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.PAID):
        raise NotOpen(invoice)
    lines = _lines_left(db, invoice)
    if not any(piece.parts.total_minor for piece in lines):
        raise NothingToCredit
    reason, pieces = _read(fields, lines, invoice.currency)
    net = sum(piece.parts.net_minor for piece in pieces)
    total = sum(piece.parts.total_minor for piece in pieces)
    note = CreditNote(
        partner_id=actor.partner_id, id=new_id(), customer_id=customer.id, invoice_id=invoice.id,
        number=_next_number(db, actor), currency=invoice.currency, net_minor=net, tax_minor=total - net,
        total_minor=total, applied_minor=min(total, invoice_balances.left_minor(invoice)), reason=reason,
        issue_on=terms_of(db, actor, customer=customer, now=now).today, created_by=actor.id,
        request_key=request_key, created_at=now, updated_at=now,
    )  # fmt: skip
    _keep(db, note, pieces, found_by=(invoice.number, customer.company))
    if note.applied_minor:
        invoice_balances.credit(db, actor, shares={invoice.id: note.applied_minor}, now=now)
    _post_note(db, actor, note, now)
    _write_down(
        db, actor, "credit_note.created", invoice, now, amount_minor=total, credit_note=note.number,
        kept_minor=total - note.applied_minor,
    )  # fmt: skip
    if send:
        credit_note_sending.with_note(db, actor, customer=customer, invoice=invoice, note=note, now=now)
    return note


def try_out(db: Session, actor: Actor, *, invoice_id: UUID, lines: Sequence[CreditLineInput] | None) -> Tried:
    """What crediting these lines would come to (None: all that is left), without those that `issue` refuses.

    Nothing is written, nothing held. Refuses NotFound.
    """
    actor.require(Action.VOID_INVOICES)
    invoice, checks = invoice_paper(db, actor, invoice_id=invoice_id).invoice, Checks()
    left = {piece.line.id: piece for piece in _lines_left(db, invoice)}
    pieces = list(left.values()) if lines is None else []
    for row, typed in enumerate(lines or ()):
        problems, piece = len(checks.problems), left.get(typed.line_id)
        if piece is None:
            raise NotFound
        share = _share(checks.under("lines", row), typed, piece, invoice.currency)
        pieces += [share] if len(checks.problems) == problems else []
    total = sum(piece.parts.total_minor for piece in pieces)
    applied = min(total, invoice_balances.left_minor(invoice))
    return Tried(Money(total, invoice.currency), Money(applied, invoice.currency), tuple(checks.problems))


def apply(
    db: Session, actor: Actor, *, invoice_id: UUID, fields: ApplyInput, request_key: str, now: datetime
) -> CreditApplication:
    """Take the customer's credit off an open invoice of its; no amount: as much as there is of both.

    With nothing left to pay, the invoice is PAID. The same actor's same `request_key` is the same act again.
    Refuses NotFound, NotOpen, NothingLeft, LessIsLeft, NoCredit, LessCredit, OtherRequest, and at ("amount",)
    NOT_POSITIVE, OTHER_CURRENCY and those of read_decimal.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    mine = (
        CreditApplication.partner_id == actor.partner_id,
        col(CreditApplication.applied_by).is_not_distinct_from(actor.id),
        CreditApplication.request_key == request_key,
    )
    earlier = db.exec(select(CreditApplication).where(*mine)).one_or_none()
    checks = Checks()
    wanted = read_amount(checks, "amount", fields.amount, invoice.currency, required=False)
    given = _is_given(fields.amount)
    if given and wanted.minor == 0 and not checks.problems:
        checks.refuse("amount", code="NOT_POSITIVE", message="Enter an amount above zero.")
    checks.done()
    if earlier is not None:
        if earlier.invoice_id != invoice.id or (given and wanted.minor != earlier.amount_minor):
            raise OtherRequest
        return earlier
    wanted = _within(customer, invoice, wanted if given else None)
    made = CreditApplication(
        partner_id=actor.partner_id, id=new_id(), customer_id=customer.id, invoice_id=invoice.id,
        amount_minor=wanted.minor, currency=invoice.currency, applied_by=actor.id, request_key=request_key,
        created_at=now, updated_at=now,
    )  # fmt: skip
    db.add(made)
    db.flush()
    invoice_balances.credit(db, actor, shares={invoice.id: made.amount_minor}, now=now)
    _post_application(db, actor, made, now)
    _write_down(db, actor, "credit.applied", invoice, now, amount_minor=made.amount_minor)
    return made


def _within(customer: Customer, invoice: Invoice, wanted: Money | None) -> Money:
    """What to apply: what is wanted, or as much as there is of both; never more than either."""
    if invoice.status is not InvoiceStatus.OPEN:
        raise NotOpen(invoice)
    left = Money(invoice_balances.left_minor(invoice), invoice.currency)
    credit = Money(customer.credit_minor, invoice.currency)
    if not credit.minor:
        raise NoCredit
    if not left.minor:
        raise NothingLeft
    wanted = wanted or min(left, credit)
    if wanted > left:
        raise LessIsLeft(invoice, left)
    if wanted > credit:
        raise LessCredit(credit)
    return wanted


def _is_given(amount: str | AmountInput | None) -> bool:
    return isinstance(amount, AmountInput) or bool((amount or "").strip())


def _lines_left(db: Session, invoice: Invoice) -> list[_Piece]:
    """The invoice's lines with what no note took back yet."""
    taxes, noted = invoices.taxes_of(db, invoice), credit_notes.parts_noted(db, invoice)
    found = []
    for line in invoices.lines_of(db, invoice):
        each = [tax.tax_minor for tax in taxes.get(line.id, ())]
        gone = noted.get(line.id, Parts(0, (0,) * len(each)))
        rest = tuple(tax - less for tax, less in zip(each, gone.taxes_minor, strict=True))
        found.append(_Piece(line, Parts(line.net_minor - gone.net_minor, rest)))
    return found


def _read(fields: CreditNoteInput, lines: Sequence[_Piece], currency: Currency) -> tuple[str, list[_Piece]]:
    """The reason and what to credit of which line, in the invoice's order; every wrong field at once."""
    checks = Checks()
    reason = checks.line("reason", fields.reason, required=True, limit=300)
    if fields.lines is None:
        checks.done()
        return reason, [piece for piece in lines if piece.parts.total_minor]
    by_id = {piece.line.id: piece for piece in lines}
    chosen: dict[UUID, _Piece] = {}
    for row, typed in enumerate(fields.lines):
        at, piece = checks.under("lines", row), by_id.get(typed.line_id)
        if piece is None:
            raise NotFound  # another invoice's line is nobody's
        if piece.line.id in chosen:
            at.refuse("line_id", code="DUPLICATE", message="Choose each line once.")
        else:
            chosen[piece.line.id] = _share(at, typed, piece, currency)
    if not fields.lines:
        checks.refuse("lines", code="REQUIRED", message="Choose at least one line.")
    checks.done()
    return reason, [chosen[piece.line.id] for piece in lines if piece.line.id in chosen]


def _share(checks: Checks, typed: CreditLineInput, piece: _Piece, currency: Currency) -> _Piece:
    """What is credited of a line, split into net and taxes; what is wrong is noted."""
    problems, left = len(checks.problems), Money(piece.parts.total_minor, currency)
    amount = read_amount(checks, "amount", typed.amount, currency, required=False)
    given = _is_given(typed.amount)
    if len(checks.problems) > problems:
        return piece
    if not left.minor:
        checks.refuse("amount", code="TOO_LARGE", message="All of this line is credited already.")
    elif given and not amount.minor:
        checks.refuse("amount", code="NOT_POSITIVE", message="Enter an amount above zero.")
    elif amount > left:
        message = say("Credit at most {left}, which is left of this line.", left=left)
        checks.refuse("amount", code="TOO_LARGE", message=message)
    if not given or len(checks.problems) > problems:
        return piece
    net, *taxes = allocate(amount.minor, [piece.parts.net_minor, *piece.parts.taxes_minor])
    return _Piece(piece.line, Parts(net, tuple(taxes)))


def _require_said_again(
    db: Session, earlier: CreditNote, fields: CreditNoteInput, invoice: Invoice
) -> CreditNote:
    """The note of this key, if it was asked for like this. What is left out stands for what it stood for."""
    reason = Checks().line("reason", fields.reason, required=True, limit=300)
    same = earlier.invoice_id == invoice.id and earlier.reason == reason
    if same and fields.lines is not None:
        made = {line.line_id: line.total_minor for line in credit_notes.lines_of(db, earlier)}
        checks, asked = Checks(), {line.line_id: line.amount for line in fields.lines}
        read = {
            line_id: read_amount(checks, "amount", amount, invoice.currency, required=False).minor
            for line_id, amount in asked.items()
        }
        same = made.keys() == asked.keys() and all(
            not minor_ or made[line_id] == minor_ for line_id, minor_ in read.items()
        )
    if not same:
        raise OtherRequest
    return earlier


def _next_number(db: Session, actor: Actor) -> str:
    """Taken with the partner's row locked until this transaction ends, so numbers have no gaps."""
    taken = db.execute(
        update(Partner)
        .where(col(Partner.id) == actor.partner_id)
        .values(next_credit_note_number=col(Partner.next_credit_note_number) + 1)
        .returning(col(Partner.credit_note_prefix), col(Partner.next_credit_note_number) - 1)
        .execution_options(synchronize_session=False)
    ).one()
    return f"{taken[0]}{taken[1]:05d}"


def _keep(db: Session, note: CreditNote, pieces: Sequence[_Piece], *, found_by: Sequence[str]) -> None:
    db.add(note)
    db.flush()
    db.add_all(
        CreditNoteLine(
            partner_id=note.partner_id, id=new_id(), customer_id=note.customer_id, invoice_id=note.invoice_id,
            credit_note_id=note.id, line_id=line.id, position=position, net_minor=parts.net_minor,
            tax_minor=sum(parts.taxes_minor), taxes_minor=list(parts.taxes_minor),
            total_minor=parts.total_minor,
        )
        for position, (line, parts) in enumerate(pieces)
    )  # fmt: skip
    db.flush()
    search.keep(
        db, partner_id=note.partner_id, customer_id=note.customer_id, kind=credit_notes.SEARCHED_AS,
        subject_id=note.id, texts=(note.number, note.reason, *found_by),
    )  # fmt: skip


def _post_note(db: Session, actor: Actor, note: CreditNote, now: datetime) -> None:
    kept = note.total_minor - note.applied_minor
    legs = [
        Leg(Account.SALES, note.net_minor, note.currency, invoice_id=note.invoice_id),
        Leg(Account.TAX_PAYABLE, note.tax_minor, note.currency, invoice_id=note.invoice_id),
        Leg(Account.RECEIVABLE, -note.applied_minor, note.currency, invoice_id=note.invoice_id),
        Leg(Account.CUSTOMER_CREDIT, -kept, note.currency),
    ]
    ledger.post(
        db, actor, cause=EntryCause.CREDIT_NOTE_ISSUED, subject_id=note.id, customer_id=note.customer_id,
        legs=legs, now=now,
    )  # fmt: skip


def _post_application(db: Session, actor: Actor, made: CreditApplication, now: datetime) -> None:
    legs = [
        Leg(Account.CUSTOMER_CREDIT, made.amount_minor, made.currency),
        Leg(Account.RECEIVABLE, -made.amount_minor, made.currency, invoice_id=made.invoice_id),
    ]
    ledger.post(
        db, actor, cause=EntryCause.CREDIT_APPLIED, subject_id=made.id, customer_id=made.customer_id,
        legs=legs, now=now,
    )  # fmt: skip


def _write_down(
    db: Session, actor: Actor, action: str, invoice: Invoice, now: datetime, **more: str | int
) -> None:
    audit.record(
        db, actor, action=action, subject_kind="invoice", subject_id=invoice.id,
        customer_id=invoice.customer_id, now=now, number=invoice.number, currency=invoice.currency.value,
        **more,
    )  # fmt: skip
