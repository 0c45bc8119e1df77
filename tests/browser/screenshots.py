"""Pictures of every page, wide and narrow, light and dark: `make screenshots`, then look at them.

python -m tests.browser.screenshots bench/results/screenshots
"""

from __future__ import annotations

import smtplib
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.browser.chromium import chromium, prefer, resize
from tests.browser.mails import BOX, day_of_testing, mail
from tests.live.process import Process

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SIZES: Final = {"wide": (1360, 820), "middle": (900, 760), "narrow": (390, 780)}
PAGES: Final = {
    "start": "/",
    "empty": "/inbox/new@example.com",
    "mailbox": f"/inbox/{BOX}",
    "message": f"/inbox/{BOX}/latest",
    "settings": "/settings",
    "docs": "/docs",
    "operation": "/docs#getApiAddressesEmailWait",
    "guide": "/docs/web-socket",
    "status": "/status",
}
SETTLED_S: Final = 0.7


def take(folder: Path, names: set[str]) -> None:
    """Pictures of the pages, all of them where none is named, into that folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, Process(Path(home, "data")) as server:
        with smtplib.SMTP("127.0.0.1", server.smtp_port) as smtp:
            for box in ("bert@example.com", "qa+signup@example.net", "billing@example.com"):
                smtp.send_message(mail("Deploy Bot", "ci.example.net", "Nightly report", "All is well.", to=box))
            for message in day_of_testing():
                smtp.send_message(message)
        with chromium(Path(home, "chromium")) as browser:
            for name, path in PAGES.items():
                if not names or name in names:
                    _of_page(browser, f"http://127.0.0.1:{server.http_port}{path}", folder, name)


def _of_page(browser: Chrome, url: str, folder: Path, name: str) -> None:
    for size, (width, height) in SIZES.items():
        resize(browser, width, height)
        for scheme in ("light", "dark"):
            prefer(browser, scheme)
            browser.get("about:blank")  # else a page with an anchor would stay where it is
            browser.get(url)
            time.sleep(SETTLED_S)
            browser.save_screenshot(str(folder / f"{name}-{size}-{scheme}.png"))


if __name__ == "__main__":
    take(Path(sys.argv[1]), set(sys.argv[2:]))
