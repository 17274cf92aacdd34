"""`python -m bench.portal`: the portal's list page, 50 invoices, against the same page built by f-strings.

Both answer whoever has a session with the very same bytes, under row-level security, from one database.
Surprise: what stands around the rows is taken once from the product's own page; the rival fills in what
varies (the company, its figures, the form's token) and writes every row by hand (`bench/floor_page.py`).
"""

import re
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import httpx2
from sqlalchemy import text
from sqlmodel import Session

from auth import sessions
from bench import load, rows
from bench.floor_page import SKELETON, amounts_of, marked
from bench.servers import origin, serving
from db.engine import make_engine

READERS, ROUNDS, SECONDS = 40, 7, 3.0
_PEOPLE = """
with fresh as (
  insert into person (id, name, email, email_key, created_at, updated_at)
  select uuidv7(), 'Petra Payer', c.slug || '@bench.example', c.slug || '@bench.example', now(), now()
  from customer c where substr(c.slug, 10)::int <= :readers
  on conflict (email_key) do nothing returning id, email, name
)
insert into membership (partner_id, id, customer_id, user_id, name, name_key, email, email_key, role, status,
  created_at, updated_at)
select c.partner_id, uuidv7(), c.id, f.id, f.name, lower(f.name), f.email, f.email, 'PAYER', 'ACTIVE', now(),
  now()
from fresh f join customer c on c.slug || '@bench.example' = f.email
"""
_WHO = """
select c.slug, m.user_id from membership m
join customer c on c.partner_id = m.partner_id and c.id = m.customer_id
where m.email like '%@bench.example' order by c.slug limit :readers
"""


class Reader(NamedTuple):
    """Somebody of a customer, signed in: where their portal is, and their session."""

    slug: str
    token: str

    def request(self, server: str) -> bytes:
        """The request for the page with all of the company's invoices."""
        head = [f"GET /portal/{self.slug}/invoices?status=all HTTP/1.1", f"Host: {origin(server)[7:]}"]
        return "\r\n".join([*head, f"Cookie: remit_session={self.token}", "", ""]).encode()

    def page(self, server: str) -> str:
        """The page, as a browser gets it."""
        answer = httpx2.get(
            f"{origin(server)}/portal/{self.slug}/invoices?status=all",
            headers={"cookie": f"remit_session={self.token}"}, trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text[:500]
        return answer.text


def readers(url: str) -> Sequence[Reader]:
    """Forty customers' people, made if need be, each with a fresh session."""
    owner = make_engine(url, as_role=False)
    with owner.begin() as connection:
        connection.execute(text(_PEOPLE), {"readers": READERS})
        who = connection.execute(text(_WHO), {"readers": READERS}).all()
    now, made = datetime.now(UTC), []
    with Session(owner) as db:
        for slug, user_id in who:
            session = sessions.begin(
                db, user_id=user_id, device_id=None, address="127.0.0.1", agent="bench", now=now
            )
            made.append(Reader(slug, session.session_token))
        db.commit()
    owner.dispose()
    return made


def measure(url: str, pids: dict[str, int], postmaster: int) -> None:
    """Compare the pages, measure in turns, print."""
    people = readers(url)
    SKELETON.write_text(marked(people[0].page("remit"), people[0].slug))
    for one in people[::8]:
        mine, theirs = (plain(one.page(server)) for server in ("remit", "floors"))
        assert len(amounts_of(mine)) > 100
        assert mine == theirs, one.slug
    samples: dict[str, list[load.Sample]] = {"remit": [], "floors": []}
    for number in range(ROUNDS + 1):
        for server, taken in samples.items():
            requests = [one.request(server) for one in people]
            sample = load.measure(origin(server), requests, pids[server], postmaster, seconds=SECONDS)
            if number:  # the first round warms up
                taken.append(sample)
    title = "portal page: a company's 50 invoices"
    print(f"\n{title}\n{'':38}{'req/s':>9}{'remit is':>10}{'python ms':>11}{'postgres ms':>13}")
    ours = statistics.median(sample.per_second for sample in samples["remit"])
    for server, name in (("remit", "remit"), ("floors", "hand SQL, session, f-strings")):
        columns = zip(
            *((one.per_second, one.python_ms, one.postgres_ms) for one in samples[server]), strict=True
        )
        speed, python, postgres = (statistics.median(column) for column in columns)
        ratio = "" if server == "remit" else f"{ours / speed:.2f} x"
        print(f"{name:38}{speed:9.0f}{ratio:>10}{python:11.2f}{postgres:13.2f}")


def plain(page: str) -> str:
    """The page without what is made anew for each answer."""
    return re.sub(r'(name="csrf_token" value=")[^"]+|(data-session-seconds=")[0-9]+', "", page)


def main() -> None:
    """This part alone."""
    url, postmaster = rows.loaded()
    with serving(url, ["remit", "floors"]) as pids:
        measure(url, pids, postmaster)


if __name__ == "__main__":
    main()
