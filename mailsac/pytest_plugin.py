"""The fixtures `mailsac` and `mailbox` for the test suites of programs that send mail: see docs/testing.md.

pytest loads this wherever mailsac is installed, so that nothing but pytest itself is imported until a test asks for a
fixture.
"""

from __future__ import annotations

import re
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from mailsac.client import Client, Mailbox

__tracebackhide__ = True

OURS: Final = r"(mailsac|aiosmtpd)\."  # modules


class Mailsac:
    """The server of this test run."""

    def __init__(self, client: Client, *, smtp_host: str, smtp_port: int, pop3_host: str, pop3_port: int) -> None:
        self.client = client
        self.smtp_host = smtp_host
        self.smtp_port = smtp_port
        self.pop3_host = pop3_host
        self.pop3_port = pop3_port

    @property
    def url(self) -> str:
        """The base URL of the HTTP API."""
        return self.client.url

    def mailbox(self, name: str = "box") -> Mailbox:
        """A mailbox that nobody else has, under a domain of its own: what is nearly its address is nobody else's."""
        return self.client.mailbox(f"{name}@{uuid4().hex[:16]}.example.com")


@pytest.fixture(scope="session")
def mailsac(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mailsac:
    """A mail server on free ports, one for the whole run, all workers of pytest-xdist included.

    MAILSAC_TEST_URL names one that runs already.
    """
    from mailsac import pytest_server as server
    from mailsac.client import Client

    # Where warnings are errors, one about our code would have the server fail: from the next test on, and in this one.
    request.config.addinivalue_line("filterwarnings", f"ignore:::{OURS}")
    warnings.filterwarnings("ignore", module=OURS)
    place = server.running_elsewhere()
    if place is None:
        data_dir = tmp_path_factory.mktemp("mailsac")
        if hasattr(request.config, "workerinput"):  # a worker of pytest-xdist; the run's folder is above its own
            used = server.shared(tmp_path_factory.getbasetemp().parent, data_dir)
        else:
            used = server.serving(data_dir)
        stack = ExitStack()
        place = stack.enter_context(used)
        # Not in a fixture's own end: that is part of the last test, and it may take longer than a test may.
        request.config.add_cleanup(stack.close)
    return Mailsac(
        Client(place.url, key=place.key),
        smtp_host=place.smtp_host,
        smtp_port=place.smtp_port,
        pop3_host=place.pop3_host,
        pop3_port=place.pop3_port,
    )


@pytest.fixture
def mailbox(request: pytest.FixtureRequest, mailsac: Mailsac) -> Mailbox:
    """A mailbox for this test alone, at an address with its name in it."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().partition("[")[0]).strip("-")
    return mailsac.mailbox(name[:40] or "box")
