"""The dashboard's list of customers among many (full: 100,000): each filter, from half way, by an index."""

from pathlib import Path

import pytest
from sqlalchemy import text

from portal.partner.customer_filters import Narrowing
from tests.api import bulk
from tests.api.bulk import template
from tests.api.conftest import Client
from tests.api.test_indexes import NOUNS, Plans, half_way, nodes, unbounded
from tests.figures import rounds

__all__ = ["template"]
pytestmark = pytest.mark.anyio
DOCUMENTS = Path(__file__).parents[2] / "portal" / "documents"
MANY = rounds(3_000, 100_000)
ASKED = (
    "", "status=active", "status=archived", "status=all", "country=ca", "country=us", "balance=some",
    "balance=none", "from=500&to=600", "overdue=yes", "overdue=yes&country=ca", "search=c12 c1",
    "status=all&sort=balance", "sort=balance&balance=some", "sort=newest&country=us", "sort=changed",
    "sort=company-desc&overdue=yes", "tag={tag}", "tag={tag}&tag={other}&match=all&balance=some",
)  # fmt: skip


# What nearly everybody fits goes on from half way; what few fit is read by its own index and sorted.
DENSE = (
    "", "status=active", "status=all", "country=us", "status=all&sort=balance", "sort=newest&country=us",
    "sort=changed",
)  # fmt: skip


@pytest.mark.prove
@pytest.mark.timeout(900)
async def test_the_list_follows_an_index_at_depth(client: Client) -> None:
    deep = bulk._FILL[0].replace("'c' || n", "'d' || n").replace("'x' || n", "'y' || n")
    # A partner that owned nearly every row would rightly be read without an index: another has more.
    for partner, many in (("northwind", MANY), ("contoso", 3 * MANY)):
        given = {
            "partner": client.cast.partners[partner],
            "many": many,
            "mark": partner[0],
            "now": client.now,
        }
        client.owner.execute(text(deep), given)
    client.owner.execute(
        text("update customer set country = 'CA', state = 'ON' where company_key like 'd%7'")
    )
    client.owner.execute(text("analyze"))
    tags = [f"tag_{id_.hex}" for id_ in client.owner.scalars(text("select id from tag limit 2"))]
    plans, wrong = Plans(client), []
    document = (DOCUMENTS / "partner/customers/list.graphql").read_text()
    document += (DOCUMENTS / "layout.graphql").read_text()
    for asked in ASKED:
        narrowing = Narrowing.written(asked.format(tag=tags[0], other=tags[-1]))
        variables = {"first": 25, **narrowing.variables}
        after = half_way(client, NOUNS["Customer"], variables["orderBy"])
        for given_after in ({}, {"after": after}):
            for generic in (False, True):
                plan = await plans.of(document, {**variables, **given_after}, generic=generic)
                wrong += [f"{asked} {generic}: {scan}" for scan in unbounded(plan)]
                if asked in DENSE:
                    begun = [one for one in nodes(plan) if "ROW(" in one.get("Index Cond", "")]
                    if given_after and not begun:
                        wrong.append(f"{asked} {generic}: read from the start")
    assert wrong == []
