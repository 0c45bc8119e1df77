"""The pages for people, and the files that they are made of.

All of them lie in `mailsac/web` and are sent as they are: no build step, nothing of a third party, and no script or
style inside the HTML, so that the policy of the pages lets only these files run. They are read when a browser asks for
the first time.
"""

from __future__ import annotations

import html
import importlib.resources
from collections.abc import Sequence
from functools import cached_property
from typing import Final, Literal

from aiohttp import web

from mailsac.api.refusals import Starting
from mailsac.api.response import HTML, buffered
from mailsac.mail_ports import MailPorts
from mailsac.setting_types import host_of

# A message is shown in a frame, with the policy of its own answer; its pictures and files are of this origin or were
# made by a script of ours.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Final = {"Content-Type": HTML, "Content-Security-Policy": PAGE_POLICY}

CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SETTINGS: Final = "inbox-settings.js"  # imported once somebody opens them
LINKS: Final = {"Inbox": "/", "Docs": "/docs", "Status": "/status"}

PageName = Literal["Inbox", "Docs", "Status"]


def document(
    title: str,
    main: str,
    *,
    page: PageName,
    styles: Sequence[str] = (),
    modules: Sequence[str] = (),
    imported: Sequence[str] = (),
) -> str:
    """A whole page: the head, the bar that all pages have, and `main`, which is HTML.

    `styles` and `modules` are names of assets beyond `base.css` and `theme.js`; those that the modules import may be
    named as `imported`, so that a browser asks for them before it has read the modules.
    """
    head = "".join(f'<link rel="stylesheet" href="/assets/{name}">' for name in ("base.css", *styles))
    head += "".join(f'<link rel="modulepreload" href="/assets/{name}">' for name in imported)
    head += "".join(f'<script type="module" src="/assets/{name}"></script>' for name in modules)
    current: dict[str, str] = {page: ' aria-current="page"'}
    links = "".join(f'<a href="{path}"{current.get(name, "")}>{name}</a>' for name, path in LINKS.items())
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><link rel="icon" href="/assets/icon.svg">'
        f'<script type="module" blocking="render" src="/assets/theme.js"></script>{head}</head>'
        '<body><a class="skip" href="#main">Skip to the content</a>'
        f'<header class="bar"><a class="brand" href="/">mailsac</a><nav aria-label="Pages">{links}</nav>'
        f'<span class="spacer"></span><theme-switch></theme-switch></header>'
        f'<main id="main" tabindex="-1">{main}</main></body></html>\n'
    )


def page_response(request: web.Request, text: str) -> web.StreamResponse:
    """A page with its policy and an ETag; 304 where the browser has it already."""
    return buffered(request, text.encode(), PAGE_HEADERS)


class Pages:
    """Handlers of `/`, `/inbox` and `/assets`."""

    def __init__(self) -> None:
        self.ports: MailPorts | None = None  # once the listeners are open
        self._read: dict[str, bytes] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """The assets: the only names that are ever served."""
        files = (importlib.resources.files("mailsac") / "web").iterdir()
        return frozenset(file.name for file in files if _suffix(file.name) in CONTENT_TYPES)

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """A style sheet, a script or a picture of the pages."""
        name = request.match_info["asset"]
        if name not in self.names:
            raise web.HTTPNotFound
        return buffered(request, self._octets(name), {"Content-Type": CONTENT_TYPES[_suffix(name)]})

    async def inbox(self, request: web.Request) -> web.StreamResponse:
        """The inbox, which asks the API for everything; without scripts, the ports, and commands that send and read.

        Raises Starting.
        """
        if self.ports is None:
            raise Starting
        host = request.headers.get("Host", "localhost")
        main = self._octets("inbox.html").decode()
        imported = sorted(name for name in self.names if name.startswith("inbox-") and name != SETTINGS)
        text = document("mailsac", main, page="Inbox", styles=("inbox.css",), modules=("inbox.js",), imported=imported)
        values = {"http": host, "host": host_of(host), "smtp": self.ports.smtp, "pop3": self.ports.pop3}
        for place, value in values.items():
            text = text.replace(f"{{{place}}}", html.escape(str(value)))
        return page_response(request, text)

    def _octets(self, name: str) -> bytes:
        if name not in self._read:
            self._read[name] = (importlib.resources.files("mailsac") / "web" / name).read_bytes()
        return self._read[name]


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
