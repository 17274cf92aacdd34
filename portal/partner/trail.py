"""Where a page of the dashboard lies: the breadcrumbs above its heading.

Surprise: the first steps are the words of the navigation, and lead nowhere of their own.
"""

from starlette.requests import Request

from languages import mark
from portal.house import place
from portal.shell import Link


def trail(request: Request, *steps: tuple[str, str | None]) -> list[Link]:
    """Accounts Receivable / Customers / All customers / `steps`; a step is its label and address."""
    customers = Link(mark("All customers"), f"{place(request).home}/customers")
    return [
        Link(mark("Accounts Receivable")),
        Link(mark("Customers")),
        customers,
        *(Link(*step) for step in steps),
    ]
