"""A whole list, a page after the other: for what is done with all that a filter finds.

Surprise: it runs the very document and filter that the list's page shows, so that nothing else can be found;
and whoever asks is looked up again with every page, so that it ends when their session does.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.requests import Request

from portal.house import credential, house

# Of what is looked up to be done something with; a hundred trips for the most that a filter may find.
AT_ONCE = 1_000


async def pages(
    request: Request,
    document: str,
    connection: str,
    variables: Mapping[str, Any],
    *,
    size: int,
    after: str | None = None,
) -> AsyncIterator[list[Mapping[str, Any]]]:
    """The records of a document's connection, at most `size` at a time; refuses as `ask` does.

    `after` is a cursor to begin behind.
    """
    parts = house(request)
    while True:
        answer = await parts.documents.reader.read(
            parts.documents[document],
            {**variables, "first": size, "after": after},
            credential=credential(request),
            now=parts.clock(),
            largest=size,
        )
        listed = answer.content[connection]
        yield listed["nodes"]
        if not listed["pageInfo"]["hasNextPage"]:
            return
        after = listed["pageInfo"]["endCursor"]
