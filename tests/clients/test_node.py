"""Published JavaScript clients, unchanged: see the `.test.mjs` files beside this one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs

from .published import DOMAIN, Account, account

HERE = Path(__file__).parent
SUITES = sorted(path.name for path in HERE.glob("*.test.mjs"))

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module", params=["open", "keys"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("clients"), request.param) as opened:
        yield opened


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite(served: Account, suite: str) -> None:
    node = needs("node")
    if not (HERE / "node_modules").is_dir():
        pytest.skip("needs the npm packages of tests/clients: make clients")
    environ = {
        "PATH": os.environ["PATH"],
        "BASE_URL": served.api,
        "SMTP_PORT": str(served.server.smtp_port),
        "MAILSAC_KEY": served.key,
        "MAILSAC_MODE": served.mode,
        "MAILSAC_DOMAIN": DOMAIN,
    }
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", suite],
        cwd=HERE,
        env=environ,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert "\n# fail 0\n" in done.stdout
    assert "\n# pass 0\n" not in done.stdout, "nothing was tested"
