"""The pages of recurring invoices: ordering one from an invoice, how it goes on, what is refused."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from db.session import Database
from integrations import rounds
from tests.billing.acting import Acts
from tests.billing.test_recurring_invoices import EVERY_WEEK, bill, nine, ordered
from tests.billing.test_recurring_words import pattern
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]


@pytest.fixture
def acts(database: Database, owner: Connection, now: datetime) -> Acts:
    return Acts(database, owner, now)


def test_clem_orders_one_after_looking_at_the_days(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection
) -> None:
    clem = signed_in("clem")
    assert "No recurring invoices yet" in text_of(clem.get("/recurring"))
    here = f"/invoices/inv_{bill(acts, cast, issue_on='2026-01-31', due_on='2026-12-31').id.hex}"
    assert "Repeat this draft" in text_of(clem.get(f"{here}/repeat"))
    typed = {"frequency": "MONTHLY", "every_days": "", "max_count": "3", "auto_send": "yes"}
    with nothing_changes(owner):
        looked = clem.post(f"{here}/repeat", {**typed, "_pressed": "preview"})
    said = text_of(looked)
    assert (looked.status_code, "Nothing is ordered yet." in said) == (200, True)
    for day in ("Mar 31, 2026", "Apr 30, 2026", "May 31, 2026"):
        assert day in said
    assert "Jun 30, 2026" not in said
    sent = clem.post(f"{here}/repeat", typed)
    order = sent.headers["location"].removeprefix(clem.home)
    page = text_of(clem.get(order))
    assert "Every month" in page
    assert "when 3 are made" in page
    # The same form again finds it there.
    assert clem.post(f"{here}/repeat", typed).headers["location"].endswith(order)
    assert "This invoice is repeated already." in text_of(clem.get(f"{here}/repeat"))
    assert acts.count("recurring_invoice") == 1
    assert "A recurring invoice repeats it." in text_of(clem.get(here))
    assert "Every month" in text_of(clem.get("/recurring"))
    assert clem.post(f"{here}/delete").status_code == 409


def test_it_is_paused_resumed_left_out_changed_and_ended(
    signed_in: Arrive, acts: Acts, cast: Cast, database: Database, owner: Connection
) -> None:
    clem, invoice = signed_in("clem"), bill(acts, cast, issue_on="2026-03-20")
    order = ordered(acts, cast, invoice, EVERY_WEEK)
    other = bill(acts, cast)
    here = f"/recurring/rin_{order.id.hex}"
    clem.post(f"{here}/pause")
    assert "It is paused." in text_of(clem.get(here))
    clem.post(f"{here}/resume")
    clem.post(f"{here}/skip", {"on": "2026-03-27"})
    assert "Mar 27, 2026 is left out." in text_of(clem.get(here))
    with nothing_changes(owner):
        assert clem.post(f"{here}/skip", {"on": "2026-03-27"}).status_code == 409
        assert clem.post(f"{here}/skip", {"on": "soon"}).status_code == 409
    form = clem.get(f"{here}/edit").text
    version = re.search(r'name="version" value="(\d+)"', form)[1]
    typed = {
        "version": version, "invoice": f"inv_{other.id.hex}", "frequency": "QUARTERLY", "every_days": "7",
        "next_on": "2026-04-30", "ends_on": "2026-10-30", "max_count": "", "auto_send": "no",
    }  # fmt: skip
    assert clem.post(f"{here}/edit", typed).status_code == 303
    said = text_of(clem.get(here))
    for words in ("Every three months", "Apr 30, 2026", "Jul 30, 2026", "Oct 30, 2026", "A draft is made"):
        assert words in said
    with nothing_changes(owner):
        assert clem.post(f"{here}/edit", typed).status_code == 409  # somebody changed it meanwhile
    rounds.make_recurring(database, now=nine(date(2026, 4, 30)))
    made = owner.scalar(text("select id from invoice where recurring_id is not null"))
    assert "A recurring invoice" in text_of(clem.get(f"/invoices/inv_{made.hex}"))
    assert "can't be undone" in text_of(clem.get(f"{here}/end"))
    clem.post(f"{here}/end")
    assert "No more are made." in text_of(clem.get(here))
    assert "Acme" in text_of(clem.get("/recurring?show=ended"))
    assert clem.get(f"{here}/edit").status_code == 200


def test_a_change_is_looked_at_with_its_words_and_the_page_says_what_comes_next(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection
) -> None:
    clem, others = signed_in("clem"), {name: signed_in(name) for name in ("rita", "mallory", "petra")}
    order = ordered(acts, cast, pattern(acts, cast, "Hosting {month}", "Plain"), EVERY_WEEK)
    other = pattern(acts, cast, "Backup {month+1}")
    here = f"/recurring/rin_{order.id.hex}"
    page = text_of(clem.get(here))
    assert "What the next one will say" in page
    assert "Hosting March 2026 written as “Hosting {month}” Plain" in page
    assert "Words like {month}, {month+1}" in text_of(clem.get(f"{here}/edit"))
    version = re.search(r'name="version" value="(\d+)"', clem.get(f"{here}/edit").text)[1]
    typed = {
        "version": version, "invoice": f"inv_{other.id.hex}", "frequency": "MONTHLY",
        "next_on": "2026-04-30", "max_count": "2", "auto_send": "no", "_pressed": "preview",
    }  # fmt: skip
    with nothing_changes(owner):
        looked = clem.post(f"{here}/edit", typed)
        said = text_of(looked)
        assert (looked.status_code, "Nothing is saved yet." in said) == (200, True)
        assert "Apr 30, 2026 Backup May 2026 May 30, 2026 Backup June 2026" in said
        assert f'value="{version}"' in looked.text
        wrong = clem.post(f"{here}/edit", {**typed, "next_on": "2026-01-01"})
        assert (wrong.status_code, "or a later day" in text_of(wrong)) == (422, True)
        for name, status in (("rita", 403), ("mallory", 404), ("petra", 404)):
            assert others[name].post(f"{here}/edit", typed).status_code == status
    assert clem.post(f"{here}/edit", {**typed, "_pressed": "save"}).status_code == 303
    assert "Backup May 2026 written as “Backup {month+1}”" in text_of(clem.get(here))
    owner.execute(text("update partner set locale = 'fr'"))
    assert "Backup mai 2026" in text_of(clem.get(here))
    clem.client.cookies.set("remit_language", "fr")
    assert "Ce que dira la prochaine" in text_of(clem.get(here))
    clem.post(f"{here}/end")
    assert "Ce que dira la prochaine" not in text_of(clem.get(here))


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection
) -> None:
    clem, here = signed_in("clem"), f"/invoices/inv_{bill(acts, cast).id.hex}/repeat"
    with nothing_changes(owner):
        answer = clem.post(
            here,
            {"frequency": "EVERY_N_DAYS", "every_days": "0", "next_on": "2026-01-01", "auto_send": "yes"},
        )
    assert answer.status_code == 422
    said = text_of(answer)
    assert "Enter a whole number from 1 to 366." in said
    assert "or a later day" in said
    assert 'value="2026-01-01"' in answer.text


def test_a_refusal_stands_at_home_and_on_its_page(
    signed_in: Arrive, acts: Acts, cast: Cast, database: Database, owner: Connection
) -> None:
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-03-02"), EVERY_WEEK)
    owner.execute(text("update membership set status = 'DISABLED' where role in ('MANAGER', 'PAYER')"))
    ada, here = signed_in("ada"), f"/recurring/rin_{order.id.hex}"
    assert rounds.make_recurring(database, now=nine(date(2026, 3, 16)) + timedelta(hours=1)) == 0
    assert "Recurring invoices that could not be made" in text_of(ada.get(""))
    page = text_of(ada.get(here))
    assert "Add a user, then try again." in page
    assert "Try again" in page
    ada.post(f"{here}/resume")
    assert "Add a user" not in text_of(ada.get(here))


def test_an_edit_that_comes_too_late_keeps_what_was_typed(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection
) -> None:
    clem, ada = signed_in("clem"), signed_in("ada")
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-03-20"), EVERY_WEEK)
    here = f"/recurring/rin_{order.id.hex}"
    typed = fields_of(clem.get(f"{here}/edit").text) | {"frequency": "MONTHLY", "max_count": "12"}
    ada.post(f"{here}/pause")
    ada.post(
        f"{here}/edit", fields_of(ada.get(f"{here}/edit").text) | {"every_days": "14", "auto_send": "no"}
    )
    with nothing_changes(owner):
        late = clem.post(f"{here}/edit", typed)
    assert late.status_code == 409
    said = text_of(late)
    for words in (
        "It changed while you were editing", "Days between two was “7” and is now “14”.",
        "What is done on the day was “Send it” and is now “Make a draft”.",
    ):  # fmt: skip
        assert words in said
    again = fields_of(late.text)
    assert {name: again[name] for name in ("frequency", "max_count", "auto_send", "every_days")} == {
        "frequency": "MONTHLY", "max_count": "12", "auto_send": "no", "every_days": "14",
    }  # fmt: skip
    # Saved once more it counts; and what this page doesn't show is in nobody's way.
    ada.post(f"{here}/resume")
    assert clem.post(f"{here}/edit", again).status_code == 303
    assert tuple(
        owner.execute(text("select status, frequency, max_count, auto_send from recurring_invoice")).one()
    ) == ("ACTIVE", "MONTHLY", 12, False)


def test_words_are_shown_filled_in_before_it_is_ordered_and_unknown_ones_refused(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection
) -> None:
    clem, draft, odd = signed_in("clem"), bill(acts, cast, issue_on="2026-03-20"), bill(acts, cast)
    for one, words in ((draft, "Hosting {month+1} <b>"), (odd, "Hosting {moth}")):
        owner.execute(
            text("update invoice_line set description = :words where invoice_id = :id"),
            {"words": words, "id": one.id},
        )
    typed = {"frequency": "MONTHLY", "every_days": "", "next_on": "", "ends_on": "", "max_count": ""}
    here = f"/invoices/inv_{draft.id.hex}/repeat"
    assert "{month}, {month+1}, {year} and {period}" in text_of(clem.get(here))
    with nothing_changes(owner):
        shown = clem.post(here, {**typed, "_pressed": "preview"})
        refused = clem.post(f"/invoices/inv_{odd.id.hex}/repeat", typed)
    assert "Apr 20, 2026 Hosting May 2026 <b>" in text_of(shown)
    assert "Hosting May 2026 &lt;b&gt;" in shown.text
    assert refused.status_code == 422
    assert "There is no {moth}. Use {month}" in text_of(refused)
    order = clem.post(here, typed).headers["location"].removeprefix(clem.home)
    edit = fields_of(clem.get(f"{order}/edit").text) | {"invoice": f"inv_{odd.id.hex}"}
    with nothing_changes(owner):
        refused = clem.post(f"{order}/edit", edit)
        pattern = clem.post(f"/invoices/inv_{draft.id.hex}/send")
    assert (refused.status_code, 'href="#field-invoice"' in refused.text) == (422, True)
    assert pattern.status_code == 409
    assert "write out the words" in text_of(pattern)


def test_an_invoice_that_is_repeated_already_is_refused_at_its_field(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection
) -> None:
    order, other = ordered(acts, cast, bill(acts, cast)), bill(acts, cast)
    ordered(acts, cast, other)
    clem, here = signed_in("clem"), f"/recurring/rin_{order.id.hex}"
    typed = fields_of(clem.get(f"{here}/edit").text) | {"invoice": f"inv_{other.id.hex}", "max_count": "9"}
    with nothing_changes(owner):
        refused = clem.post(f"{here}/edit", typed)
    assert refused.status_code == 422
    assert "A recurring invoice repeats this invoice already." in text_of(refused)
    assert fields_of(refused.text)["max_count"] == "9"


def fields_of(page: str) -> dict[str, str]:
    """What the form of a page would send as it stands."""
    form = page[page.index('class="form-card card"') :]
    typed = dict(
        re.findall(r'<input[^>]* name="([\w-]+)"[^>]* type="(?:text|date|hidden)"[^>]* value="([^"]*)"', form)
    )
    typed |= dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', form))
    typed |= dict(re.findall(r'name="([\w-]+)" type="radio" value="([^"]*)" checked', form))
    (chosen,) = re.findall(r'<option value="([^"]*)" selected', form)
    del typed["csrf_token"]
    return {**typed, "invoice": chosen}


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 5000])
def test_a_made_up_version_changes_nothing(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection, version: str
) -> None:
    order = ordered(acts, cast, bill(acts, cast), EVERY_WEEK)
    typed = {"version": version, "invoice": f"inv_{order.invoice_id.hex}", "frequency": "MONTHLY"}
    ada = signed_in("ada")
    with nothing_changes(owner):
        answer = ada.post(f"/recurring/rin_{order.id.hex}/edit", typed)
    assert answer.status_code == 409


def test_whoever_only_reads_sees_no_buttons(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection
) -> None:
    order = ordered(acts, cast, bill(acts, cast), EVERY_WEEK)
    rita, here = signed_in("rita"), f"/recurring/rin_{order.id.hex}"
    page = text_of(rita.get(here))
    assert ("Every 7 days" in page, "Pause" in page, "Leave this one out" in page) == (True, False, False)
    with nothing_changes(owner):
        for what in ("pause", "resume", "end"):
            assert rita.post(f"{here}/{what}").status_code == 403
