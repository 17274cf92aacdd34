"""The press: a few at once, each within its deadline and its size, in processes that hold nothing of ours."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import psutil
import pytest

from integrations.pdf import press as press_module
from integrations.pdf import typesetter
from integrations.pdf.press import Broken, Busy, Press, Sheet, TooLong, TooSlow
from tests import papers
from tests.integrations.test_pdf_hostile import everywhere

ENDLESS = "#for n in range(2000000) [#n #parbreak()]\n"


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """The product's templates and some that nobody would ship."""
    copytree(papers.TEMPLATES / "pdf", tmp_path / "pdf")
    (tmp_path / "pdf" / "slow.typ").write_text(ENDLESS)
    (tmp_path / "pdf" / "wrong.typ").write_text("#nothing-of-that-name")
    return tmp_path


@pytest.fixture
def small(templates: Path) -> Iterator[Press]:
    """A press of one typesetter and one place to wait."""
    press = Press(templates, at_once=1, waiting=1, deadline=1.5)
    yield press
    press.close()


def made_of(template: str) -> Sheet:
    return replace(everywhere("Line"), template=template)


def children() -> list[psutil.Process]:
    return [
        child for child in psutil.Process().children(recursive=True)
        if any(part.endswith("typesetter.py") for part in child.cmdline())
    ]  # fmt: skip


def test_what_takes_too_long_is_stopped_and_the_next_is_made(small: Press) -> None:
    before = {child.pid for child in children()}
    with pytest.raises(TooSlow):
        small.pdf(made_of("slow"))
    assert {child.pid for child in children()} == before
    assert small.pdf(made_of("paper")).startswith(b"%PDF-1.7")


def test_a_template_that_is_wrong_is_our_bug_and_costs_nobody_else(small: Press) -> None:
    with pytest.raises(Broken, match="nothing-of-that-name"):
        small.pdf(made_of("wrong"))
    assert small.pdf(made_of("paper")).startswith(b"%PDF-1.7")


def test_a_typesetter_that_was_killed_is_replaced(small: Press) -> None:
    before = {child.pid for child in children()}
    once = small.pdf(made_of("paper"))
    (mine,) = [child for child in children() if child.pid not in before]
    # It holds no secret: nothing of our environment is handed on.
    assert mine.environ() == {}
    mine.kill()
    psutil.wait_procs([mine])
    assert small.pdf(made_of("paper")) == once


def test_no_document_stays_behind(templates: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    press = Press(templates, deadline=1.5)
    press.pdf(made_of("paper"))
    (place,) = tmp_path.glob("remit-pdf-*")
    assert place.stat().st_mode & 0o777 == 0o700
    assert {path.suffix for path in place.iterdir()} == {".typ"}
    with pytest.raises(TooSlow):
        press.pdf(made_of("slow"))
    press.close()
    assert list(tmp_path.glob("remit-pdf-*")) == []


def test_a_typesetter_whose_press_is_gone_ends_and_tidies_up(templates: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    command = [sys.executable, "-I", typesetter.__file__, str(templates / "pdf"), str(place)]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, env={}, timeout=60).returncode == 0
    assert not place.exists()


def test_more_than_can_wait_are_told_so_at_once(templates: Path) -> None:
    press = Press(templates, at_once=1, waiting=1, deadline=3)
    begun = threading.Barrier(6)

    def one(_: int) -> object:
        begun.wait()
        try:
            return press.pdf(made_of("slow"))
        except (Busy, TooSlow) as refusal:
            return type(refusal)

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(one, range(6)))
    press.close()
    assert sorted(answer.__name__ for answer in answers) == ["Busy"] * 4 + ["TooSlow"] * 2


def test_one_owner_never_has_all_the_room(templates: Path) -> None:
    press = Press(templates, at_once=1, waiting=9, deadline=3)
    begun, answers = threading.Barrier(7), []

    def one(_: int) -> None:
        begun.wait()
        try:
            press.pdf(made_of("slow"), "a loop")
        except (Busy, TooSlow) as refusal:
            answers.append(type(refusal).__name__)

    with ThreadPoolExecutor(6) as threads:
        running = threads.map(one, range(6))
        begun.wait()
        assert press.pdf(made_of("paper"), "somebody else").startswith(b"%PDF")
        list(running)
    press.close()
    assert answers.count("Busy") >= 2
    assert "TooSlow" in answers


def test_too_much_is_refused_before_anything_is_started(
    small: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(press_module, "MOST_BYTES", 1_000)
    before = {child.pid for child in children()}
    with pytest.raises(TooLong):
        small.pdf(made_of("paper"))
    assert {child.pid for child in children()} == before


def test_a_typesetter_is_replaced_before_it_remembers_too_much(
    small: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(press_module, "MOST_ORDERS", 2)
    before, seen = {child.pid for child in children()}, []
    for _ in range(4):
        small.pdf(made_of("paper"))
        seen += [child.pid for child in children() if child.pid not in before]
    assert len(seen) == 4
    assert len(set(seen)) == 2
