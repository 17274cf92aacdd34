"""Rules and other people's ids: refused as if they did not exist (A-1, O5), and nothing changes (O3).

Every attempt runs twice: as it is, and past row-level security, where the rules' own predicates stand alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from auth.actors import Actor
from billing import customer_users, customers, tag_merging, tags
from billing.customer_fields import CustomerInput, UserInput
from billing.tags import TagInput
from db.session import Database
from errors import NotFound
from tests.billing.acting import ANN, Acts, invoice_of
from tests.cast import Cast
from tests.world import nothing_changes

Attempt = tuple[Callable[..., object], str, dict[str, Any]]

ON_A_CUSTOMER: list[Attempt] = [
    (customers.update, "customer_id", {"fields": CustomerInput(city="Peoria")}),
    (customers.finish_setup, "customer_id", {"users": [UserInput.read(ANN)]}),
    (customers.archive, "customer_id", {}),
    (customers.restore, "customer_id", {}),
    (customers.locked, "customer_id", {}),
    (customers.billable, "customer_id", {}),
]
INVITING: list[Attempt] = [(customer_users.invite, "customer_id", {**ANN})]
ON_A_USER: list[Attempt] = [
    (customer_users.resend_invite, "membership_id", {}),
    (customer_users.revoke_invite, "membership_id", {}),
    (customer_users.change_role, "membership_id", {"role": "VIEWER"}),
    (customer_users.correct, "membership_id", {"name": "Una", "email": None}),
    (customer_users.disable, "membership_id", {}),
    (customer_users.enable, "membership_id", {}),
    (customer_users.remove, "membership_id", {}),
]
ON_A_TAG: list[Attempt] = [
    (tags.update, "tag_id", {"fields": TagInput(name="Mine now")}),
    (tags.usage, "tag_id", {}),
    (tags.delete, "tag_id", {}),
    (tag_merging.merge, "tag_id", {"into_id": uuid4()}),
]


@dataclass(frozen=True)
class Things:
    """What each side has: `of["acme"]` is Acme's own tag, one of its users, an invoice, a draft."""

    tag: dict[str, UUID]
    user: dict[str, UUID]
    invoice: dict[str, UUID]
    draft: dict[str, UUID]


@pytest.fixture
def things(acts: Acts, cast: Cast, owner: Connection) -> Things:
    owners = {
        "northwind": cast.ada, "contoso": cast.mallory, "acme": cast.carl, "globex": cast.gus,
        "initech": cast.ines,
    }  # fmt: skip
    label = TagInput(name="VIP", colour="#1f6feb")
    made = Things(
        {name: acts(actor, tags.create, fields=label).id for name, actor in owners.items()},
        {"acme": cast.petra.id, "globex": cast.gus.id, "initech": cast.ines.id},
        {name: invoice_of(owner, cast, name) for name in cast.customers},
        {name: invoice_of(owner, cast, name, status="DRAFT") for name in cast.customers},
    )
    for side, staff in (("northwind", cast.ada), ("contoso", cast.mallory)):
        mine = ["initech"] if side == "contoso" else ["acme", "globex"]
        chosen = [cast.customers[name] for name in mine]
        acts(staff, tags.tag_customers, tag_ids=[made.tag[side]], customer_ids=chosen)
    return made


def assert_absent(
    acts: Acts, who: Actor, rule: Callable[..., object], field: str, id_: UUID, **what: Any
) -> None:
    """The foreign id is answered exactly as one that nobody has."""
    answers = []
    for asked in (id_, uuid4()):
        with pytest.raises(NotFound) as refused:
            acts(who, rule, **{field: [asked] if field.endswith("s") else asked}, **what)
        answers.append((type(refused.value), refused.value.code, refused.value.message, str(refused.value)))
    assert answers[0] == answers[1]


@pytest.fixture
def strangers(layers: Database, owner: Connection, now: datetime, things: Things) -> Iterator[Acts]:
    """Rules on both layers or on one; whatever the test tries, nothing changes."""
    with nothing_changes(owner):
        yield Acts(layers, owner, now)


@pytest.mark.parametrize("who", ["mallory", "contoso_key"])
def test_mallory_finds_no_customer_of_northwind(strangers: Acts, cast: Cast, who: str) -> None:
    for rule, field, what in ON_A_CUSTOMER + INVITING:
        assert_absent(strangers, cast.actors[who], rule, field, cast.customers["acme"], **what)


