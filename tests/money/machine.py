"""The machine behind the model: what people, the gateway, the network and the clock may do next."""

import json
from datetime import datetime
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import select

from billing import invoice_life, invoice_sending, invoices, ledger
from billing.customers import Customer
from billing.invoices import Invoice
from billing.mails import Mail, MailKind
from billing.payments import Payment
from billing.ports import BadSignature
from db.session import Database
from errors import Refusal
from integrations import paying, reconciling
from integrations.gateways.sandbox.client import SandboxGateway
from integrations.gateways.signatures import sign
from tests.gateway import WEBHOOK_SECRET, RunningSandbox
from tests.money.credited import Credits
from tests.money.desk import AUTHENTICATES, DECLINED, VISA, Clock, Desk, one_line
from tests.money.newcomers import newcomers
from tests.money.noted import Notes
from tests.money.race import at_once
from tests.money.reference import OPEN, Attempt, Claim, Reference

NUMBERS = {"good": VISA, "bad": DECLINED, "careful": AUTHENTICATES}
NOT_CARRIED_OUT = ("500", "reset_before")

which = st.integers(0, 1_000)
who = st.sampled_from(["petra", "carl", "ada"])
cards = st.sampled_from(["good", "bad", "careful"])
faults = st.sampled_from([None, None, None, "500", "500_after", "reset", "reset_before"])
points = st.sampled_from([None, None, None, "reserve", "send", "apply", "mail", "commit"])
amounts = st.sampled_from(["all", "all", "half", "cent", "more"])


class Crash(BaseException):
    """The process is gone: nothing of it happens any more."""


