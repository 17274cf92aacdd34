"""Mails to users in the API: what became of each."""

from datetime import datetime

import strawberry

from api.nouns import Node, col, noun, one
from api.reads import STAFF
from api.users import User
from auth.actors import Action
from billing import mails as t

strawberry.enum(t.MailKind, description="What it is about.")
strawberry.enum(t.MailStatus, description=t.MailStatus.__doc__)


@noun(t.Mail, "mail", needs=Action.VIEW_USERS, order="-created_at")
class Mail(Node):
    """A mail to one user. It holds no text: that is made when it is sent."""

    kind: t.MailKind = col()
    status: t.MailStatus = col()
    recipient: User | None = one("membership_id", "Null for one who can't be seen.")
    tries: int = col("How often a server was asked to take it.")
    answer: str | None = col("What the server said last, or why it was dropped.", see=STAFF)
    created_at: datetime = col(order=True)
    sent_at: datetime | None = col("When a server took it.")
    delayed_at: datetime | None = col("When a server told that it still tries to deliver it.")
    bounced_at: datetime | None = col("When it came back. `answer` then is why, in the server's words.")
