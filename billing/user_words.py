"""What a customer's users are found by: their names and e-mail addresses, beside the words of their customer.

Surprise: it stands apart from the rules that call it because both the customers and their users do.
"""

from sqlmodel import Session

from auth.memberships import Membership, MembershipStatus
from billing import search

USER_SEARCHED_AS = "user"


def keep_user_words(db: Session, member: Membership) -> None:
    """Make a user findable by name and e-mail; not any more once it is removed. Called when that changes."""
    removed = member.status is MembershipStatus.REMOVED
    search.keep(
        db, partner_id=member.partner_id, customer_id=member.customer_id, kind=USER_SEARCHED_AS,
        subject_id=member.id, texts=() if removed else (member.name, member.email),
    )  # fmt: skip
