"""Hostile mail in a real browser: no script of it runs, and nothing that it names is asked for.

A canary listens on a port of its own and keeps whatever connects. The vectors are first shown to the browser without
our headers, to see that they do what they are here for.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from aiohttp import web

from mailsac.app import Server
from tests.conftest import needs
from tests.http_client import call, deliver, get

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.timeout(300)

BOX: Final = "bob@example.com"
MESSAGES: Final = f"/api/addresses/{BOX}/messages"
RAN: Final = "SCRIPT-RAN"

# What a vector runs, without quotes, spaces and angle brackets, so that it fits anywhere.
JS: Final = f"document.title=`{RAN}`;(new(Image)).src=`//@@/js`"
JS_BASE64: Final = "JSBASE64"

XSS: Final = [
    "<script>%</script>",
    "<SCRIPT/x>%</SCRIPT >",
    "<script type=module>%</script>",
    "<script src=//@@/script></script>",
    "<script src=data:text/javascript,%></script>",
    "<script>%",
    "<<script>%//<</script>",
    "<scr<script>ipt>%</scr</script>ipt>",
    "<script\x00>%</script>",
    "<script><!--\n%\n--></script>",
    "<img src=x onerror=%>",
    '<img src="x" onerror="%">',
    "<img src=x onerror='%'>",
    "<img/src=x/onerror=%>",
    '<img src=x\nonerror\n=\n"%">',
    "<img src=x oNeRrOr=%>",
    '<img """><script>%</script>">',
    "<img src=x onerror=&#x64;ocument.title=`%`>",
    "<image src=x onerror=%>",
    "<body onload=%>",
    "<body onpageshow=%>",
    "<body onfocus=%><input autofocus>",
    "<frameset onload=%>",
    "<svg onload=%>",
    "<svg/onload=%>",
    "<svg><script>%</script></svg>",
    "<svg><script href=data:text/javascript,%></script></svg>",
    "<svg><script xlink:href=//@@/svg-script></script></svg>",
    "<svg><animate onbegin=% attributeName=x dur=1s></svg>",
    "<svg><set onbegin=% attributeName=x></svg>",
    "<svg><a xlink:href=javascript:%><text y=20>x</text></a></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.%</script>'></iframe></foreignObject></svg>",
    "<svg><style><img src=x onerror=%></style></svg>",
    "<svg></p><style><a id='</style><img src=x onerror=%>'>",
    "<math><mtext></mtext><mglyph><style></math><img src=x onerror=%>",
    "<math><mi><table><mglyph><style><img src=x onerror=%></style></table></math>",
    "<math href=javascript:%>x</math>",
    "<iframe src=javascript:%></iframe>",
    "<iframe srcdoc='<script>top.%</script>'></iframe>",
    "<iframe srcdoc='<img src=x onerror=%>'></iframe>",
    "<iframe onload=% src=about:blank></iframe>",
    "<iframe src='data:text/html,<script>%</script>'></iframe>",
    "<object data='data:text/html,<script>%</script>'></object>",
    "<object data=javascript:%></object>",
    "<embed src='data:text/html,<script>%</script>'>",
    f"<embed src='data:image/svg+xml;base64,{JS_BASE64}'>",
    "<video src=x onerror=%></video>",
    "<video><source onerror=% src=x></video>",
    "<audio src=x onerror=%></audio>",
    "<input autofocus onfocus=%>",
    "<textarea autofocus onfocus=%></textarea>",
    "<select autofocus onfocus=%></select>",
    "<button autofocus onfocus=%>x</button>",
    "<details open ontoggle=%>x</details>",
    "<marquee onstart=%>x</marquee>",
    "<style>@keyframes k{}</style><div style='animation:k 1ms' onanimationstart=%>x</div>",
    "<link rel=stylesheet href='data:text/css,*{}' onload=%>",
    "<style onload=%></style>",
    "<meta http-equiv=refresh content='0;url=javascript:%'>",
    "<meta http-equiv=refresh content='0;url=data:text/html,<script>%</script>'>",
    "<meta charset=utf-7>+ADw-script+AD4-%+ADw-/script+AD4-",
    "<base href=javascript:/x/><a href=%>x</a><form action=x><input type=submit></form>",
    "<form action=javascript:%><button autofocus>x</button></form>",
    "<a href=javascript:% autofocus>x</a>",
    "<template><script>%</script></template><script>%</script>",
    "<noscript><p title='</noscript><img src=x onerror=%>'></noscript>",
    "<title></title><script>%</script></title>",
    "<textarea></textarea><script>%</script></textarea>",
    "<xmp></xmp><img src=x onerror=%></xmp>",
    "<!--><img src=x onerror=%>-->",
    "<!-- --!><img src=x onerror=%> -->",
    "<![CDATA[<img src=x onerror=%>]]>",
    "<?xml version='1.0'?><?xml-stylesheet href='javascript:%'?><img src=x onerror=%>",
    "<div style=\"background:url('javascript:%')\">x</div>",
    "<table background=javascript:%><td background=javascript:%>x</table>",
    "<div popover id=p onbeforetoggle=%>x</div><button popovertarget=p autofocus>y</button>",
]

