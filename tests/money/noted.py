"""What staff write down in the model: money from outside, its reversal, and giving an invoice up."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing import invoice_life, outside_payments
from billing.outside_payments import OutsideInput
from billing.outside_shares import OutsideShareInput
from errors import Invalid
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
        typed = OutsideInput(kind="CHECK", amount=_text(minor))
        key = f"note-{len(self.reference.noted)}"
        made = []

        def act() -> None:
            what = {"invoice_id": self.ids[number], "fields": typed, "request_key": key}
            made.append(self.staff(outside_payments.record, **what))

        self.refused(act, code)
        if code is None:
            self.reference.note({number: minor}, 0, made[0].id)
            assert self.staff(
                outside_payments.record, invoice_id=self.ids[number], fields=typed, request_key=key
            ).id == made[0].id  # fmt: skip

    @rule(n=which, how=amounts, over=st.sampled_from([0, 0, 1, 700]), keep=st.booleans())
    def note_one_check_for_several(self, n: int, how: str, over: int, keep: bool) -> None:
        """What is above the shares is kept only if somebody says so."""
        self.steps.append("note_one_check_for_several")
        shares = self.wanted(self.picked(n, True), how)
        drafts = [self.reference.claims[number].status == "DRAFT" for number in shares]
        code = self.reference.refusal(shares)
        if any(self.reference.claims[number].status != "OPEN" for number in shares):
            code = "INVOICE_NOT_OPEN"  # whatever is left of the others
        if any(drafts):
            # The first is found though it is a draft, and refused for that; the others are not looked for.
            code = "INVOICE_NOT_OPEN" if drafts == [True] else "NOT_FOUND"
        elif code is None and over and not keep:
            code = Invalid.code
        typed = OutsideInput(
            kind="CHECK", amount=_text(sum(shares.values()) + over), keep_rest=keep,
            allocations=[
                OutsideShareInput(invoice_id=self.ids[number], amount=_text(minor))
                for number, minor in shares.items()
            ],
        )  # fmt: skip
        what = {"fields": typed, "request_key": f"note-{len(self.reference.noted)}"}
        made = []
        self.refused(lambda: made.append(self.staff(outside_payments.record, **what)), code)
        if code is None:
            self.reference.note(shares, over, made[0].id)
            assert self.staff(outside_payments.record, **what).id == made[0].id

    @precondition(lambda self: self.reference.noted)
    @rule(n=which)
    def take_a_note_back(self, n: int) -> None:
        self.steps.append("take_a_note_back")
        noted: Noted = self.reference.noted[n % len(self.reference.noted)]
        code = None
        if noted.stands and "UNCOLLECTIBLE" in {self.reference.claims[one].status for one in noted.shares}:
            code = "INVOICE_WRITTEN_OFF"
        elif noted.stands and noted.kept > self.reference.credit:
            code = "CREDIT_USED"
        self.refused(
            lambda: self.staff(outside_payments.reverse, payment_id=noted.id, reason="It bounced"), code
        )
        if noted.stands and code is None:
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


def _text(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