@pytest.mark.parametrize("who", ["gus", "ines"])
def test_gus_finds_no_customer_but_his_own(strangers: Acts, cast: Cast, who: str) -> None:
    for rule, field, what in [(customers.locked, "customer_id", {}), *INVITING]:
        assert_absent(strangers, cast.actors[who], rule, field, cast.customers["acme"], **what)


@pytest.mark.parametrize("who", ["mallory", "contoso_key", "gus", "ines"])
def test_strangers_find_no_user_of_acme(strangers: Acts, things: Things, cast: Cast, who: str) -> None:
    for rule, field, what in ON_A_USER:
        assert_absent(strangers, cast.actors[who], rule, field, things.user["acme"], **what)


@pytest.mark.parametrize(("rule", "field", "what"), ON_A_TAG)
def test_each_side_finds_only_its_own_tags(
    strangers: Acts, things: Things, cast: Cast, rule: Callable[..., object], field: str, what: dict[str, Any]
) -> None:
    for who, whose in (
        ("ada", "acme"), ("ada", "contoso"), ("northwind_key", "globex"), ("carl", "northwind"),
        ("carl", "globex"), ("gus", "acme"), ("mallory", "northwind"), ("mallory", "initech"),
        ("ines", "acme"),
    ):  # fmt: skip
        assert_absent(strangers, cast.actors[who], rule, field, things.tag[whose], **what)


@pytest.mark.parametrize("rule", [tags.tag_customers, tags.untag_customers])
def test_no_tag_meets_a_customer_of_somebody_else(
    strangers: Acts, things: Things, cast: Cast, rule: Callable[..., object]
) -> None:
    acme, initech = cast.customers["acme"], cast.customers["initech"]
    for who, side, foreign in ((cast.ada, "northwind", initech), (cast.mallory, "contoso", acme)):
        assert_absent(strangers, who, rule, "customer_ids", foreign, tag_ids=[things.tag[side]])
    for foreign_tag in (things.tag["acme"], things.tag["contoso"]):
        assert_absent(strangers, cast.ada, rule, "tag_ids", foreign_tag, customer_ids=[acme])


@pytest.mark.parametrize("rule", [tags.tag_invoices, tags.untag_invoices])
def test_no_tag_meets_an_invoice_of_somebody_else(
    strangers: Acts, things: Things, cast: Cast, rule: Callable[..., object]
) -> None:
    for who, side, foreign in (
        (cast.ada, "northwind", things.invoice["initech"]),
        (cast.carl, "acme", things.invoice["globex"]),
        (cast.carl, "acme", things.draft["acme"]),
        (cast.gus, "globex", things.invoice["acme"]),
        (cast.ines, "initech", things.invoice["acme"]),
    ):
        assert_absent(strangers, who, rule, "invoice_ids", foreign, tag_ids=[things.tag[side]])
    own = [things.invoice["acme"]]
    for who, side in (
        (cast.ada, "acme"), (cast.ada, "contoso"), (cast.carl, "northwind"), (cast.carl, "globex"),
    ):  # fmt: skip
        assert_absent(strangers, who, rule, "tag_ids", things.tag[side], invoice_ids=own)


def test_one_foreign_id_among_many_spoils_the_whole_list(strangers: Acts, things: Things, cast: Cast) -> None:
    mixed = [cast.customers["globex"], cast.customers["initech"]]
    for rule in (tags.tag_customers, tags.untag_customers):
        with pytest.raises(NotFound):
            strangers(cast.ada, rule, tag_ids=[things.tag["northwind"]], customer_ids=mixed)
    bills = [things.invoice["acme"], things.invoice["globex"]]
    for rule in (tags.tag_invoices, tags.untag_invoices):
        with pytest.raises(NotFound):
            strangers(cast.carl, rule, tag_ids=[things.tag["acme"]], invoice_ids=bills)


def test_usage_counts_only_what_is_the_askers(strangers: Acts, things: Things, cast: Cast) -> None:
    assert strangers(cast.rita, tags.usage, tag_id=things.tag["northwind"]) == (2, 0)
    assert strangers(cast.mallory, tags.usage, tag_id=things.tag["contoso"]) == (1, 0)
    assert strangers(cast.vera, tags.usage, tag_id=things.tag["acme"]) == (0, 0)