# Every way that we know of to make a page load something. Each names its own path, so that a failure names the leak.
LEAKS: Final = [
    *(f"<{tag} {attribute}=http://@@/{tag}-{attribute}></{tag}>" for tag, attribute in [
        ("img", "src"), ("img", "srcset"), ("img", "longdesc"), ("img", "dynsrc"), ("img", "lowsrc"), ("image", "src"),
        ("image", "href"), ("input type=image", "src"), ("body", "background"), ("table", "background"),
        ("td", "background"), ("iframe", "src"), ("frame", "src"), ("embed", "src"), ("object", "data"),
        ("object", "codebase"), ("object", "classid"), ("applet", "code"), ("applet", "archive"), ("audio", "src"),
        ("video", "src"), ("video", "poster"), ("track", "src"), ("source", "src"), ("source", "srcset"),
        ("script", "src"), ("bgsound", "src"), ("portal", "src"), ("fencedframe", "src"), ("isindex", "src"),
        ("a", "ping"), ("blockquote", "cite"), ("q", "cite"), ("ins", "cite"), ("layer", "src"), ("ilayer", "src"),
        ("html", "manifest"), ("menuitem", "icon"), ("xml", "src"), ("div", "attributionsrc"),
        ("img", "attributionsrc"),
    ]),
    *(f"<link rel={relation} href=http://@@/link-{relation}>" for relation in [
        "stylesheet", "icon", "apple-touch-icon", "manifest", "prefetch", "preconnect", "dns-prefetch", "prerender",
        "subresource", "modulepreload", "import", "next", "search", "pingback", "alternate", "canonical", "mask-icon",
        "expect", "author", "help", "license", "amphtml", "shortcut",
    ]),
    *(f"<link rel=preload as={kind} href=http://@@/preload-{kind}>" for kind in
      ("script", "style", "image", "font", "fetch", "track", "audio", "video", "document")),
    *(f"<p style='width:9px;height:9px;{declaration.replace('url', f'url(http://@@/style-{number})')}'>x</p>"
      for number, declaration in enumerate([
        "background:url", "background-image:url", "list-style:url;display:list-item",
        "list-style-image:url;display:list-item",
        "border-image:url 30", "border-image-source:url;border:1px solid", "content:url", "filter:url",
        "cursor:url,auto",
        "mask:url", "-webkit-mask-image:url", "mask-border:url 1", "clip-path:url", "shape-outside:url;float:left",
        "background:image-set(url 1x)", "background:-webkit-image-set(url 1x)", "background:cross-fade(url,url)",
        "offset-path:url", "-webkit-box-reflect:below 0 url", "background:element(url)", "--x:url;background:var(--x)",
        "background:\\75\\72\\6c(http://@@/style-escaped)", "background:u/**/rl(http://@@/style-comment)",
    ])),
    "<style>@import 'http://@@/import-string';@import url(http://@@/import-url) screen;</style>",
    "<style>@import url(http://@@/import-layer) layer(x) supports(display:block);</style>",
    "<style>@font-face{font-family:f;src:url(http://@@/font)}p{font-family:f}</style><p>x</p>",
    "<style>@namespace x url(http://@@/namespace);p::before{content:url(http://@@/before)}</style><p>x</p>",
    "<style>p::marker{content:url(http://@@/marker)}p{display:list-item}</style><p>x</p>",
    "<style>@media screen{body{background:url(http://@@/media)}}</style><p>x</p>",
    "<style>@property --u{syntax:'<url>';inherits:false;initial-value:url(http://@@/property)}</style>",
    "<svg width=9 height=9><image href=http://@@/svg-image /><image xlink:href=http://@@/svg-xlink width=9 /></svg>",
    "<svg><use href=http://@@/svg-use#x /><use xlink:href=http://@@/svg-use-xlink#x /></svg>",
    "<svg><filter id=f><feImage href=http://@@/fe-image xlink:href=http://@@/fe-image-x /></filter><rect width=9 "
    "height=9 filter=url(#f) /></svg>",
    "<svg><rect width=9 height=9 fill=url(http://@@/fill#x) stroke=url(http://@@/stroke#x) mask=url(http://@@/mask#x) "
    "clip-path=url(http://@@/clip#x) filter=url(http://@@/filter#x) marker-start=url(http://@@/marker#x) "
    "cursor=url(http://@@/cursor) /></svg>",
    "<svg><image><animate attributeName=href values=http://@@/animate /><set attributeName=href to=http://@@/set />"
    "</image></svg>",
    "<svg><style>@import 'http://@@/svg-import';</style><font-face-uri xlink:href=http://@@/font-face-uri /></svg>",
    "<svg><script href=http://@@/svg-script /><foreignObject><img src=http://@@/foreign></foreignObject></svg>",
    "<svg><pattern xlink:href=http://@@/pattern#x /><linearGradient href=http://@@/gradient#x /><textPath "
    "href=http://@@/textpath#x>x</textPath><mpath href=http://@@/mpath#x /></svg>",
    "<?xml-stylesheet type='text/css' href='http://@@/xml-stylesheet'?>",
    "<!DOCTYPE html SYSTEM 'http://@@/doctype'>",
    "<!--[if gte mso 9]><img src=http://@@/conditional><![endif]--><![if !mso]><img src=http://@@/downlevel><![endif]>",
    "<meta http-equiv=refresh content='0;url=http://@@/refresh'>",
    "<meta http-equiv=Content-Security-Policy content=\"img-src 'none';report-uri http://@@/report\"><img src=x>",
    "<meta http-equiv=Link content='<http://@@/meta-link>;rel=stylesheet'>",
    "<meta name=msapplication-TileImage content=http://@@/tile><meta property=og:image content=http://@@/og>",
    "<base href=http://@@/base/><img src=relative><a href=x ping=y>z</a>",
    "<img srcset='http://@@/srcset-1 1x,http://@@/srcset-2 2x' sizes=100vw>",
    "<picture><source srcset=http://@@/picture><img src=data:,></picture>",
    "<img src='data:image/svg+xml,<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\">"
    "<image xlink:href=\"http://@@/svg-in-data\" width=\"9\" height=\"9\"/></svg>'>",
    "<iframe srcdoc='<img src=http://@@/srcdoc>'></iframe>",
    "<iframe src='data:text/html,<img src=http://@@/iframe-data>'></iframe>",
    "<object><param name=movie value=http://@@/param><embed src=http://@@/inner-embed></object>",
    "<video controls><track default src=http://@@/track kind=subtitles><source src=http://@@/source></video>",
    "<form action=http://@@/form><button formaction=http://@@/formaction autofocus>x</button></form>",
    "<div style='behavior:url(http://@@/behavior);-moz-binding:url(http://@@/binding)'>x</div>",
    "<img src=//@@/scheme-relative><img src=\\\\@@\\backslash><img src='ht\ntp://@@/newline'><img src=' http://@@/space'>",
    "<img src=https://@@/tls><img src=ftp://@@/ftp><img src=ws://@@/ws>",
    "<template shadowrootmode=open><img src=http://@@/shadow></template>",
    "<table><tr background=http://@@/tr><td background=http://@@/cell>x</table>",
    "<dialog open><img src=http://@@/dialog loading=eager></dialog><details open><img src=http://@@/details></details>",
    "<model src=http://@@/model></model><math><maction actiontype=x xlink:href=http://@@/maction>x</maction></math>",
    "<script type=speculationrules>{\"prefetch\":[{\"source\":\"list\",\"urls\":[\"http://@@/speculation\"]}]}</script>",
    "<script type=importmap>{\"imports\":{\"x\":\"http://@@/importmap\"}}</script>",
]  # fmt: skip


