"""A small reference for money: what must be true after each step, in plain Python and nothing else.

It knows no table and no rule of the product. `truth` is what the gateway has done, `known` what we may say.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

CARDS = {"good": "SUCCEEDED", "bad": "FAILED", "careful": "REQUIRES_ACTION"}
CONFIRM_WITHIN = timedelta(minutes=30)
ONE_TRY = timedelta(minutes=2)
SENT_AGAIN_FOR = timedelta(hours=1)
LONGEST_WAY = timedelta(minutes=30)
OPEN = ("PENDING", "UNKNOWN", "REQUIRES_ACTION")


@dataclass
class Claim:
    """An invoice."""

    total: int
    status: str = "DRAFT"
    paid: int = 0
    reserved: int = 0
    credited: int = 0
    noted: int = 0
    """What credit notes say of it altogether."""

    @property
    def left(self) -> int:
        return self.owed - self.reserved

    @property
    def owed(self) -> int:
        return self.total - self.paid - self.credited if self.status == "OPEN" else 0

    def settle_if_covered(self) -> None:
        if self.paid + self.credited == self.total:
            self.status = "PAID"


@dataclass
class Attempt:
    """A payment, here and at the gateway."""

    shares: dict[int, int]
    card: str
    begun_at: datetime
    known: str = "PENDING"
    truth: str | None = None
    first_answer: str | None = None
    charged_at: datetime | None = None
    tries: int = 0
    tried_at: datetime | None = None

    def charged(self, now: datetime) -> str:
        """The gateway carries it out, or gives the first answer again."""
        if self.first_answer is None:
            self.truth = self.first_answer = CARDS[self.card]
            self.charged_at = now
        return self.first_answer

    def asked(self, now: datetime) -> str | None:
        """What the gateway says when it is asked now."""
        if self.truth == "REQUIRES_ACTION" and now >= self.charged_at + CONFIRM_WITHIN:
            self.truth = "FAILED"
        return self.truth

    def may_be_sent(self, now: datetime) -> bool:
        """Nobody else is sending it, and it has no end yet."""
        fresh = self.tried_at is not None and self.tried_at > now - ONE_TRY
        return self.known in ("PENDING", "UNKNOWN") and not fresh

    def sent(self, now: datetime) -> None:
        self.tries += 1
        self.tried_at = now


@dataclass
class Noted:
    """Money from outside, as it was written down."""

    shares: dict[int, int]
    kept: int
    id: UUID
    stands: bool = True

    @property
    def minor(self) -> int:
        """What is paid with it: without what is kept."""
        return sum(self.shares.values())


@dataclass
class Reference:
    """One customer's world."""

    claims: list[Claim] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)
    credit: int = 0

    def refusal(self, shares: dict[int, int]) -> str | None:
        """Why these can't be paid now."""
        for number, minor in shares.items():
            claim = self.claims[number]
            if claim.status != "OPEN":
                return "INVOICE_NOT_OPEN"
            if minor > claim.left:
                return "LESS_IS_LEFT"
        return None

    def begin(self, shares: dict[int, int], card: str, now: datetime) -> Attempt:
        for number, minor in shares.items():
            self.claims[number].reserved += minor
        attempt = Attempt(shares, card, now)
        self.attempts.append(attempt)
        return attempt

    def note(self, shares: dict[int, int], kept: int, id_: UUID) -> None:
        """Money came in past any gateway; what is for no claim is kept."""
        self.noted.append(Noted(shares, kept, id_))
        self.credit += kept
        for number, minor in shares.items():
            self.claims[number].paid += minor
            self.claims[number].settle_if_covered()

    def credit_note(self, number: int, minor: int) -> None:
        """A part of a claim is taken back: of what is open first, the rest is kept."""
        claim = self.claims[number]
        off = min(minor, claim.left)
        claim.noted += minor
        claim.credited += off
        self.credit += minor - off
        claim.settle_if_covered()

    def apply(self, number: int, minor: int) -> None:
        """What is kept pays for something else."""
        self.credit -= minor
        self.claims[number].credited += minor
        self.claims[number].settle_if_covered()

    def take_back(self, noted: Noted) -> None:
        """It did not, after all: the invoices are owed again, and what was kept is gone."""
        noted.stands = False
        self.credit -= noted.kept
        for number, minor in noted.shares.items():
            self.claims[number].paid -= minor
            self.claims[number].status = "OPEN"

    def hear(self, attempt: Attempt, said: str | None) -> None:
        """News of a charge: the end is the end, and older news changes nothing."""
        if said is None or attempt.known not in OPEN:
            return
        attempt.known = said
        if said == "REQUIRES_ACTION":
            return
        for number, minor in attempt.shares.items():
            claim = self.claims[number]
            claim.reserved -= minor
            if said == "SUCCEEDED":
                claim.paid += minor
                claim.settle_if_covered()

    def reconcile(self, attempt: Attempt, now: datetime) -> None:
        """What the reconciler does for one attempt, with a gateway that answers."""
        if attempt.known not in OPEN or (attempt.tried_at or attempt.begun_at) >= now - ONE_TRY:
            return
        said = attempt.asked(now)
        if said is None and attempt.begun_at > now - SENT_AGAIN_FOR:
            if attempt.may_be_sent(now):
                attempt.sent(now)
                said = attempt.charged(now)
        elif said is None and not (attempt.tried_at and attempt.tried_at > now - LONGEST_WAY):
            said = "FAILED"
        self.hear(attempt, said)
