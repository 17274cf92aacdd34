"""A trial: the same documents put to the planner and to the reference reader, by everybody who may ask."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

from api.gate import Refused
from api.plan.document import Document
from api.read import Bearer, Reader, SessionAt
from auth.actors import Actor
from auth.tokens import digest_of
from errors import Invalid
from tests.api.conftest import ORIGIN, Client
from tests.api.oracle.coverage import directed
from tests.api.oracle.generator import Generator, Written
from tests.api.oracle.matching import NullFilter
from tests.api.oracle.reference import Reference
from tests.api.oracle.rows import World


class Different(AssertionError):
    """The two did not answer the same."""


def _apart(wanted: Any, found: Any, path: str = "") -> str:
    """Where two answers begin to differ."""
    if isinstance(wanted, dict) and isinstance(found, dict) and list(wanted) == list(found):
        return next(
            (_apart(wanted[k], found[k], f"{path}.{k}") for k in wanted if wanted[k] != found[k]), path
        )
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        places = range(len(wanted))
        return next(
            (_apart(wanted[i], found[i], f"{path}[{i}]") for i in places if wanted[i] != found[i]), path
        )
    return f"{path}: wanted {wanted!r}, found {found!r}"


@dataclass
class Asker:
    """An actor with a live credential, and what the reference reader and the generator know of it."""

    credential: Bearer | SessionAt
    reference: Reference
    generator: Generator


@dataclass
class Trial:
    """A frozen world and everybody who may ask about it."""

    reader: Reader
    world: World
    askers: dict[str, Asker] = field(default_factory=dict)
    compared: Counter[str] = field(default_factory=Counter)
    outcomes: defaultdict[str, set[bool]] = field(default_factory=lambda: defaultdict(set))
    refused: int = 0

    async def same(self, asker: Asker, written: Written) -> None:
        """Ask both, twice, with other variables; the answers must be equal."""
        try:
            document = self.reader.documents.checked(written.query)
        except Refused:
            self.refused += 1  # too large: the guard's business
            return
        for variables in (written.variables, written.again):
            if await self._same(asker, document, written.query, variables):
                self.compared.update(written.seen)

    async def _same(self, asker: Asker, document: Document, query: str, variables: dict[str, Any]) -> bool:
        try:
            wanted = asker.reference.answer(query, variables)
        except NullFilter:
            wanted = None
        try:
            document.shape.cost(variables)
            found = await self.reader.read(
                document, variables, credential=asker.credential, now=self.world.now
            )
        except Refused:
            self.refused += 1
            return False
        except Invalid as refusal:
            # Refused for a null, even where no record would have been held against it.
            codes = {problem.code for problem in refusal.problems}
            if codes != {"NULL_FILTER"} or not (wanted is None or None in variables.values()):
                raise
            self.refused += 1
            return False
        if json.dumps(wanted) != json.dumps(found.content):
            where = _apart(wanted, found.content)
            raise Different(f"{query}\n{json.dumps(variables)}\n{where}")
        for what, outcomes in asker.reference.held.items():
            self.outcomes[what] |= outcomes
            # A null was seen, but a value is to be seen.
            self.compared[what] += 1 if True in outcomes or "Where" in what else 0
        return True

    async def compare(self, target: str, least: int) -> None:
        """Ask for one thing until it was compared often enough, or nobody can."""
        for turn in range(least * 10):
            for asker in self.askers.values():
                if self.compared[target] >= least:
                    return
                written = directed(asker.generator, target, by_id=turn % 2 == 1)
                if written is not None:
                    await self.same(asker, written)


async def begin(client: Client, world: World) -> Trial:
    """Actors of every kind with live credentials, in a world that stays as it is."""
    trial = Trial(client.reader, world)
    cast, chance = client.cast, Random(20)
    acme = cast.slugs["acme"]
    token = client.portal_token("acme", [ORIGIN])
    for name, actor, credential in (
        ("key", cast.northwind_key, Bearer(digest_of(cast.keys["northwind"]))),
        ("other", cast.contoso_key, Bearer(digest_of(cast.keys["contoso"]))),
        ("ada", cast.ada, SessionAt(digest_of(client.sign_in("ada")), "partner", "northwind")),
        ("carl", cast.carl, SessionAt(digest_of(client.sign_in("carl")), "portal", acme)),
        ("petra", cast.petra, SessionAt(digest_of(client.sign_in("petra")), "portal", acme)),
        ("token", None, Bearer(digest_of(token), ORIGIN)),
    ):
        live: Actor = actor or (await client.reader.identify(credential, now=client.now)).actor
        reference = Reference(world, live)
        trial.askers[name] = Asker(credential, reference, Generator(reference, world.tables, chance))
    return trial