class Machine(Notes, Credits, RuleBasedStateMachine):
    """A customer with two users who pay; a gateway that fails; crashes; events in any order."""

    database: Database
    sandbox: RunningSandbox
    nobody: SandboxGateway
    clock: Clock
    noon: datetime
    steps: list[str]

    @initialize()
    def open(self) -> None:
        cast, account = newcomers(self.database, now=self.noon)
        self.clock.now = self.noon
        self.desk = Desk(self.database, self.sandbox, cast, self.clock, account)
        self.reference = Reference()
        self.ids: list = []
        self.orders: list[dict] = []
        self.seen: set[str] = set()
        self.cards: dict = {}
        for minor in (10_000, 2_501):
            self.new_invoice(minor, issue=True)

    def refused(self, act, code: str | None) -> None:
        """`act` is refused with `code`; with None it must go through."""
        met = None
        try:
            act()
        except Refusal as refusal:
            met = refusal.code
        assert met == code

    def staff(self, verb, **what):
        ada = self.desk.cast.ada
        with self.database.transaction(partner_id=ada.partner_id) as db:
            made = verb(db, ada, **what, now=self.clock())
            if verb is invoices.create_draft:
                self.ids.append(made.id)
            return made

    # Invoices.

    @rule(minor=st.integers(1, 30_000), issue=st.sampled_from([True, True, True, False]))
    def make_invoice(self, minor: int, issue: bool) -> None:
        self.new_invoice(minor, issue=issue)
        self.steps.append("make_invoice")

    def new_invoice(self, minor: int, *, issue: bool) -> None:
        acme = self.desk.cast.customers["acme"]
        self.staff(invoices.create_draft, customer_id=acme, fields=one_line(minor))
        self.reference.claims.append(Claim(minor))
        if issue:
            self.staff(invoice_life.finalize, invoice_id=self.ids[-1])
            self.reference.claims[-1].status = "OPEN"

    @rule(n=which, minor=st.integers(1, 30_000))
    def edit_invoice(self, n: int, minor: int) -> None:
        number = n % len(self.ids)
        claim = self.reference.claims[number]
        change = {"invoice_id": self.ids[number], "fields": one_line(minor)}
        code = None if claim.status == "DRAFT" else "INVOICE_ISSUED"
        self.refused(lambda: self.staff(invoices.update_draft, **change), code)
        claim.total = claim.total if code else minor
        self.steps.append("edit_invoice")

    @rule(n=which)
    def send_invoice(self, n: int) -> None:
        number = n % len(self.ids)
        claim = self.reference.claims[number]
        code = "INVOICE_NOT_OPEN" if claim.status in ("VOID", "UNCOLLECTIBLE") else None
        self.refused(lambda: self.staff(invoice_sending.send, invoice_id=self.ids[number]), code)
        claim.status = "OPEN" if claim.status == "DRAFT" else claim.status
        self.steps.append("send_invoice")

    @rule(n=which)
    def void_invoice(self, n: int) -> None:
        number = n % len(self.ids)
        claim = self.reference.claims[number]
        code = None
        if claim.status in ("DRAFT", "PAID", "UNCOLLECTIBLE"):
            code = "INVOICE_NOT_OPEN"
        elif claim.paid:
            code = "INVOICE_PARTLY_PAID"
        elif claim.credited or claim.noted:
            code = "INVOICE_CREDITED"
        elif claim.reserved:
            code = "PAYMENT_UNDER_WAY"
        self.refused(lambda: self.staff(invoice_life.void, invoice_id=self.ids[number]), code)
        claim.status = claim.status if code else "VOID"
        self.steps.append("void_invoice")

    # Paying.

    def order(self, actor: str, card: str, shares: dict[int, int]) -> dict:
        if card not in self.cards:
            self.cards[card] = self.desk.card(NUMBERS[card])
        listed = [(self.ids[number], minor) for number, minor in shares.items()]
        return {**self.desk.order(self.cards[card], listed), "actor": self.desk.cast.actors[actor]}

    def send(self, order: dict, *, point: str | None = None, gateway=None) -> Payment | None:
        """Pay; None if the process died at `point`."""

        def reached(name: str) -> None:
            if name == point:
                raise Crash

        how = {"clock": self.clock, "reached": reached}
        rest = {name: value for name, value in order.items() if name != "actor"}
        try:
            return paying.pay(self.database, gateway or self.sandbox.gateway, order["actor"], **rest, **how)
        except Crash:
            return None

    def wanted(self, numbers: list[int], how: str) -> dict[int, int]:
        shares = {}
        for number in numbers:
            claim = self.reference.claims[number]
            left = claim.left or claim.total
            minor = {"all": left, "half": (left + 1) // 2, "cent": 1, "more": left + 1}[how]
            shares[number] = min(minor, claim.total)
        return shares

    def picked(self, n: int, several: bool) -> list[int]:
        first = n % len(self.ids)
        return list(dict.fromkeys([first, (n * 7 + 1) % len(self.ids)])) if several else [first]

    @rule(n=which, several=st.booleans(), how=amounts, actor=who, card=cards, fault=faults, point=points)
    def pay(self, n, several, how, actor, card, fault, point) -> None:
        self.steps.append("pay")
        shares = self.wanted(self.picked(n, several), how)
        order = self.order(actor, card, shares)
        drafts = any(self.reference.claims[number].status == "DRAFT" for number in shares)
        code = "NOT_FOUND" if drafts else self.reference.refusal(shares)
        if code:
            self.refused(lambda: self.send(order), code)
            return
        attempt = self.reference.begin(shares, card, self.clock())
        self.orders.append(order)
        if point == "reserve":
            assert self.send(order, point=point) is None
            return
        if fault:
            self.sandbox.fail(fault, account=self.desk.account)
        payment = self.send(order, point=point)
        attempt.sent(self.clock())
        said = None if fault in NOT_CARRIED_OUT else attempt.charged(self.clock())
        if point == "send":
            assert payment is None
        elif fault:
            attempt.known = "UNKNOWN"
        elif said == "SUCCEEDED" and point in ("apply", "mail"):
            assert payment is None
        else:
            self.reference.hear(attempt, said)

    @rule(n=which, how=amounts)
    def pay_while_the_gateway_is_down(self, n: int, how: str) -> None:
        self.steps.append("pay_while_the_gateway_is_down")
        shares = self.wanted(self.picked(n, False), how)
        if any(self.reference.claims[number].status == "DRAFT" for number in shares):
            return
        code, order = self.reference.refusal(shares), self.order("petra", "good", shares)
        self.refused(lambda: self.send(order, gateway=self.nobody), code)
        if code is None:
            self.orders.append(order)
            attempt = self.reference.begin(shares, "good", self.clock())
            attempt.sent(self.clock())
            self.reference.hear(attempt, "FAILED")

    @precondition(lambda self: any(claim.left for claim in self.reference.claims))
    @rule(n=which)
    def two_pay_the_same_at_once(self, n: int) -> None:
        payable = [number for number, claim in enumerate(self.reference.claims) if claim.left]
        number = payable[n % len(payable)]
        shares = {number: self.reference.claims[number].left}
        orders = [self.order(actor, "good", shares) for actor in ("petra", "carl")]
        outcomes = at_once([lambda o=order: self.send(o) for order in orders])
        won = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Payment)]
        assert len(won) == 1
        self.orders.append(orders[won[0]])
        attempt = self.reference.begin(shares, "good", self.clock())
        attempt.sent(self.clock())
        self.reference.hear(attempt, attempt.charged(self.clock()))
        self.steps.append("two_pay_the_same_at_once")

    @precondition(lambda self: self.orders)
    @rule(n=which, other=st.booleans())
    def submit_again(self, n: int, other: bool) -> None:
        self.steps.append("submit_again")
        place = n % len(self.orders)
        order, attempt = self.orders[place], self.reference.attempts[place]
        if other:
            share = order["shares"][0]
            changed = {**order, "shares": [share._replace(amount=share.amount + share.amount)]}
            self.refused(lambda: self.send(changed), "IDEMPOTENCY_CONFLICT")
            return
        self.send(order)
        if attempt.may_be_sent(self.clock()):
            attempt.sent(self.clock())
            self.reference.hear(attempt, attempt.charged(self.clock()))

    # What comes afterwards.

    def payment(self, place: int) -> Payment:
        key = self.orders[place]["idempotency_key"]
        (payment,) = self.desk.read(select(Payment).where(Payment.request_key == key))
        return payment

    @precondition(lambda self: self.orders)
    @rule(n=which)
    def cancel(self, n: int) -> None:
        self.steps.append("cancel")
        place = n % len(self.orders)
        attempt, petra = self.reference.attempts[place], self.desk.cast.petra
        unsent = attempt.known == "PENDING" and not attempt.tries

        def act() -> None:
            paying.cancel(
                self.database, self.sandbox.gateway, petra,
                payment_id=self.payment(place).id, clock=self.clock,
            )  # fmt: skip

        waiting = attempt.known == "REQUIRES_ACTION"
        possible = unsent or waiting or attempt.known == "CANCELED"
        self.refused(act, None if possible else "PAYMENT_CANNOT_BE_CANCELED")
        if unsent:
            self.reference.hear(attempt, "CANCELED")
        elif waiting:
            if attempt.asked(self.clock()) == "REQUIRES_ACTION":
                attempt.truth = "FAILED"
            self.reference.hear(attempt, attempt.truth)

    @precondition(lambda self: any(a.known == "REQUIRES_ACTION" for a in self.reference.attempts))
    @rule(n=which, passed=st.booleans(), come_back=st.booleans())
    def confirm_at_the_bank(self, n: int, passed: bool, come_back: bool) -> None:
        self.steps.append("confirm_at_the_bank")
        waiting = [p for p, a in enumerate(self.reference.attempts) if a.known == "REQUIRES_ACTION"]
        place = waiting[n % len(waiting)]
        attempt, payment = self.reference.attempts[place], self.payment(place)
        self.sandbox.authenticate(payment.action_url, passed=passed)
        if attempt.asked(self.clock()) == "REQUIRES_ACTION":
            attempt.truth = "SUCCEEDED" if passed else "FAILED"
        if come_back:
            paying.refresh(
                self.database, self.sandbox.gateway, self.desk.cast.petra,
                payment_id=payment.id, clock=self.clock,
            )  # fmt: skip
            self.reference.hear(attempt, attempt.asked(self.clock()))

    @precondition(lambda self: any(attempt.truth for attempt in self.reference.attempts))
    @rule(n=which, how=st.sampled_from(["genuine", "genuine", "genuine", "forged", "smaller", "other mode"]))
    def an_event_comes(self, n: int, how: str) -> None:
        self.steps.append("an_event_comes")
        bodies = [body for body in self.desk.events() if json.loads(body)["type"] != "setup.completed"]
        body = bodies[n % len(bodies)]
        event = json.loads(body)
        charge = event["object"]
        if how == "forged":
            header = sign(body.encode(), secrets=[WEBHOOK_SECRET], at=self.clock())
            with pytest.raises(BadSignature):
                self.desk.receive(body.replace("charge", "chargE", 1), header=header)
        elif how == "smaller":
            smaller = {**charge, "amount_minor": charge["amount_minor"] // 2}
            changed = {**event, "id": f"evt_{uuid4().hex}", "object": smaller}
            assert self.desk.deliver(json.dumps(changed)) == "REFUSED"
        elif how == "other mode":
            changed = {**event, "id": f"evt_{uuid4().hex}", "livemode": True}
            assert self.desk.deliver(json.dumps(changed)) == "REFUSED"
        else:
            first = event["id"] not in self.seen
            self.seen.add(event["id"])
            assert self.desk.deliver(body) == ("APPLIED" if first else None)
            if first:
                attempt = self.attempt_with(charge["key"])
                waiting = charge["status"] == "REQUIRES_ACTION"
                self.reference.hear(attempt, attempt.asked(self.clock()) if waiting else charge["status"])

    def attempt_with(self, gateway_key: str) -> Attempt:
        wanted = select(Payment.request_key).where(Payment.gateway_key == gateway_key)
        (key,) = self.desk.read(wanted)
        places = [place for place, order in enumerate(self.orders) if order["idempotency_key"] == key]
        return self.reference.attempts[places[0]]

    # Time and the reconciler have nothing to change before the first attempt.
    @precondition(lambda self: self.orders)
    @rule(minutes=st.sampled_from([1, 3, 10, 40, 90]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)
        self.steps.append("time_passes")

    @precondition(lambda self: self.orders)
    @rule()
    def reconcile(self) -> None:
        self.bring_on()
        self.steps.append("reconcile")

    def bring_on(self) -> None:
        self.clock.advance(minutes=3)
        for attempt in self.reference.attempts:
            self.reference.reconcile(attempt, self.clock())
        reconciling.reconcile_partner(
            self.database, self.sandbox.gateway, partner_id=self.desk.cast.ada.partner_id,
            found=reconciling.Found(), now=self.clock(),
        )  # fmt: skip

    @invariant()
    def the_same_as_the_reference(self) -> None:
        reference = self.reference
        with self.database.transaction(partner_id=self.desk.cast.ada.partner_id) as db:
            assert ledger.check(db) == []
            found = {row.id: row for row in db.exec(select(Invoice))}
            keyed = dict(db.exec(select(Payment.request_key, Payment.status)).all())
            receipts = db.exec(select(Mail.id).where(Mail.kind == MailKind.RECEIPT)).all()
            ((owed, credit),) = db.exec(select(Customer.open_minor, Customer.credit_minor)).all()
        rows = [found[id_] for id_ in self.ids]
        stored = ("status", "total_minor", "paid_minor", "reserved_minor", "credited_minor")
        assert [tuple(getattr(row, name) for name in stored) for row in rows] == [
            (claim.status, claim.total, claim.paid, claim.reserved, claim.credited)
            for claim in reference.claims
        ]
        assert [keyed[order["idempotency_key"]] for order in self.orders] == [
            attempt.known for attempt in reference.attempts
        ]
        assert (owed, credit) == (sum(claim.owed for claim in reference.claims), reference.credit)
        assert len(receipts) == sum(attempt.known == "SUCCEEDED" for attempt in reference.attempts)

    def teardown(self) -> None:
        """In the end everything is settled, and the gateway took exactly what was paid."""
        if not hasattr(self, "desk"):
            return
        for _ in range(3):
            self.bring_on()
            self.clock.advance(minutes=60)
        self.the_same_as_the_reference()
        assert not [attempt for attempt in self.reference.attempts if attempt.known in OPEN]
        outside = sum(noted.minor for noted in self.reference.noted if noted.stands)
        assert self.desk.captured() + outside == sum(claim.paid for claim in self.reference.claims)
