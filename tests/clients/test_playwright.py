"""The recipe of docs/testing.md for Playwright, with Debian's browser."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import needs
from tests.live.process import ROOT, serving

HERE: Final = Path(__file__).parent
RUNNER: Final = HERE / "node_modules" / "@playwright" / "test" / "cli.js"
RECIPE: Final = HERE / "playwright"

pytestmark = pytest.mark.timeout(180)


def test_the_recipe(tmp_path: Path) -> None:
    node, chromium = needs("node"), needs("chromium")
    if not RUNNER.exists():
        pytest.skip("needs the npm packages of tests/clients: make clients")
    with serving(tmp_path / "data") as server:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "CHROMIUM": chromium,
            "MAILSAC_URL": f"http://127.0.0.1:{server.http_port}",
            "SMTP_PORT": str(server.smtp_port),
        }
        done = subprocess.run(
            [node, str(RUNNER), "test", "--output", str(tmp_path / "results")],
            cwd=RECIPE,
            env=environ,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert "3 passed" in done.stdout


def test_the_document_has_it() -> None:
    section = (ROOT / "docs" / "testing.md").read_text().partition("\n## Playwright\n")[2].partition("\n## ")[0]
    recipe = "".join(path.read_text() for path in RECIPE.iterdir() if path.suffix == ".mjs")
    blocks = re.findall(r"^```js\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)

    assert blocks
    assert [block for block in blocks if block not in recipe] == []
