"""The form of a draft: its fields, the rows of its lines and of each line's taxes, and what a rule is told.

Surprise: a row keeps its number while others come and go, so that what is being typed stays where it is. A
rule counts the rows it gets; `placed` finds the fields of the page again.
"""

from billing.invoice_fields import MOST_LINES, MOST_TAXES, InvoiceInput, LineInput, TaxInput
from errors import Invalid, Problem
from portal.form import Form, Row
from portal.partner.late_draft import LINE_FIELDS
from portal.partner.late_draft import taxes_of as written_taxes

FIELDS = ("issue_on", "due_on", "terms_days", "memo", "internal_note", "po_number")
FIRST_LINES = 3
LINES = "lines"
# The number of the rows that js/editor.js makes copies of: no form has so many.
UNNUMBERED = 998


def rearranged(form: Form) -> tuple[Form, str | None] | None:
    """The form with a line or a tax more or less if such a button was pressed, and what to go on with."""
    if not form.pressed.startswith(("add-", "remove-")):
        return None
    for name, most in ((LINES, MOST_LINES), *((name, MOST_TAXES) for name in _taxes(form))):
        moved = form.rearranged(name, most)
        if moved is None:
            continue
        if form.pressed != f"add-{name}":
            return moved, f"add-{name}"
        added = moved.rows(name)[-1]
        return moved, added.name("description" if name == LINES else "name")
    return None


def lines_of(form: Form) -> list[Row]:
    """The lines to show: a few blank ones to begin with."""
    return form.rows(LINES, at_least=1 if form.typed else FIRST_LINES)


def taxes_of(row: Row) -> list[Row]:
    """The taxes of a line to show: a blank one on a line that is new, else those that are there."""
    is_new = row.name("description") not in row.form.typed
    return row.form.rows(row.name("taxes"), at_least=1 if is_new else 0)


def copied(form: Form) -> tuple[Row, Row]:
    """The blank tax that a script makes copies of, and the line it is of."""
    line = Row(form, LINES, UNNUMBERED)
    return line, Row(form, line.name("taxes"), UNNUMBERED)


def fields_of(form: Form) -> InvoiceInput:
    """What the rule is told."""
    typed = {name: form.value(name) for name in FIELDS}
    if typed["terms_days"]:
        typed["due_on"] = ""  # the terms fill it in
    return InvoiceInput(**typed, lines=[_line(form, row) for row in form.rows(LINES)])


def placed(form: Form, refused: Invalid) -> Invalid:
    """What a rule refused of `fields_of(form)`, at the fields of the page."""
    lines = form.rows(LINES)

    def where(problem: Problem) -> Problem:
        match problem.path:
            case ("lines", int(line), *rest) if line < len(lines):
                row = lines[line]
                path: tuple[str | int, ...] = (LINES, row.index, *rest)
                if len(rest) > 1 and rest[0] == "taxes" and isinstance(rest[1], int):
                    path = (LINES, row.index, "taxes", written_taxes(row)[rest[1]].index, *rest[2:])
                return problem._replace(path=path)
        return problem

    return Invalid([where(problem) for problem in refused.problems])


def _line(form: Form, row: Row) -> LineInput:
    taxes = [TaxInput(name=tax.value("name"), rate=tax.value("rate")) for tax in written_taxes(row)]
    return LineInput(**{name: row.value(name) for name in LINE_FIELDS}, taxes=taxes)


def _taxes(form: Form) -> list[str]:
    return [row.name("taxes") for row in form.rows(LINES)]
