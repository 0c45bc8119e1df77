"""What axe finds on a page (WCAG 2.2 AA and its own good practice); it is one of the npm packages of tests/clients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

AXE: Final = Path(__file__).parents[1] / "clients/node_modules/axe-core/axe.min.js"
_RUN: Final = """
const done = arguments[arguments.length - 1];
axe.run(document, { iframes: false }).then(({ violations }) => done(violations.flatMap((each) =>
  each.nodes.map((node) => [each.id, ...node.target, ...node.any.map(({ message }) => message)].join(": ")))));
"""


def violations(browser: Chrome) -> list[str]:
    """One line for each; the test is skipped where axe is not installed."""
    if not AXE.exists():
        pytest.skip("needs the npm packages of tests/clients: make clients")
    browser.execute_script(AXE.read_text())
    found: list[str] = browser.execute_async_script(_RUN)
    return found
