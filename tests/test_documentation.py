"""The documentation: it says what /openapi.json says, and all of it; it has all guides; its links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from mailsac.app import Server, running
from mailsac.config import Auth, Config
from mailsac.documentation import addressed, guide_names, guides
from mailsac.mail_ports import MailPorts
from tests.http_client import get

ROOT = Path(__file__).parents[1]
MAX_PAGE = 300_000  # octets
VOID = {"br", "input", "link", "meta"}


class Page(HTMLParser):
    """What a page says of each operation, and where its links lead. Fails where a tag is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: dict[str, str] = {}  # by operationId
        self.operations: dict[str, tuple[str, str]] = {}  # method and path, by operationId
        self._open: list[str] = []
        self._within = ""
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        assert not {name for name in attributes if name.startswith("on") or name == "style"}, "the policy forbids it"
        if tag not in VOID:
            self._open.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a":
            self.links.append(attributes["href"])
        if tag == "section":
            self._within = attributes.get("id", "")
            self.texts[self._within] = ""
            if "data-method" in attributes:
                self.operations[self._within] = (attributes["data-method"], attributes["data-path"])

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._within:
            self.texts[self._within] += data


async def test_the_page_has_every_operation_and_parameter(server: Server) -> None:
    described = (await get(server, "/openapi.json")).json
    page = Page((await get(server, "/docs")).text)
    operations = {
        operation["operationId"]: (method, path)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert page.operations == operations
    for name, (method, path) in operations.items():
        operation, text = described["paths"][path][method], page.texts[name]
        assert operation["summary"].replace("`", "") in text
        for parameter in operation["parameters"]:
            assert parameter["name"] in text, name
            assert parameter["description"].replace("`", "") in text, name
        assert len(re.findall(r"In the (?:path|query)", text)) == len({each["in"] for each in operation["parameters"]})
        for status in operation["responses"]:
            common = status in ("400", "401", "403", "408", "413", "415", "429", "503")
            assert common or status in text, (name, status)
    for name, schema in described["components"]["schemas"].items():
        text = page.texts[f"object-{name}"]
        assert [field for field in schema.get("properties", {}) if field not in text] == []


async def test_attachments_are_a_group_of_their_own(server: Server) -> None:
    described = (await get(server, "/openapi.json")).json
    tagged = {
        path
        for path, methods in described["paths"].items()
        for operation in methods.values()
        if operation["tags"] == ["attachments"]
    }
    assert tagged == {path for path in described["paths"] if "attachment" in path}
    assert '<section class="group" id="attachments">' in (await get(server, "/docs")).text


async def test_every_page_is_small_and_every_link_leads_somewhere(server: Server) -> None:
    pages = {path: await get(server, path) for path in ("/docs", *(f"/docs/{name}" for name in guide_names()))}
    parsed = {path: Page(answer.text) for path, answer in pages.items()}
    others = {route.path for route in server.http.routes}
    for path, page in parsed.items():
        assert len(pages[path].body) < MAX_PAGE
        assert len(page.ids) == len(set(page.ids)), path
        for link in page.links:
            target, _, anchor = link.partition("#")
            if "://" in target or target in others - {"/docs"}:
                continue
            assert (target or path) in parsed, (path, link)
            assert not anchor or anchor in parsed[target or path].ids, (path, link)


async def test_what_can_be_found_is_there(server: Server) -> None:
    found = [each["href"].partition("#") for each in (await get(server, "/docs/index.json")).json]
    assert len(found) == len(set(found)) > 200
    paths = {"/docs", *(f"/docs/{name}" for name in guide_names())}
    assert {path for path, _, _ in found} == paths
    ids = {path: Page((await get(server, path)).text).ids for path in paths}
    assert [(path, anchor) for path, _, anchor in found if anchor and anchor not in ids[path]] == []


async def test_what_is_not_there_is_not_found(server: Server) -> None:
    for path in ("/docs/nothing", "/docs/examples/cobol", "/docs/examples", "/docs/index.json/x"):
        assert (await get(server, path)).status == 404, path


async def test_a_page_has_the_policy_of_the_pages_and_an_etag(server: Server) -> None:
    first = await get(server, "/docs")
    again = await get(server, "/docs", If_None_Match=first.headers["etag"])
    assert "script-src 'self'" in first.headers["content-security-policy"]
    assert "unsafe" not in first.headers["content-security-policy"]
    assert again.status == 304
    assert "content-security-policy" not in again.headers, "it would take the place of that of the page"


async def test_the_settings_for_mail_clients_are_those_of_the_server(config: Config) -> None:
    tls = msgspec.structs.replace(config.tls, self_signed=True)
    config = msgspec.structs.replace(
        config, auth=Auth(mode="keys"), tls=tls, pop3=msgspec.structs.replace(config.pop3, tls_port=0)
    )
    async with running(config) as server:
        page = (await get(server, "/docs", Host="mail.localhost:81")).text
    texts = Page(page).texts
    assert all(each in texts["smtp"] for each in ("mail.localhost", str(server.smtp_port), "STARTTLS"))
    assert all(each in texts["pop3"] for each in (str(server.pop3_port), str(server.pop3_tls_port), "STLS", "API key"))
    assert f"smtp://mail.localhost:{server.smtp_port}" in texts["smtp"]
    assert "http://mail.localhost:81/api" in page
    assert "This server asks for an API key." in texts["keys"]
    assert "$MAILSAC_KEY" in texts["getApiAddresses"]
    assert not re.search(r"(127\.0\.0\.1|localhost):(8025|1025|1110)\b", page.replace("mail.localhost", ""))


async def test_in_open_mode_examples_need_no_key_but_those_of_the_administration(server: Server) -> None:
    texts = Page((await get(server, "/docs")).text).texts
    with_key = {name for name in texts if "MAILSAC_KEY" in texts[name]} - {"keys"}
    assert "getApiAdminAccounts" in with_key
    assert [name for name in with_key if "ApiAdmin" not in name] == []


@pytest.mark.parametrize(
    ("text", "authority", "expected"),
    [
        ("curl http://127.0.0.1:8025/x", "mail.test", "curl http://mail.test/x"),
        ("curl localhost:8025", "[::1]:80", "curl [::1]:80"),
        ("smtp://127.0.0.1:1025", "[::1]:80", "smtp://[::1]:25"),
        ('SMTP("127.0.0.1", 1025)', "[::1]:80", 'SMTP("::1", 25)'),
        ('"POP3(\\"127.0.0.1\\", 1110)"', "mail.test:80", '"POP3(\\"mail.test\\", 110)"'),
        ("127.0.0.1:10250 and 127.0.0.1:80", "mail.test", "127.0.0.1:10250 and 127.0.0.1:80"),
    ],
)
def test_what_names_a_local_start_names_the_server_that_was_asked(text: str, authority: str, expected: str) -> None:
    assert addressed(text, authority, MailPorts(smtp=25, pop3=110)) == expected


def test_every_guide_is_shown_and_those_in_an_order_are_there() -> None:
    assert guides()["Guides"][:2] == ("inbox", "testing")
    assert guides()["How it behaves"][-1] == "hardening"
    assert sorted(guide_names()) == sorted(path.stem for path in (ROOT / "docs").glob("*.md"))


def test_an_installed_package_has_the_guides_and_the_pages(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("mailsac", "docs"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", build, str(tmp_path)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"mailsac/guides/{name}.md" for name in guide_names()} <= names
    assert {f"mailsac/web/{file.name}" for file in (ROOT / "mailsac" / "web").iterdir()} <= names
