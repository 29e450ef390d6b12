"""The examples do what they promise, through a fettle."""

import httpx
import pytest
from devtools import shop_checks
from devtools.server import REPOSITORY
from harness import Server

SHOP = REPOSITORY / "examples/flask_shop"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """One shop for all checks of this file; it is stopped, with all invariants, by the last test."""
    folder = tmp_path_factory.mktemp("shop")
    shop = Server(
        folder,
        "wsgi:application",
        {"app": {"chdir": SHOP}, "concurrency": {"processes": 2, "threads": 2}},
        env={"SHOP_DATA": str(folder / "data")},
    )
    shop.allow_log(*shop_checks.EXPECTED_LOG)
    shop.start()
    yield shop
    shop.finish()


@pytest.mark.parametrize("check", shop_checks.CHECKS, ids=lambda check: check.__name__)
def test_flask_shop(shop, check):
    with httpx.Client(base_url=shop.url, timeout=30) as client:
        check(client)
