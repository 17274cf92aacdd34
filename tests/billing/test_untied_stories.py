"""A-2: past row-level security, what stands beside a record of Northwind's or Acme's changes nothing for it.

Each is a story of its own, among twins of that record. What is one attempt and its answer: test_untied.py.
"""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth.actors import system
from billing import brand, customer_users, customers, invite_reminders, payment_methods
from billing.customer_fields import CustomerInput
from db.session import Database
from tests.auth.test_unguarded import plant_twins
from tests.billing.acting import ACME, ANN, Acts, acting
from tests.billing.paying import Till
from tests.cast import Cast

SOON = timedelta(hours=50)  # an invite is reminded of by then, and not over


def test_an_external_id_of_another_partners_is_free(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the first slug that is drawn is taken, which is when it is asked about."""
    owner.execute(
        text("update customer set external_id = 'X-1' where slug = :slug"), {"slug": cast.slugs["initech"]}
    )
    drawn = iter([cast.slugs["globex"], "rockets-9z9z9z"])
    monkeypatch.setattr(customers, "random_slug", lambda company: next(drawn))
    with acting(unguarded, cast.ada) as db:
        fields = CustomerInput(**ACME, external_id="X-1")
        assert customers.create(db, cast.ada, fields=fields, now=now).customer.slug == "rockets-9z9z9z"


@pytest.mark.parametrize(
    ("change", "whose", "reminded"),
    [
        ("customer set status = 'ARCHIVED', archived_at = now() where id = :acme", "contoso", 1),
        ("membership set status = 'DISABLED' where id = :ann", "contoso", 1),
        ("customer set status = 'ARCHIVED', archived_at = now() where id = :acme", "northwind", 0),
        ("membership set status = 'DISABLED' where id = :ann", "northwind", 0),
    ],
)
def test_a_twin_neither_keeps_a_reminder_back_nor_lets_one_go(
    acts: Acts, unguarded: Database, owner: Connection, cast: Cast, change: str, whose: str, reminded: int
) -> None:
    ann = acts(cast.ada, customer_users.invite, customer_id=cast.customers["acme"], **ANN)
    plant_twins(owner, cast)
    ids = {"acme": cast.customers["acme"], "ann": ann.id, "whose": cast.partners[whose]}
    owner.execute(text(f"update {change} and partner_id = :whose"), ids)
    northwind = system(cast.partners["northwind"])
    with acting(unguarded, northwind) as db:
        assert invite_reminders.remind(db, northwind, now=acts.now + SOON) == reminded


def test_a_twins_users_are_no_words_of_a_customer(
    acts: Acts, unguarded: Database, owner: Connection, cast: Cast
) -> None:
    plant_twins(owner, cast)
    twins = {"acme": cast.customers["acme"], "contoso": cast.partners["contoso"]}
    owner.execute(
        text("update membership set name = 'Zebedee' where customer_id = :acme and partner_id = :contoso"),
        twins,
    )
    with acting(unguarded, cast.ada) as db:
        customers.keep_words(db, customers.locked(db, cast.ada, customer_id=cast.customers["acme"]))
    assert acts.count("search_token where token like 'zebedee%'") == 0
    assert acts.count("search_token where token like 'petra%'") > 0


@pytest.mark.parametrize(("partner", "customer"), [("northwind", "globex"), ("contoso", "acme")])
def test_whose_card_is_the_default_is_told_customer_by_customer(
    acts: Acts, unguarded: Database, owner: Connection, cast: Cast, partner: str, customer: str
) -> None:
    """The other one's card was added last: it is neither made Acme's default, nor its own no more."""
    till = Till(acts, cast)
    first, second, other = till.card("pm_1"), till.card("pm_2"), till.card("pm_3", customer="globex")
    plant_twins(owner, cast)
    change = "is_default = true, partner_id = :partner, customer_id = :customer where id = :id"
    place = {"partner": cast.partners[partner], "customer": cast.customers[customer], "id": other.id}
    owner.execute(text(f"update payment_method set {change}"), place)
    for rule, method, then in (
        (payment_methods.set_default, first, first),
        (payment_methods.remove, first, second),
        (payment_methods.remove, second, None),
    ):
        with acting(unguarded, cast.carl) as db:
            rule(db, cast.carl, method_id=method.id, now=acts.now)
        defaults = set(owner.scalars(text("select id from payment_method where is_default")))
        assert defaults == {other.id, *([then.id] if then else [])}


def test_a_logo_goes_without_anybody_elses(acts: Acts, unguarded: Database, cast: Cast) -> None:
    for staff in (cast.ada, cast.mallory):
        acts(staff, brand.set_logo, png=b"a picture")
    with acting(unguarded, cast.ada) as db:
        brand.remove_logo(db, cast.ada, now=acts.now)
    assert acts.count(f"partner_logo where partner_id = '{cast.partners['contoso']}'") == 1
    assert acts.count("partner_logo") == 1
