"""The inbox in Chromium: its weight, its first sight, and how it stands a flood. `python -m bench.inbox`."""

from __future__ import annotations

import smtplib
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import click

from bench.figures import Figure, circumstances, console, print_figures, write_results
from bench.servers import Server, fresh_folder, mailsac
from tests.browser.chromium import chromium, resize
from tests.browser.mails import mail

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BOX: Final = "bench@example.com"
OPENINGS: Final = 7
FLOOD: Final = 1000
FLOOD_S: Final = 10.0
BOUND_S: Final = 30.0

# Runs before the page does: when the first row was there to be painted, and the tasks that were longer than 50 ms.
WATCH: Final = """
window.watched = { rows: 0, tasks: [] };
new PerformanceObserver((list) => watched.tasks.push(...list.getEntries().map(({ duration }) => duration)))
  .observe({ type: "longtask", buffered: true });
new MutationObserver((_, observer) => {
  if (!document.querySelector(".rows li")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => (watched.rows = performance.now())));
}).observe(document, { childList: true, subtree: true });
"""


def _until(browser: Chrome, script: str) -> Any:
    deadline = time.monotonic() + BOUND_S
    while not (value := browser.execute_script(f"return {script}")):
        if time.monotonic() > deadline:
            raise SystemExit(f"bench.inbox: in vain: {script}")
        time.sleep(0.01)
    return value


def _send(server: Server, first: int, number: int, *, for_s: float = 0.0) -> None:
    begun = time.monotonic()
    with smtplib.SMTP("127.0.0.1", server.smtp_port) as smtp:
        for done in range(number):
            smtp.send_message(mail("Bench", "example.org", f"mail {first + done}", "Your code is 482913", to=BOX))
            time.sleep(max(0.0, begun + for_s * (done + 1) / number - time.monotonic()))


def _openings(browser: Chrome, url: str, *, is_cold: bool) -> list[float]:
    """Milliseconds until the rows are there."""
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": is_cold})
    milliseconds = []
    for _ in range(OPENINGS):
        browser.get(url)
        milliseconds.append(_until(browser, "watched.rows"))
    return milliseconds


def measured(server: Server, browser: Chrome) -> list[Figure]:
    """All of it, in a window of 1360 by 820."""
    url = f"http://127.0.0.1:{server.http_port}/inbox/{BOX}"
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    resize(browser, 1360, 820)
    _send(server, 0, 50)
    cold = _openings(browser, url, is_cold=True)
    files = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/assets/'))"
    weight = _until(browser, f"{files}.reduce((sum, each) => sum + each.decodedBodySize, 0)")
    warm = _openings(browser, url, is_cold=False)
    _until(browser, "document.querySelector('.connection').dataset.state === 'live'")
    browser.execute_script("watched.tasks.length = 0")
    _send(server, 50, FLOOD, for_s=FLOOD_S)
    sent = time.monotonic()
    _until(browser, f"document.querySelector('.rows li').getAttribute('aria-setsize') === '{50 + FLOOD}'")
    shown_s = time.monotonic() - sent
    time.sleep(0.5)
    longest = max(browser.execute_script("return watched.tasks"), default=0.0)
    return [
        Figure("inbox", "weight of the page, its scripts and styles as they are", weight / 1000, 150, "KB"),
        Figure("inbox", f"first sight of 50 messages, nothing cached, median of {OPENINGS}", median(cold), 300, "ms"),
        Figure("inbox", f"first sight of 50 messages, median of {OPENINGS}", median(warm), 300, "ms"),
        Figure("inbox", f"longest task while {FLOOD:,} mails come in {FLOOD_S:.0f} s", longest, 200, "ms"),
        Figure("inbox", f"from the last 250 until all {FLOOD:,} are listed", 1000 * shown_s, 1000, "ms"),
    ]


@click.command()
def main() -> None:
    """The inbox. Ends with 1 where a target is missed."""
    with (
        fresh_folder("inbox") as folder,
        tempfile.TemporaryDirectory() as home,
        mailsac(folder / "data") as server,
        chromium(Path(home)) as browser,
    ):
        figures = measured(server, browser)
    print_figures("the inbox in Chromium", figures)
    console().print(str(circumstances()))
    print(write_results("inbox", figures), file=sys.stderr)
    if not all(figure.is_met for figure in figures):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
