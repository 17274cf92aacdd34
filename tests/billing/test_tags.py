"""Tags: the partner's on customers and invoices, a customer's own on its own invoices."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from auth.actors import Actor, MissingRight
from auth.audit import AuditEvent
from billing import customers, tags
from billing.chosen import MOST_AT_ONCE, MOST_TAGS_AT_ONCE
from billing.tags import Tag, TagInput, TagUsage
from errors import Forbidden, NotFound
from tests.billing.acting import Acts, invoice_of, problems_of
from tests.cast import Cast

BLUE = "#1f6feb"


def make(acts: Acts, who: Actor, name: str = "VIP", **fields: str) -> Tag:
    return acts(who, tags.create, fields=TagInput.read({"name": name, "colour": BLUE, **fields}))


@pytest.mark.parametrize("who", ["ada", "sue", "clem", "northwind_key"])
def test_staff_and_keys_make_tags_of_the_partner(acts: Acts, cast: Cast, who: str) -> None:
    tag = make(acts, cast.actors[who], "  Very   Important ", colour=" #1F6FEB ", description="pays late")
    assert (tag.owner_id, tag.name, tag.name_key) == (None, "Very Important", "very important")
    assert (tag.colour, tag.description) == (BLUE, "pays late")


@pytest.mark.parametrize("who", ["carl", "petra"])
def test_customer_users_make_tags_of_their_company(acts: Acts, cast: Cast, who: str) -> None:
    assert make(acts, cast.actors[who]).owner_id == cast.customers["acme"]


@pytest.mark.parametrize("who", ["rita", "vera"])
def test_who_only_reads_makes_no_tag(acts: Acts, cast: Cast, who: str) -> None:
    with acts.nothing_changes(), pytest.raises(MissingRight):
        make(acts, cast.actors[who])


@pytest.mark.parametrize("name", ["VIP", "vip", " ViP ", "ＶＩＰ"])
def test_a_name_is_taken_whatever_its_case(acts: Acts, cast: Cast, name: str) -> None:
    make(acts, cast.ada)
    with acts.nothing_changes():
        assert problems_of(lambda: make(acts, cast.clem, name)) == [("TAKEN", ("name",))]


def test_each_owner_has_its_own_names(acts: Acts, cast: Cast) -> None:
    owners = [make(acts, who).owner_id for who in (cast.ada, cast.carl, cast.gus, cast.mallory, cast.ines)]
    assert owners == [
        None, cast.customers["acme"], cast.customers["globex"], None, cast.customers["initech"],
    ]  # fmt: skip


def test_everything_wrong_about_a_tag_is_told_at_once(acts: Acts, cast: Cast) -> None:
    def wrong() -> None:
        make(acts, cast.ada, " ", colour="red", description="x" * 201)

    with acts.nothing_changes():
        assert problems_of(wrong) == [
            ("REQUIRED", ("name",)), ("BAD_COLOUR", ("colour",)), ("TOO_LONG", ("description",)),
        ]  # fmt: skip


@pytest.mark.parametrize(
    "colour", ["", "#fff", "1f6feb", "#1f6feg", "#1f6feb;", "#１f6feb", "#1f6feb\n#", "url(x)"]
)
def test_only_a_colour_is_a_colour(acts: Acts, cast: Cast, colour: str) -> None:
    assert problems_of(lambda: make(acts, cast.ada, colour=colour)) == [("BAD_COLOUR", ("colour",))]


@pytest.mark.parametrize("field", ["owner_id", "ownerId", "partner_id", "id", "name_key", "customer_id"])
def test_a_tags_owner_cannot_be_typed(field: str) -> None:
    typed = {"name": "VIP", "colour": BLUE, field: "x"}
    assert problems_of(lambda: TagInput.read(typed)) == [("UNKNOWN_FIELD", (field,))]


def test_a_card_number_is_no_name_for_a_tag(acts: Acts, cast: Cast) -> None:
    with acts.nothing_changes():
        refused = problems_of(
            lambda: make(acts, cast.petra, "4242424242424242", description="5555555555554444")
        )
    assert refused == [("CARD_NUMBER", ("name",)), ("CARD_NUMBER", ("description",))]


def test_only_what_is_given_changes(acts: Acts, cast: Cast, now: datetime) -> None:
    tag = make(acts, cast.ada, description="old")
    changed = acts(cast.clem, tags.update, tag_id=tag.id, fields=TagInput.read({"name": "vip"}))
    assert (changed.name, changed.colour, changed.description) == ("vip", BLUE, "old")
    cleared = acts(cast.clem, tags.update, tag_id=tag.id, fields=TagInput.read({"description": None}))
    assert (cleared.name, cleared.description) == ("vip", None)


def test_a_change_to_a_name_that_is_taken_is_refused(acts: Acts, cast: Cast) -> None:
    make(acts, cast.ada, "Late")
    tag = make(acts, cast.ada)
    change = TagInput.read({"name": "LATE", "colour": "#000000"})
    with acts.nothing_changes():
        refused = problems_of(lambda: acts(cast.ada, tags.update, tag_id=tag.id, fields=change))
    assert refused == [("TAKEN", ("name",))]


def test_a_change_that_changes_nothing_writes_nothing(acts: Acts, cast: Cast) -> None:
    tag = make(acts, cast.ada)
    with acts.nothing_changes():
        acts(cast.ada, tags.update, tag_id=tag.id, fields=TagInput.read({"name": "VIP", "colour": BLUE}))


def both(cast: Cast) -> list[UUID]:
    return [cast.customers["acme"], cast.customers["globex"]]


def test_staff_tag_customers_and_untag_them(acts: Acts, cast: Cast) -> None:
    late, vip = make(acts, cast.ada, "Late"), make(acts, cast.ada)
    chosen = {"tag_ids": [late.id, vip.id], "customer_ids": both(cast)}
    assert acts(cast.clem, tags.tag_customers, tag_ids=[late.id], customer_ids=[cast.customers["acme"]]) == 1
    assert acts(cast.clem, tags.tag_customers, **chosen) == 2
    with acts.nothing_changes():
        assert acts(cast.clem, tags.tag_customers, **chosen) == 0
    assert acts(cast.rita, tags.usage, tag_id=late.id) == TagUsage(customers=2, invoices=0)
    assert acts(cast.clem, tags.untag_customers, tag_ids=[late.id], customer_ids=both(cast)) == 2
    assert acts(cast.clem, tags.untag_customers, **chosen) == 2
    assert acts(cast.rita, tags.usage, tag_id=vip.id) == TagUsage(customers=0, invoices=0)


def test_deleting_says_what_carried_the_tag_and_takes_it_off(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    vip = make(acts, cast.ada)
    acts(cast.ada, tags.tag_customers, tag_ids=[vip.id], customer_ids=both(cast))
    invoice = invoice_of(owner, cast, "acme")
    acts(cast.ada, tags.tag_invoices, tag_ids=[vip.id], invoice_ids=[invoice])
    assert acts(cast.ada, tags.delete, tag_id=vip.id) == TagUsage(customers=2, invoices=1)
    for table in ("tag", "customer_tag", "invoice_tag"):
        assert owner.scalar(text(f"select count(*) from {table}")) == 0
    with acts.nothing_changes(), pytest.raises(NotFound):
        acts(cast.ada, tags.delete, tag_id=vip.id)


def test_customer_users_never_tag_companies(acts: Acts, cast: Cast) -> None:
    mine = make(acts, cast.carl)
    for rule in (tags.tag_customers, tags.untag_customers):
        with acts.nothing_changes(), pytest.raises(Forbidden):
            acts(cast.carl, rule, tag_ids=[mine.id], customer_ids=[cast.customers["acme"]])


@pytest.mark.parametrize("who", ["carl", "petra"])
def test_customer_users_tag_their_own_issued_invoices(
    acts: Acts, cast: Cast, owner: Connection, who: str
) -> None:
    mine, invoice = make(acts, cast.actors[who]), invoice_of(owner, cast, "acme")
    assert acts(cast.actors[who], tags.tag_invoices, tag_ids=[mine.id], invoice_ids=[invoice]) == 1
    assert acts(cast.vera, tags.usage, tag_id=mine.id) == TagUsage(customers=0, invoices=1)
    assert acts(cast.actors[who], tags.untag_invoices, tag_ids=[mine.id], invoice_ids=[invoice]) == 1


def test_staff_tag_drafts_and_customers_do_not_see_them(acts: Acts, cast: Cast, owner: Connection) -> None:
    draft = invoice_of(owner, cast, "acme", status="DRAFT")
    ours, theirs = make(acts, cast.ada), make(acts, cast.petra)
    assert acts(cast.ada, tags.tag_invoices, tag_ids=[ours.id], invoice_ids=[draft]) == 1
    with acts.nothing_changes(), pytest.raises(NotFound):
        acts(cast.petra, tags.tag_invoices, tag_ids=[theirs.id], invoice_ids=[draft])


@pytest.mark.parametrize("who", ["rita", "vera"])
def test_who_only_reads_puts_no_tag_on_anything(acts: Acts, cast: Cast, owner: Connection, who: str) -> None:
    tag, invoice = make(acts, cast.ada), invoice_of(owner, cast, "acme")
    for rule in (tags.tag_invoices, tags.untag_invoices):
        with acts.nothing_changes(), pytest.raises(MissingRight):
            acts(cast.actors[who], rule, tag_ids=[tag.id], invoice_ids=[invoice])


def test_lists_are_neither_empty_nor_endless(acts: Acts, cast: Cast) -> None:
    def refused(tag_count: int, count: int) -> list[tuple[str, tuple[str | int, ...]]]:
        ids = {
            "tag_ids": [uuid4() for _ in range(tag_count)],
            "customer_ids": [uuid4() for _ in range(count)],
        }
        return problems_of(lambda: acts(cast.ada, tags.tag_customers, **ids))

    assert refused(0, 0) == [("REQUIRED", ("tag_ids",)), ("REQUIRED", ("customer_ids",))]
    assert refused(MOST_TAGS_AT_ONCE + 1, MOST_AT_ONCE + 1) == [
        ("TOO_MANY", ("tag_ids",)), ("TOO_MANY", ("customer_ids",)),
    ]  # fmt: skip


def test_a_customers_words_are_not_in_the_log_that_the_partner_reads(acts: Acts, cast: Cast) -> None:
    theirs, ours = make(acts, cast.carl, "Secret plan"), make(acts, cast.ada, "Slow payer")
    acts(cast.ada, tags.tag_customers, tag_ids=[ours.id], customer_ids=[cast.customers["acme"]])
    acts(cast.carl, tags.delete, tag_id=theirs.id)
    seen = acts.read(cast.ada, select(AuditEvent))
    assert not any("Secret plan" in str(event.details) for event in seen)
    assert {event.action for event in seen} >= {"tag.created", "customer.tagged", "tag.deleted"}
    assert [event.action for event in acts.read(cast.carl, select(AuditEvent))] == [
        "tag.created",
        "tag.deleted",
    ]


def test_an_archived_companys_users_do_nothing_with_tags(acts: Acts, cast: Cast, owner: Connection) -> None:
    mine, invoice = make(acts, cast.petra), invoice_of(owner, cast, "acme")
    acts(cast.ada, customers.archive, customer_id=cast.customers["acme"])
    with acts.nothing_changes():
        for act in (
            lambda: make(acts, cast.petra, "More"),
            lambda: acts(cast.petra, tags.delete, tag_id=mine.id),
            lambda: acts(cast.petra, tags.tag_invoices, tag_ids=[mine.id], invoice_ids=[invoice]),
        ):
            with pytest.raises(NotFound):
                act()
