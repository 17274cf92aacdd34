"""API keys in the API: who has a way in, with which scopes, and when it was last used.

The surprise: keys are read here and made in pages only. What lets others in is managed by people, and no key
can have the right to make keys.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.nouns import Node, by_id, col, lazy, noun, one, sql
from auth import api_keys as t
from auth.actors import Action
from billing.derived import KeyStatus, key_scope, key_status

if TYPE_CHECKING:
    from api.users import User

strawberry.enum(KeyStatus, description="What an API key is good for; a ROTATED one works until it expires.")


@noun(t.ApiKey, "key", needs=Action.VIEW_KEYS, order="-created_at")
class ApiKey(Node):
    """A server's way in. Its token was shown once, when it was made."""

    name: str = col("Where it is used.")
    scope: str = sql(key_scope, "Its scopes, with spaces between them.")
    status: KeyStatus = sql(key_status)
    created_at: datetime = col(order=True)
    expires_at: datetime | None = col("Null: never.")
    revoked_at: datetime | None = col()
    last_used_at: datetime | None = col("To the minute.")
    created_by: Annotated["User", lazy("api.users")] | None = one(
        "created_by", "Null for keys made on the command line."
    )


@strawberry.type
class ApiKeyQueries:
    """Root fields about API keys."""

    api_key: ApiKey | None = by_id()
