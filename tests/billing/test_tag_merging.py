"""Merging tags: everything once, nothing lost, each side its own."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from auth.actors import Actor, MissingRight
from billing import tag_merging, tags
from billing.tag_merging import Merged
from billing.tags import Tag, TagInput
from errors import NotFound
from tests.billing.acting import Acts, invoice_of, problems_of
from tests.cast import Cast


def make(acts: Acts, who: Actor, name: str) -> Tag:
    return acts(who, tags.create, fields=TagInput(name=name, colour="#1f6feb"))


def merge(acts: Acts, who: Actor, gone: Tag | UUID, stays: Tag | UUID) -> Merged:
    tag_id, into_id = (one if isinstance(one, UUID) else one.id for one in (gone, stays))
    return acts(who, tag_merging.merge, tag_id=tag_id, into_id=into_id)


@pytest.mark.parametrize("who", ["ada", "sue", "clem", "northwind_key"])
def test_what_carries_both_keeps_the_one_that_stays_once(
    acts: Acts, cast: Cast, owner: Connection, who: str
) -> None:
    gone, stays = make(acts, cast.ada, "Gone"), make(acts, cast.ada, "Stays")
    acme, globex = cast.customers["acme"], cast.customers["globex"]
    acts(cast.ada, tags.tag_customers, tag_ids=[gone.id], customer_ids=[acme, globex])
    acts(cast.ada, tags.tag_customers, tag_ids=[stays.id], customer_ids=[acme])
    bill = invoice_of(owner, cast, "acme")
    acts(cast.ada, tags.tag_invoices, tag_ids=[gone.id], invoice_ids=[bill])
    merged = merge(acts, cast.actors[who], gone, stays)
    assert (merged.tag.id, merged.customers, merged.invoices) == (stays.id, 1, 1)
    assert owner.scalars(text("select name from tag")).all() == ["Stays"]
    carried = owner.execute(text("select customer_id, tag_id from customer_tag")).all()
    assert {tuple(row) for row in carried} == {(acme, stays.id), (globex, stays.id)}
    billed = owner.execute(text("select invoice_id, tag_id, customer_id, owner_id from invoice_tag")).all()
    assert [tuple(row) for row in billed] == [(bill, stays.id, acme, None)]
    (event,) = owner.execute(text("select subject_id, details from audit_event where action = 'tag.merged'"))
    assert tuple(event) == (gone.id, {"name": "Gone", "into": "Stays"})


def test_a_customers_own_tags_are_merged_without_their_words_in_the_log(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    gone, stays = make(acts, cast.carl, "Secret one"), make(acts, cast.carl, "Secret two")
    bill = invoice_of(owner, cast, "acme")
    acts(cast.petra, tags.tag_invoices, tag_ids=[gone.id], invoice_ids=[bill])
    assert merge(acts, cast.petra, gone, stays)[1:] == (0, 1)
    (event,) = owner.execute(text("select customer_id, details from audit_event where action = 'tag.merged'"))
    assert tuple(event) == (cast.customers["acme"], {})


def test_a_tag_is_not_merged_into_itself(acts: Acts, cast: Cast) -> None:
    tag = make(acts, cast.ada, "One")
    with acts.nothing_changes():
        assert problems_of(lambda: merge(acts, cast.ada, tag, tag)) == [("SAME_TAG", ("into_id",))]


def test_only_two_tags_of_the_own_side_are_merged(acts: Acts, cast: Cast) -> None:
    ours, theirs = make(acts, cast.ada, "Ours"), make(acts, cast.mallory, "Theirs")
    carls, gus = make(acts, cast.carl, "Carls"), make(acts, cast.gus, "Gus")
    pairs = [
        (cast.ada, ours, other) for other in (theirs, carls, gus, uuid4())
    ] + [(cast.carl, carls, other) for other in (ours, gus, theirs, uuid4())]  # fmt: skip
    with acts.nothing_changes():
        for who, mine, other in pairs:
            for gone, stays in ((mine, other), (other, mine)):
                with pytest.raises(NotFound):
                    merge(acts, who, gone, stays)


@pytest.mark.parametrize("who", ["rita", "vera"])
def test_who_only_reads_merges_nothing(acts: Acts, cast: Cast, who: str) -> None:
    side = cast.ada if who == "rita" else cast.carl
    gone, stays = make(acts, side, "Gone"), make(acts, side, "Stays")
    with acts.nothing_changes(), pytest.raises(MissingRight):
        merge(acts, cast.actors[who], gone, stays)
