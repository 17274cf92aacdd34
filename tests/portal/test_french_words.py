"""French words that English has only one of: tabs in the plural and gender of what they list."""

from languages import mark, say, speaking
from portal import conversations, payment_lists
from portal.credit_note_list import TABS as NOTES
from portal.customer.invoices import TABS
from portal.partner.invoice_narrowing import LABELS
from portal.render import _said


def test_tabs_are_in_the_plural_and_gender_of_what_they_list() -> None:
    lists = {
        "Impayées · En souffrance · Payées · Toutes": [label for label, _ in TABS.values()],
        "Ouvertes · Non lues · Réglées · Toutes": list(conversations.LABELS.values()),
        "Tous · Réussis · En cours · Échoués · Annulés": [
            label for label, _ in payment_lists.CUSTOMERS_TABS.values()
        ],
        "Tous · Reçus · Annulés": [label for label, _ in payment_lists.OUTSIDE_TABS.values()],
        "Toutes · Conservées comme crédit": [label for label, _ in NOTES.values()],
    }
    with speaking("fr"):
        for written, labels in lists.items():
            # A template says a label or prints it, and Python says it too: each the same.
            assert " · ".join(map(str, labels)) == written
            assert " · ".join(map(say, labels)) == written
            assert " · ".join(map(_said, labels)) == written
        assert [str(LABELS[name]) for name in ("", "paid", "void")] == ["Toutes", "Payées", "Annulées"]
    assert [str(label) for label, _ in TABS.values()] == ["Outstanding", "Overdue", "Paid", "All"]


def test_a_word_with_a_context_is_not_said_as_the_one_without() -> None:
    with speaking("fr"):
        assert (_said("Paid"), _said(mark("Paid", context="invoices")), _said("Paid")) == (
            "Payée", "Payées", "Payée",
        )  # fmt: skip
        assert (say("From"), say(mark("From", context="days"))) == ("De", "Du")
        assert (say("Received"), say(mark("Received", context="stamp"))) == ("Reçu", "Encaissé")
