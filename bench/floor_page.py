"""The portal's list page as a careful programmer would write it by hand: its own SQL, and f-strings.

The session is looked up and the tenant set in the same pipeline, as the app role, as the product does. What
stands around the rows is the product's own page, cut where something varies; every row is written here.
"""

import hashlib
import hmac
import re
from datetime import UTC, date, datetime
from functools import cache
from html import escape
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auth.tokens import digest_of
from bench.servers import FOLDER

SKELETON = FOLDER / "portal.html"
_FIGURE = re.compile(r'(?<=<dd class="money">)[^<]+(?=</dd>)')
_FIGURES = ("due", "late", "count", "total", "paid", "balance", "overdue")
_NAMES = ("slug", "company", "initial", "partner", "token", "rows", *_FIGURES)
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STATUS = {
    "OPEN": ("info", "Open"), "OVERDUE": ("danger", "Overdue"), "PAID": ("success", "Paid"),
    "PARTIALLY_PAID": ("warning", "Partially paid"), "VOID": ("neutral", "Void"),
}  # fmt: skip

_KNOCK = """
select k.session_id, k.partner_id, k.customer_id
from knock_session($1::bytea, 'portal', $2::text, $3::timestamptz) k
"""
_ABOUT = """
select c.company, p.name, c.open_minor, (now() at time zone p.time_zone)::date,
  (select coalesce(sum(i.total_minor-i.paid_minor-i.credited_minor),0)::bigint from invoice i
   where i.partner_id=c.partner_id and i.customer_id=c.id and i.status='OPEN'
   and i.due_on<(now() at time zone p.time_zone)::date)
from customer c join partner p on p.id=c.partner_id where c.partner_id=$1::uuid and c.id=$2::uuid
"""
_SUMS = """
select count(*), coalesce(sum(total_minor),0)::bigint, coalesce(sum(paid_minor),0)::bigint,
  coalesce(sum(case when status='OPEN' then total_minor-paid_minor-credited_minor else 0 end),0)::bigint
from invoice where partner_id=$1::uuid and customer_id=$2::uuid and status<>'DRAFT'
"""
_ROWS = """
select i.id, i.number, i.status, i.issue_on, i.due_on, i.total_minor, i.paid_minor+i.credited_minor,
  i.reserved_minor,
  array(select array[t.name,t.colour] from invoice_tag l join tag t on t.partner_id=l.partner_id
        and t.owner_id=l.owner_id and t.id=l.tag_id
        where l.partner_id=i.partner_id and l.owner_id=i.customer_id and l.invoice_id=i.id
        order by t.name_key limit 50)
from invoice i where i.partner_id=$1::uuid and i.customer_id=$2::uuid and i.status<>'DRAFT'
order by i.due_on desc, i.id desc limit 51
"""
# Learned from the session seen before, as the product does.
_PLACES: dict[bytes, tuple[UUID, UUID]] = {}


def marked(page: str, slug: str) -> str:
    """The product's page with a mark at each place where something varies."""
    found = iter(_FIGURES)
    page = re.sub(r"(?<=<tbody>\n).*?(?=  </tbody>)", "\x01rows\x01", page, flags=re.S)
    page = _FIGURE.sub(lambda _: f"\x01{next(found)}\x01", page)
    page = re.sub(r'(?<=name="csrf_token" value=")[^"]+', "\x01token\x01", page)
    page = re.sub(r"(?<=Portal · )[^<]+", "\x01partner\x01", page)
    page = re.sub(r"(?<=Questions\? ).+(?= helps\.)", "\x01partner\x01", page)
    page = re.sub(rf"{re.escape(slug)}(?![0-9])", "\x01slug\x01", page)
    page = re.sub(r"(?<=<title>Invoices · ).+(?= · Remit</title>)", "\x01company\x01", page)
    page = re.sub(
        r'(?<=aria-hidden="true">)[^<](?=</span>\s*<span class="place-names">)', "\x01initial\x01", page
    )
    return re.sub(r'(?<=<span class="place-name">)[^<]+', "\x01company\x01", page)


def amounts_of(page: str) -> list[str]:
    """Every amount on a page."""
    return re.findall(r"\$[0-9,]+\.[0-9]{2}", page)


