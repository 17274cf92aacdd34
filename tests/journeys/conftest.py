"""A real browser in front of the running product."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import Cluster
from tests.product import Product, running_product


@pytest.fixture(scope="module")
def product(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product on a database that holds the cast, for one module's journeys."""
    name = cluster.create()
    with running_product(cluster.url_of(name), tmp_path_factory.mktemp("product")) as running:
        yield running
    cluster.drop(name)


def origin_of(url: str) -> str:
    """`scheme://host:port` of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.fixture(params=[True, False], ids=["with-scripts", "without-scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Every journey is walked twice: with JavaScript and without."""
    return bool(request.param)


@pytest.fixture
def visited() -> set[str]:
    """Other sites that a journey goes to on purpose."""
    return set()


@pytest.fixture
def page(
    chromium: Browser, product: Product, scripts: bool, visited: set[str], request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A fresh browser profile at the product; a journey that fails leaves a picture."""
    context = chromium.new_context(base_url=product.url, java_script_enabled=scripts)
    context.set_default_timeout(15_000)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda said: troubles.append(said.text) if "Security Policy" in said.text else None)
    asked: set[str] = set()
    context.on("request", lambda request: asked.add(origin_of(request.url)))
    yield page
    folder = Path("screenshots")
    if getattr(request.node, "failed", False):
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{request.node.name}.png", full_page=True)
    context.close()
    assert troubles == []
    # GUARANTEES G-3: whatever is loaded, pages of paying too, is ours or the gateway's.
    assert product.url in asked <= {product.url, product.gateway_url, *visited}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call" and report.failed:
        item.failed = True
    return report
