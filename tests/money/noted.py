"""What staff write down in the model: money from outside, its reversal, and giving an invoice up."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing import invoice_life, outside_payments
from billing.outside_payments import OutsideInput
from tests.money.reference import Noted

which = st.integers(0, 1_000)
amounts = st.sampled_from(["all", "all", "half", "cent", "more"])


class Notes:
    """The rules of it, for the machine: they meet card payments, crashes and voids in any order."""

    @rule(n=which, how=amounts)
    def note_money_from_outside(self, n: int, how: str) -> None:
        self.steps.append("note_money_from_outside")
        number = n % len(self.ids)
        claim = self.reference.claims[number]
        (minor,) = self.wanted([number], how).values()
        code = self.reference.refusal({number: minor})
        if code == "LESS_IS_LEFT" and not claim.left:
            code = "NOTHING_LEFT"
        typed = OutsideInput(kind="CHECK", amount=f"{minor // 100}.{minor % 100:02d}")
        key = f"note-{len(self.reference.noted)}"
        made = []

        def act() -> None:
            what = {"invoice_id": self.ids[number], "fields": typed, "request_key": key}
            made.append(self.staff(outside_payments.record, **what))

        self.refused(act, code)
        if code is None:
            self.reference.note(number, minor, made[0].id)
            assert self.staff(
                outside_payments.record, invoice_id=self.ids[number], fields=typed, request_key=key
            ).id == made[0].id  # fmt: skip

    @precondition(lambda self: self.reference.noted)
    @rule(n=which)
    def take_a_note_back(self, n: int) -> None:
        self.steps.append("take_a_note_back")
        noted: Noted = self.reference.noted[n % len(self.reference.noted)]
        claim = self.reference.claims[noted.number]
        given_up = noted.stands and claim.status == "UNCOLLECTIBLE"
        self.refused(
            lambda: self.staff(outside_payments.reverse, payment_id=noted.id, reason="It bounced"),
            "INVOICE_WRITTEN_OFF" if given_up else None,
        )
        if noted.stands and not given_up:
            self.reference.take_back(noted)

    @rule(n=which)
    def write_an_invoice_off(self, n: int) -> None:
        self.steps.append("write_an_invoice_off")
        number = n % len(self.ids)
        claim = self.reference.claims[number]
        code = None
        if claim.status not in ("OPEN", "UNCOLLECTIBLE"):
            code = "INVOICE_NOT_OPEN"
        elif claim.reserved:
            code = "PAYMENT_UNDER_WAY"
        self.refused(
            lambda: self.staff(invoice_life.write_off, invoice_id=self.ids[number], reason=None), code
        )
        claim.status = claim.status if code else "UNCOLLECTIBLE"

    @rule(n=which)
    def reopen_an_invoice(self, n: int) -> None:
        self.steps.append("reopen_an_invoice")
        number = n % len(self.ids)
        claim = self.reference.claims[number]
        code = None if claim.status == "UNCOLLECTIBLE" else "INVOICE_NOT_WRITTEN_OFF"
        self.refused(lambda: self.staff(invoice_life.reopen, invoice_id=self.ids[number]), code)
        claim.status = claim.status if code else "OPEN"