@cache
def _pieces() -> tuple[list[str], list[str]]:
    """The texts that stay, and what stands between them."""
    parts = SKELETON.read_text().split("\x01")
    assert set(parts[1::2]) == set(_NAMES), parts[1::2]
    return parts[::2], parts[1::2]


async def portal_page(request: Request) -> Response:
    """The page."""
    token, slug = request.cookies["remit_session"], request.path_params["slug"]
    digest, now = digest_of(token), datetime.now(UTC)
    async with request.app.state.pool.connection() as connection:
        if digest not in _PLACES:
            first = await (await connection.execute(_KNOCK, (digest, slug, now))).fetchone()
            _PLACES[digest] = first[1:]
        whose = _PLACES[digest]
        async with connection.pipeline():
            cursors = [connection.cursor() for _ in range(4)]
            await cursors[0].execute(_KNOCK, (digest, slug, now))
            for cursor, statement in zip(cursors[1:], (_ABOUT, _SUMS, _ROWS), strict=True):
                await cursor.execute(statement, whose)
        alive, about, sums = [await cursor.fetchone() for cursor in cursors[:3]]
        rows = await cursors[3].fetchall()
    if alive is None or alive[1:] != whose:
        return Response(status_code=401)
    return HTMLResponse(_written(slug, str(alive[0]), about, sums, rows))


def _written(slug: str, session: str, about: Any, sums: Any, rows: list[Any]) -> str:
    company, partner, due, today, late = about
    count, total, paid, balance = sums
    home = f"/portal/{slug}"
    said = {
        "slug": slug, "company": _escaped(company), "initial": _escaped(company[0].upper()),
        "partner": _escaped(partner),
        "token": hmac.new(b"secret", session.encode(), hashlib.sha256).hexdigest(), "due": _money(due),
        "late": _money(late), "count": f"{count:,}", "total": _money(total), "paid": _money(paid),
        "balance": _money(balance), "overdue": _money(late),
        "rows": "".join([_row(home, today, *row) for row in rows[:50]]),
    }  # fmt: skip
    texts, names = _pieces()
    parts = [texts[0]]
    for name, text in zip(names, texts[1:], strict=True):
        parts += (said[name], text)
    return "".join(parts)


def _row(
    home: str, today: date, id_: UUID, number: str, status: str, issued: date, due: date, total: int,
    paid: int, reserved: int, tags: list[list[str]],
) -> str:  # fmt: skip
    left = total - paid if status == "OPEN" else 0
    shown = "OVERDUE" if left and due < today else "PARTIALLY_PAID" if left and paid else status
    tone, label = _STATUS[shown]
    tagged = "".join(
        [f'<span class="tag"><svg viewBox="0 0 8 8" aria-hidden="true"><circle cx="4" cy="4" r="4" fill="'
         f'{colour}"/></svg>{_escaped(name)}</span>' for name, colour in tags]
    )  # fmt: skip
    under_way = '<span class="sub">payment on its way</span>' if status == "OPEN" and reserved else ""
    number, shown_id = _escaped(number), f"inv_{id_.hex}"
    box = f'<input type="checkbox" name="invoice" value="{shown_id}" aria-label="Choose invoice {number}">'
    link = f'<a href="{home}/invoices/{shown_id}">{number}</a>'
    return f"""    <tr>
      <td class="box">{box}</td>
      <th scope="row">{link}<span class="sub">Issued {_day(issued)}</span></th>
      <td data-label="Due" class="day">{_day(due)}</td>
      <td data-label="Tags"><span class="tags">{tagged}</span></td>
      <td data-label="Status"><span class="badge" data-tone="{tone}">{label}</span></td>
      <td data-label="Total" class="money">{_money(total)}</td>
      <td data-label="To pay" class="money"><span>{_money(left)}{under_way}</span></td>
    </tr>
"""


def _escaped(text: str) -> str:
    return escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _money(minor: int) -> str:
    return f"${minor // 100:,}.{minor % 100:02}"


def _day(day: date) -> str:
    return f"{_MONTHS[day.month]} {day.day}, {day.year}"