# Chromium opens a connection for a frame before it asks the policy, and for a preconnect hint without asking it at all;
# nothing is sent on it. Only HTML without the tags avoids that.
SILENT: Final = "a connection without a request"


class Canary:
    """A port that should hear nothing; keeps the first line of whatever connects."""

    def __init__(self) -> None:
        self.authority = ""
        self.heard: list[str] = []

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard, place = self.heard, len(self.heard)
        heard.append(SILENT)
        with suppress(asyncio.CancelledError):  # a connection may stay open and silent until the end
            heard[place] = (await reader.readline())[:200].decode(errors="replace").strip() or heard[place]
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    def armed(self, vector: str) -> str:
        """The vector, pointed at this canary."""
        svg = f"<svg xmlns='http://www.w3.org/2000/svg'><script>{JS}</script></svg>".replace("@@", self.authority)
        vector = vector.replace(JS_BASE64, base64.b64encode(svg.encode()).decode())
        return vector.replace("%", JS).replace("@@", self.authority)

    def take(self) -> list[str]:
        """What was heard since the last time."""
        heard, self.heard = self.heard, []
        return heard


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    canary = Canary()
    async with await asyncio.start_server(canary.connected, "127.0.0.1", 0) as listener:
        canary.authority = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield canary


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    home = tmp_path_factory.mktemp("chromium")
    options = webdriver.ChromeOptions()
    options.binary_location = needs("chromium")
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={home}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ):  # fmt: skip
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(home / "downloads")})
    options.set_capability("unhandledPromptBehavior", "ignore")
    service = webdriver.ChromeService(executable_path=needs("chromedriver"), env={**os.environ, "HOME": str(home)})
    driver: Chrome = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(20)
    yield driver
    driver.quit()


