"""A credit note on paper: what was taken back of which invoice, why, and where it went."""

from collections import Counter
from uuid import UUID

from sqlmodel import Session

from auth.actors import Actor
from billing.credit_papers import CreditPaper, credit_paper
from billing.dates import day_text
from integrations.pdf.press import Sheet
from integrations.pdf.writing import Part, column, file_name, money, row, sheet, table, tax_text, total
from languages import say, spoken


def credit_note_sheet(db: Session, actor: Actor, *, note_id: UUID) -> Sheet:
    """The note, said in the language of the work in hand. Refuses as `credit_papers.credit_paper`."""
    paper = credit_paper(db, actor, note_id=note_id)
    note = paper.note
    amount = money(note.total_minor, note.currency)
    return sheet(
        paper.head,
        name=file_name(say("Credit note"), note.number),
        made_at=note.created_at,
        kind=say("Credit note"),
        number=note.number,
        to=paper.customer,
        to_label=say("Credited to"),
        facts=[
            (say("Credit note number"), note.number),
            (say("Date"), day_text(note.issue_on, spoken())),
            (say("For invoice"), paper.invoice.number),
            (say("Currency"), note.currency.value),
        ],
        headline={"label": say("Amount credited"), "value": amount, "note": note.reason},
        tables=[_lines(paper)],
        totals=_totals(paper),
        notes=[],
    )


def _lines(paper: CreditPaper) -> Part:
    columns = [
        column(say("Description"), wide=True), column(say("Net"), figures=True),
        column(say("Tax"), figures=True), column(say("Amount"), figures=True),
    ]  # fmt: skip
    currency = paper.note.currency
    rows = []
    for part, line, taxes in paper.lines:
        amounts = (money(minor, currency) for minor in (part.net_minor, part.tax_minor, part.total_minor))
        named = " · ".join(tax_text(tax.name, tax.rate_e4) for tax in taxes)
        rows.append(row([line.description, *amounts], below=named))
    return table(columns, rows)


def _totals(paper: CreditPaper) -> list[Part]:
    note, currency = paper.note, paper.note.currency
    # Each tax by its name, as on the invoice: sums of the stored cents, never figured anew.
    taxes = Counter[tuple[str, int]]()
    for part, _, named in paper.lines:
        for tax, minor in zip(named, part.taxes_minor, strict=True):
            taxes[tax.name, tax.rate_e4] += minor
    found = [total(say("Subtotal"), money(note.net_minor, currency))]
    for (name, rate_e4), minor in taxes.items():
        found.append(total(tax_text(name, rate_e4), money(minor, currency)))
    found.append(total(say("Total credited"), money(note.total_minor, currency), strong=True))
    found.append(total(say("Off this invoice"), money(note.applied_minor, currency)))
    kept = note.total_minor - note.applied_minor
    found.append(total(say("Kept as credit"), money(kept, currency)))
    return found
