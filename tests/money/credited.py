"""What staff credit in the model: notes over open and paid invoices, and the credit they leave."""

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlmodel import select

from billing import crediting
from billing.crediting import ApplyInput, CreditLineInput, CreditNoteInput
from billing.invoices import InvoiceLine
from errors import Invalid

which = st.integers(0, 1_000)
amounts = st.sampled_from(["all", "half", "cent", "more"])


class Credits:
    """The rules of it, for the machine: they meet payments, notes of money, write-offs and voids."""

    @rule(n=which, how=amounts)
    def make_a_credit_note(self, n: int, how: str) -> None:
        self.steps.append("make_a_credit_note")
        number = n % len(self.ids)
        claim = self.reference.claims[number]
        rest = claim.total - claim.noted
        minor = {"all": rest, "half": (rest + 1) // 2, "cent": min(rest, 1), "more": rest + 1}[how]
        code = {"UNCOLLECTIBLE": "INVOICE_WRITTEN_OFF", "OPEN": None, "PAID": None}.get(
            claim.status, "INVOICE_NOT_OPEN"
        )
        if code is None and not rest:
            code = "NOTHING_TO_CREDIT"
        elif code is None and how == "more":
            code = Invalid.code
        fields = CreditNoteInput(reason="Less work", lines=self.only_line(number, how, minor))
        what = {"invoice_id": self.ids[number], "fields": fields, "request_key": f"credit-{len(self.steps)}"}
        self.refused(lambda: self.staff(crediting.issue, **what), code)
        if code is None:
            self.reference.credit_note(number, minor)
            self.staff(crediting.issue, **what)

    def only_line(self, number: int, how: str, minor: int) -> list[CreditLineInput] | None:
        if how == "all":
            return None
        (line,) = self.desk.read(select(InvoiceLine.id).where(InvoiceLine.invoice_id == self.ids[number]))
        return [CreditLineInput(line_id=line, amount=_text(minor))]

    @rule(n=which, how=amounts)
    def apply_credit(self, n: int, how: str) -> None:
        self.steps.append("apply_credit")
        number = n % len(self.ids)
        claim, credit = self.reference.claims[number], self.reference.credit
        most = min(claim.left, credit)
        minor = {"all": most, "half": (most + 1) // 2, "cent": 1, "more": most + 1}[how]
        code = None
        if claim.status != "OPEN":
            code = "INVOICE_NOT_OPEN"
        elif not credit:
            code = "NO_CREDIT"
        elif not claim.left:
            code = "NOTHING_LEFT"
        elif how == "more":
            code = "LESS_IS_LEFT" if minor > claim.left else "LESS_CREDIT"
        fields = ApplyInput(amount=None if how == "all" or not minor else _text(minor))
        what = {"invoice_id": self.ids[number], "fields": fields, "request_key": f"apply-{len(self.steps)}"}
        self.refused(lambda: self.staff(crediting.apply, **what), code)
        if code is None:
            self.reference.apply(number, minor)
            self.staff(crediting.apply, **what)


def _text(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