@asynccontextmanager
async def unprotected(pages: list[str]) -> AsyncIterator[str]:
    """The pages as a server without any of our headers would show them; gives the base URL."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=pages[int(request.match_info["number"])], content_type="text/html")

    application = web.Application()
    application.router.add_get(r"/{number:\d+}", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site.port}"
    await runner.cleanup()


async def show(browser: Chrome, url: str, *, dwell_s: float = 0.0) -> bool:
    """Open a page and stay for a while; whether a script of it ran."""
    return await asyncio.to_thread(_show, browser, url, dwell_s)


def _show(browser: Chrome, url: str, dwell_s: float) -> bool:
    browser.get(url)
    end = time.monotonic() + dwell_s
    while True:
        if browser.title == RAN:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)


async def settled(browser: Chrome, server_url: str, canary: Canary) -> list[str]:
    """All that the canary heard before the browser had left for a page of ours and gone idle."""
    await show(browser, f"{server_url}/", dwell_s=0.3)
    return canary.take()


def leak_page() -> str:
    """The page of the HTTPLeaks project; it is no part of this one."""
    page = Path(os.environ.get("MAILSAC_CORPUS", "nowhere"), "httpleaks", "leak.html")
    if not page.exists():
        pytest.skip("MAILSAC_CORPUS is not set")
    return page.read_text()


def html_message(markup: str) -> bytes:
    return (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + markup.encode() + b"\r\n"
    )


async def test_the_vectors_and_leaks_work_where_nothing_stops_them(browser: Chrome, canary: Canary) -> None:
    """Else the other tests would prove nothing."""
    assert len(XSS) >= 60
    pages = [canary.armed(vector) for vector in XSS]
    async with unprotected([*pages, "".join(map(canary.armed, LEAKS))]) as base:
        ran = [await show(browser, f"{base}/{number}", dwell_s=0.1) for number in range(len(pages))]
        assert sum(ran) >= 40, [vector for vector, each in zip(XSS, ran, strict=True) if not each]
        canary.take()
        await show(browser, f"{base}/{len(pages)}", dwell_s=2)
        leaked = {line.split(" ")[1] for line in canary.take() if line.startswith("GET ")}
        assert len(leaked) >= 40, leaked


@pytest.mark.check("C-46")
@pytest.mark.parametrize("route", ["dirty", "body"])
async def test_no_script_of_a_message_runs(server: Server, browser: Chrome, canary: Canary, route: str) -> None:
    ran = []
    for vector in XSS:
        queue_id = await deliver(server, BOX, html_message(canary.armed(vector)))
        moves = "refresh" in vector or "autofocus" in vector
        if await show(browser, f"{server.http_url}/api/{route}/{BOX}/{queue_id}", dwell_s=0.5 if moves else 0.05):
            ran.append(vector)
    assert not ran
    assert not set(await settled(browser, server.http_url, canary)) - {SILENT}


@pytest.mark.check("C-46")
async def test_no_script_runs_from_any_other_part_of_a_message(server: Server, browser: Chrome, canary: Canary) -> None:
    """Subject, display name, address, attachment name, text and attachment content, on every route that shows them."""
    script = canary.armed("<script>%</script><img src=x onerror=%>")
    svg = canary.armed("<svg xmlns='http://www.w3.org/2000/svg' onload='%'><script>%</script></svg>")
    word = "=?utf-8?B?" + base64.b64encode(script.encode()).decode() + "?="
    box = '"<script>x</script>"@example.com'
    message = (
        f"From: {word} <a@example.org>\r\nTo: {word} <{box}>\r\nSubject: {word}\r\nMIME-Version: 1.0\r\n"
        f"X-Hostile: {script}\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        f"--B\r\nContent-Type: text/plain\r\n\r\n{script}\r\n"
        f'--B\r\nContent-Type: text/html; name="{word}"\r\nContent-Disposition: inline; filename="{word}"\r\n\r\n'
        f"{script}\r\n"
        f"--B\r\nContent-Type: image/svg+xml\r\nContent-Disposition: inline; filename=a.svg\r\n\r\n{svg}\r\n"
        f"--B\r\nContent-Type: application/xhtml+xml\r\nContent-Disposition: inline; filename=a.xhtml\r\n\r\n"
        f"<html xmlns='http://www.w3.org/1999/xhtml'><body>{svg}</body></html>\r\n"
        f"--B\r\nContent-Type: image/png\r\nContent-Disposition: inline; filename=a.png\r\n\r\n{script}\r\n"
        f"--B\r\nContent-Type: text/plain\r\nContent-Disposition: inline; filename=a.txt\r\n\r\n{script}\r\n--B--\r\n"
    )
    queue_id = await deliver(server, box, message.encode())
    address = "%22%3Cscript%3Ex%3C%2Fscript%3E%22%40example.com"
    base = f"{server.http_url}/api/addresses/{address}/messages"
    attachments = (await get(server, f"/api/addresses/{address}/messages/{queue_id}/attachments")).json
    assert len(attachments) == 5
    targets = [base, f"{base}/{queue_id}", f"{base}/{queue_id}/attachments", f"{base}/{queue_id}x"]
    targets += [f"{base}/{queue_id}/headers?format={form}" for form in ("json", "json-ordered", "plain")]
    targets += [f"{base}/{queue_id}/attachments/{each['checksum']}" for each in attachments]
    targets += [
        f"{server.http_url}/api/{kind}/{address}/{queue_id}" for kind in ("raw", "dirty", "body", "text", "headers")
    ]
    targets += [f"{server.http_url}/%3Cscript%3E{kind}" for kind in ("", "%3C/script%3E")]
    for target in targets:
        assert not await show(browser, target, dwell_s=0.05), target
    assert not await settled(browser, server.http_url, canary)


@pytest.mark.check("C-47")
@pytest.mark.parametrize(("route", "tolerated"), [("dirty", {SILENT}), ("body", set())])
async def test_no_request_leaves_a_message(
    server: Server, browser: Chrome, canary: Canary, route: str, tolerated: set[str]
) -> None:
    """The ways to load something a dozen to a page, and then all of them on one."""
    pages = [canary.armed("".join(LEAKS[start : start + 12])) for start in range(0, len(LEAKS), 12)]
    for page in [*pages, "".join(pages)]:
        queue_id = await deliver(server, BOX, html_message(page))
        await show(browser, f"{server.http_url}/api/{route}/{BOX}/{queue_id}", dwell_s=1.0)
    assert not set(await settled(browser, server.http_url, canary)) - tolerated


@pytest.mark.check("C-47")
@pytest.mark.parametrize(("route", "tolerated"), [("dirty", {SILENT}), ("body", set())])
async def test_no_request_leaves_the_leak_page_of_others(
    server: Server, browser: Chrome, canary: Canary, route: str, tolerated: set[str]
) -> None:
    markup = re.sub(r"(https?:)?//leaking\.via", f"http://{canary.authority}", leak_page())
    assert markup.count(canary.authority) > 100
    queue_id = await deliver(server, BOX, html_message(markup))
    await show(browser, f"{server.http_url}/api/{route}/{BOX}/{queue_id}", dwell_s=12)  # it refreshes after 10
    assert not set(await settled(browser, server.http_url, canary)) - tolerated


@pytest.mark.check("C-55")
async def test_a_page_of_another_origin_can_neither_read_nor_change(
    server: Server, browser: Chrome, canary: Canary
) -> None:
    """With fetch, no-cors fetch, forms and images, from a page on another port of the same host."""
    await deliver(server, BOX, html_message("secret"))
    url = f"{server.http_url}{MESSAGES}"
    page = f"""<body><script>
      const tries = [
        fetch("{url}").then(r => r.text()),
        fetch("{url}", {{method: "DELETE"}}),
        fetch("{url}/latest", {{method: "DELETE", mode: "no-cors"}}),
        fetch("{url}", {{method: "POST", mode: "no-cors", body: "_method=DELETE"}}).then(r => r.text()),
      ];
      Promise.allSettled(tries).then(done => {{
        document.title = "DONE " + done.map(d => d.status + (d.value ? String(d.value).includes("secret") : ""));
      }});
    </script>"""
    async with unprotected([page]) as base:
        title = await asyncio.to_thread(_finished_title, browser, f"{base}/0")
    assert "true" not in title
    assert title.startswith("DONE rejected,rejected,rejected"), title
    assert len((await call(server, "GET", MESSAGES)).json) == 1


def _finished_title(browser: Chrome, url: str) -> str:
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(url)
    WebDriverWait(browser, 20).until(lambda each: each.title.startswith("DONE"))
    return str(browser.title)
