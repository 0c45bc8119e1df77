"""The documentation as HTML: the reference of the API, made of its OpenAPI document, and the guides of docs/.

It is made when it is first asked for. What names the server of a local start in it, `127.0.0.1:8025` and the ports of
mail, is replaced by what the reader has asked (`addressed`), so that everything works as it is copied.
"""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from http import HTTPStatus
from typing import Any, Final

import msgspec

from mailsac import examples, markdown
from mailsac.examples import LANGUAGES
from mailsac.mail_ports import MailPorts
from mailsac.setting_types import host_of

# In the order in which they are shown. Each is a file of docs/, its title is its first heading.
_ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "Guides": ("inbox", "testing", "waiting", "search", "sending", "web-socket", "webhooks", "accounts", "api"),
    "Running it": ("operations", "deployment", "security", "blocking", "limits"),
    "How it behaves": ("parsing", "command-lines", "performance", "hardening"),
}
TESTERS: Final = {"web-socket": "socket-tester", "webhooks": "webhook-tester"}

# `mailsac/guides` is docs/; where the package is installed, a folder of its own.
_GUIDES: Final = importlib.resources.files("mailsac") / "guides"
_LOCAL: Final = re.compile(r'(?:127\.0\.0\.1|localhost)(:|\\?", )(8025|1025|1110)(?!\d)')
_WIDTH: Final = 66  # of a line of JSON
_HOST: Final = "@host@"  # in the tables of settings


class Recorded(msgspec.Struct, frozen=True):
    """An answer that a server has given to an example. `body` is its JSON or its first lines; None: there is none."""

    status: int
    media_type: str
    body: Any = None
    is_shortened: bool = False


def addressed(text: str, authority: str, ports: MailPorts) -> str:
    """The text for who has asked `authority`, the Host of the request, whose characters need no escaping."""
    host = host_of(authority)

    def own(match: re.Match[str]) -> str:
        separator, port = match[1], match[2]
        if port == "8025":
            return authority
        name = host if separator == ":" else host.strip("[]")
        return f"{name}{separator}{ports.smtp if port == '1025' else ports.pop3}"

    return _LOCAL.sub(own, text).replace(_HOST, host.strip("[]"))


def recorded() -> dict[str, Recorded]:
    """The answers by operationId."""
    file = importlib.resources.files("mailsac") / "web" / "docs-answers.json"
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Recorded])


@cache
def guides() -> Mapping[str, tuple[str, ...]]:
    """The names of the guides by group. One that is in no order yet stands last in how to run it."""
    names = {file.name.removesuffix(".md") for file in _GUIDES.iterdir() if file.name.endswith(".md")}
    found = {group: tuple(name for name in order if name in names) for group, order in _ORDER.items()}
    found["Running it"] += tuple(sorted(names - {name for each in found.values() for name in each}))
    return found


@cache
def guide_names() -> tuple[str, ...]:
    """All of them, in order."""
    return tuple(name for names in guides().values() for name in names)


class Documentation:
    """All pages, made of an OpenAPI document. Pages are what stands below the bar that all pages have."""

    def __init__(self, document: Mapping[str, Any], ports: MailPorts, *, needs_key: bool) -> None:
        """`needs_key` says that auth.mode is "keys"."""
        self._document = document
        self._ports = ports
        self._needs_key = needs_key
        self._answers = recorded()
        self._common = _common_refusals(document)
        self._guides = {
            name: markdown.sections((_GUIDES / f"{name}.md").read_text("utf-8"), _link) for name in guide_names()
        }

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Path, method and description of each."""
        for path, methods in self._document["paths"].items():
            for method, operation in methods.items():
                yield path, method, operation

    def examples(self, language: str) -> dict[str, str]:
        """The example of each operation in that language, by operationId, and those of mail."""
        found = examples.of_mail(language, with_key=self._needs_key)
        for path, method, operation in self.operations():
            call = examples.call_of(path, method, operation, with_key=self._needs_key)
            found[operation["operationId"]] = examples.example(call, language)
        return found

    def reference(self) -> str:
        """The page at /docs."""
        curl = self.examples("curl")
        groups = "".join(
            f'<section class="group" id="{_id(tag)}"><h2><a href="#{_id(tag)}">{escape(tag.capitalize())}</a></h2>\n'
            + "".join(self._operation(*each, curl) for each in operations)
            + "</section>\n"
            for tag, operations in self._by_tag().items()
        )
        return self._page("", f"{self._start(curl)}{groups}{self._objects()}")

    def title(self, name: str) -> str:
        """That of a guide."""
        return self._guides[name][0].title

    def guide(self, name: str) -> str:
        """The page of a guide."""
        sections = self._guides[name]
        parts = [f'<section class="text">{section.html}</section>\n' for section in sections]
        if name in TESTERS:
            parts.insert(1, f'<{TESTERS[name]} class="tester"></{TESTERS[name]}>\n')
        body = "".join(parts)
        return self._page(name, f'<article class="guide">{body}</article>')

    def index(self) -> list[dict[str, str]]:
        """Everything that can be found, in the order of the pages: `title`, `href`, `text`."""
        found = []
        for path, method, operation in self.operations():
            names = " ".join(parameter["name"] for parameter in operation["parameters"])
            found.append(
                {
                    "title": operation["summary"].replace("`", ""),
                    "href": f"/docs#{operation['operationId']}",
                    "text": f"{method.upper()} {path} {operation.get('description', '')} {names}",
                }
            )
        for name, sections in self._guides.items():
            whole, *parts = sections
            found.append({"title": whole.title, "href": f"/docs/{name}", "text": whole.text})
            for part in parts:
                title, href = f"{whole.title}: {part.title}", f"/docs/{name}#{part.anchor}"
                found.append({"title": title, "href": href, "text": part.text})
        return found

    def _by_tag(self) -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
        found: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {
            each["name"]: [] for each in self._document["tags"]
        }
        for path, method, operation in self.operations():
            found[operation["tags"][0]].append((path, method, operation))
        return found

    def _page(self, current: str, content: str) -> str:
        languages = "" if current else _language_switch()
        return (
            '<div class="docs"><aside class="contents" id="contents"><div class="find"><input id="filter" type="search"'
            ' placeholder="Find ( / )" aria-label="Find in the documentation" autocomplete="off"></div>'
            f'<nav aria-label="Documentation">{self._navigation(current)}</nav>'
            '<div id="found" aria-live="polite"></div></aside>'
            '<div><div class="tools"><button type="button" id="menu" aria-controls="contents" aria-expanded="false">'
            f"Contents</button>{languages}</div>{content}</div></div>"
        )

    def _navigation(self, current: str) -> str:
        here = "" if not current else "/docs"
        start = [_item(f"{here}#{_id(name)}", name) for name in ("Introduction", "SMTP", "POP3", "Keys", "Errors")]
        parts = [_nav_group("Start", start)]
        for group, names in guides().items():
            items = []
            for name in names:
                sections = self._guides[name]
                below = "".join(
                    _item(f"#{each.anchor}", each.title) for each in sections[1:] if name == current and each.level == 2
                )
                items.append(_item(f"/docs/{name}", sections[0].title, below=below, is_current=name == current))
            parts.append(_nav_group(group, items, is_open=group == "Guides" or current in names))
        for tag, operations in self._by_tag().items():
            items = [
                _operation_item(f"{here}#{operation['operationId']}", method, path, operation["summary"])
                for path, method, operation in operations
            ]
            parts.append(_nav_group(tag.capitalize(), items, is_open=False))
        parts.append(_nav_group("Objects", [_item(f"{here}#objects", "All objects")], is_open=False))
        return "".join(parts)

    def _start(self, curl: Mapping[str, str]) -> str:
        description = "".join(
            section.html for section in markdown.sections(self._document["info"]["description"], _link)
        )
        introduction = (
            f'<h1><a href="#introduction">mailsac {escape(self._document["info"]["version"])}</a></h1>{description}'
            '<p>The same for programs: <a href="/openapi.json">OpenAPI 3.1</a>.</p>'
        )
        return (
            _section("introduction", introduction, _code(_FIRST, "The first mail, and its code"))
            + _section("smtp", self._smtp(), _example("smtp", curl["smtp"]))
            + _section("pop3", self._pop3(), _example("pop3", curl["pop3"]))
            + _section("keys", self._keys(), "")
            + _section("errors", self._errors(), _code(_json(_ERROR) + "\n", "Answer"))
        )

    def _smtp(self) -> str:
        ports = self._ports
        user = "none is needed"
        if self._needs_key:
            user = "none to send to here; to capture, an account or one of its addresses, with an API key as password"
        return (
            '<h2><a href="#smtp">SMTP: send mail here</a></h2>'
            "<p>Any address will do, and none has to be made first. Nothing leaves the machine unless it is set up "
            'so: <a href="/docs/sending">Sending</a>.</p>'
            + _settings(ports.smtp, ports.smtp_tls, "STARTTLS" if ports.has_tls else "", user=user)
        )

    def _pop3(self) -> str:
        ports = self._ports
        password = "an API key of the account, or the password of the address" if self._needs_key else "any"
        user = "an address of the account" if self._needs_key else "any address, such as bob@example.com"
        return (
            '<h2><a href="#pop3">POP3: collect it with a mail client</a></h2>'
            "<p>What is collected can be left on the server, or deleted there.</p>"
            + _settings(ports.pop3, ports.pop3_tls, "STLS" if ports.has_tls else "", user=user, password=password)
        )

    def _keys(self) -> str:
        needed = (
            "This server asks for an API key."
            if self._needs_key
            else "This server is open: a key is needed for the administration only."
        )
        return (
            f'<h2><a href="#keys">Keys</a></h2><p>{needed} A key goes into the header <code>Mailsac-Key</code>. The '
            f"examples take it from the variable <code>{examples.KEY_VARIABLE}</code> of the environment, so that none "
            "is copied with them. What you give here is kept until this tab is closed, and used where you try "
            "something out.</p><reader-key></reader-key>"
        )

    def _errors(self) -> str:
        rows = "".join(
            f"<tr><th><code>{status}</code></th><td>{_statuses(texts)}</td></tr>"
            for status, texts in self._common.items()
        )
        return (
            '<h2><a href="#errors">Errors</a></h2><p>What is not 2xx has a JSON object with a text for people. '
            "These can be the answer to any operation; below each stands what else it may answer.</p>"
            f"<table><tbody>{rows}</tbody></table>"
        )

    def _operation(self, path: str, method: str, operation: Mapping[str, Any], curl: Mapping[str, str]) -> str:
        name = operation["operationId"]
        description = operation.get("description", "")
        prose = (
            f'<h3><a href="#{name}">{_text(operation["summary"])}</a></h3>'
            f'<p class="endpoint"><b class="{method}">{method.upper()}</b> <code>{_places(path)}</code></p>'
            + (f"<p>{_text(description)}</p>" if description else "")
            + self._parameters("In the path", [each for each in operation["parameters"] if each["in"] == "path"])
            + self._parameters("In the query", [each for each in operation["parameters"] if each["in"] == "query"])
            + self._body(operation)
            + self._outcomes(operation)
        )
        answer = self._answers.get(name)
        shown = _example(name, curl[name]) + (_recorded(answer) if answer else "")
        return (
            f'<section class="operation" id="{name}" data-method="{method}" data-path="{escape(path)}">'
            f'<div class="text">{prose}</div><div class="shown">{shown}</div></section>\n'
        )

    def _parameters(self, caption: str, parameters: Sequence[Mapping[str, Any]]) -> str:
        rows = "".join(
            f"<tr><th><code>{escape(each['name'])}</code>{_needed(each['required'] and each['in'] == 'query')}"
            f"<small>{self._kind(each['schema'])}</small></th><td>{_text(each['description'])}</td></tr>"
            for each in parameters
        )
        return f"<table><caption>{caption}</caption><tbody>{rows}</tbody></table>" if rows else ""

    def _body(self, operation: Mapping[str, Any]) -> str:
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            return ""
        raw = "<p>A message as it is will do too, as <code>message/rfc822</code>.</p>"
        note = raw if "message/rfc822" in content else ""
        if "application/json" not in content:
            return note
        return self._fields("In the body", self._resolved(content["application/json"]["schema"])) + note

    def _fields(self, caption: str, schema: Mapping[str, Any], *, of_answer: bool = False) -> str:
        """What a request needs, or what an answer may lack, is marked."""
        needed = schema.get("required", ())
        rows = "".join(
            f"<tr><th><code>{escape(name)}</code>"
            f"{'' if of_answer and name in needed else _OPTIONAL if of_answer else _needed(name in needed)}"
            f"</th><td>{self._kind(each)}</td></tr>"
            for name, each in schema.get("properties", {}).items()
        )
        return f"<table><caption>{caption}</caption><tbody>{rows}</tbody></table>" if rows else ""

    def _outcomes(self, operation: Mapping[str, Any]) -> str:
        rows = []
        for status, answer in operation["responses"].items():
            if status.startswith("2") or status == "101":
                rows.append((status, self._content(answer)))
                continue
            known = self._common.get(status, ())
            if texts := [text for text in answer["description"].split(" / ") if text not in known]:
                rows.append((status, _statuses(texts)))
        body = "".join(f"<tr><th><code>{status}</code></th><td>{text}</td></tr>" for status, text in rows)
        return f"<table><caption>Answers</caption><tbody>{body}</tbody></table>"

    def _content(self, answer: Mapping[str, Any]) -> str:
        kinds = [
            self._kind(content["schema"])
            if media_type == "application/json"
            else escape(_MEDIA.get(media_type, media_type))
            for media_type, content in answer.get("content", {}).items()
        ]
        return ", or ".join(kinds) or escape(answer["description"])

    def _objects(self) -> str:
        parts = ['<section class="group" id="objects"><h2><a href="#objects">Objects</a></h2>']
        for name, schema in sorted(self._document["components"]["schemas"].items()):
            about = " ".join(schema.get("description", "").split())
            parts.append(
                f'<section class="operation" id="object-{name}"><div class="text">'
                f'<h3><a href="#object-{name}">{name}</a></h3>'
                + (f"<p>{_text(about)}</p>" if about else "")
                + self._fields("Fields", schema, of_answer=True)
                + "</div></section>\n"
            )
        return "".join(parts) + "</section>"

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        found: Mapping[str, Any] = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found

    def _kind(self, schema: Mapping[str, Any]) -> str:
        """What may stand there, in words."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f'<a href="#object-{name}">{name}</a>'
        if "enum" in schema:
            return " | ".join(f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"])
        if "anyOf" in schema and "type" not in schema:
            return ", or ".join(dict.fromkeys(self._kind(each) for each in schema["anyOf"]))
        if "const" in schema:
            return f"<code>{escape(json.dumps(schema['const']))}</code>"
        kind = schema.get("type", "")
        if kind == "array":
            items = schema.get("items") or {}
            return f"list of {self._kind(items)}" if items else "list"
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            return f"object of {self._kind(schema['additionalProperties'])}"
        return " ".join([{"": "any", "integer": "whole number"}.get(kind, kind), *_bounds(schema)])


_MEDIA: Final = {
    "text/plain": "plain text",
    "text/html": "HTML",
    "text/event-stream": "server-sent events",
    "*/*": "the octets, of their own type",
}
_FIRST: Final = """\
printf 'Subject: hello\\r\\n\\r\\nYour code is 482913.\\r\\n' |
  curl smtp://127.0.0.1:1025 -T - \\
    --mail-from ann@example.org --mail-rcpt bob@example.com
curl http://127.0.0.1:8025/api/addresses/bob@example.com/messages
curl http://127.0.0.1:8025/otp/bob@example.com
"""
_ERROR: Final = {"message": "Message not found by id x and inbox bob@example.com", "error": "Not Found", "status": 404}


def _bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    if highest is not None:
        yield f"{lowest or 0}–{highest}"
    elif lowest:
        yield f"from {lowest}"
    if "maxLength" in schema:
        yield f"up to {schema['maxLength']} characters"


def _common_refusals(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """What every operation may answer, or every one that asks who calls, by status."""
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    of_all = set.intersection(*map(_refused, operations))
    of_callers = set.intersection(*(_refused(operation) for operation in operations if operation["security"]))
    found: dict[str, list[str]] = {}
    for status, text in sorted(of_all | of_callers):
        found.setdefault(status, []).append(text)
    return found


def _refused(operation: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Status and text of each."""
    answers = operation["responses"].items()
    return {(status, text) for status, answer in answers for text in answer["description"].split(" / ")}


def _link(target: str) -> str:
    """Where a link of a guide leads here; nowhere where what it names is not served."""
    if "://" in target or target.startswith(("#", "/")):
        return target
    name, _, anchor = target.partition("#")
    name = name.removesuffix(".md")
    if name not in guide_names():
        return ""
    return f"/docs/{name}" + (f"#{anchor}" if anchor else "")


def _id(name: str) -> str:
    return markdown.anchor_of(name)


def _language_switch() -> str:
    buttons = "".join(
        f'<button type="button" data-language="{name}" aria-pressed="{"true" if name == "curl" else "false"}">'
        f"{shown}</button>"
        for name, shown in LANGUAGES.items()
    )
    return f'<div class="languages" role="group" aria-label="Language of the examples">{buttons}</div>'


def _text(words: str) -> str:
    """Words of ours with `code` in them."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words, quote=False))


def _places(path: str) -> str:
    return re.sub(r"\{(\w+)\}", r"<var>{\1}</var>", escape(path))


_OPTIONAL: Final = " <small>optional</small>"


def _needed(is_needed: bool) -> str:
    return " <em>required</em>" if is_needed else ""


def _statuses(texts: Iterable[str]) -> str:
    return "<br>".join(_text(text) for text in texts)


def _section(name: str, prose: str, shown: str) -> str:
    return (
        f'<section class="operation" id="{name}"><div class="text">{prose}</div>'
        f'<div class="shown">{shown}</div></section>\n'
    )


def _code(text: str, title: str = "") -> str:
    head = f"<figcaption>{title}</figcaption>" if title else ""
    return f"<figure>{head}<pre><code>{escape(text, quote=False)}</code></pre></figure>"


def _example(name: str, source: str) -> str:
    return (
        f'<figure class="example" data-example="{name}"><figcaption>Example</figcaption>'
        f"<pre><code>{escape(source, quote=False)}</code></pre></figure>"
    )


def _recorded(answer: Recorded) -> str:
    phrase = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    note = " <small>shortened</small>" if answer.is_shortened else ""
    head = f"<figcaption><b>{phrase}</b> {escape(answer.media_type)}{note}</figcaption>"
    if answer.body is None:
        return f'<figure class="answer">{head}</figure>'
    shown = answer.body if answer.media_type.startswith("text/") else _json(answer.body)
    return f'<figure class="answer">{head}<pre><code>{escape(shown, quote=False)}\n</code></pre></figure>'


def _json(value: Any, indent: str = "") -> str:
    """JSON in which what is short stands on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= _WIDTH or not isinstance(value, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(value, list):
        return "[\n" + ",\n".join(deeper + _json(each, deeper) for each in value) + f"\n{indent}]"
    fields = (f"{deeper}{json.dumps(name)}: {_json(each, deeper)}" for name, each in value.items())
    return "{\n" + ",\n".join(fields) + f"\n{indent}}}"


def _settings(port: int, tls_port: int | None, upgrade: str, *, user: str, password: str = "") -> str:
    """What a mail client is told; what is in `code` can be copied."""
    ways = [f"{upgrade} at the port above"] * bool(upgrade)
    ways += ["from the first octet at its own port"] * (tls_port is not None)
    rows = {
        "Host": f'<code class="value">{_HOST}</code>',
        "Port": f'<code class="value">{port}</code>',
        "Port with TLS": "" if tls_port is None else f'<code class="value">{tls_port}</code>',
        "User": user,
        "Password": password,
        "TLS": ", or ".join(ways) or "none",
    }
    shown = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows.items() if value)
    return f"<table><tbody>{shown}</tbody></table>"


def _nav_group(name: str, items: Sequence[str], *, is_open: bool = True) -> str:
    opened = " open" if is_open else ""
    return f"<details{opened}><summary>{escape(name)}</summary><ul>{''.join(items)}</ul></details>\n"


def _item(href: str, title: str, *, below: str = "", is_current: bool = False) -> str:
    here = ' aria-current="page"' if is_current else ""
    more = f"<ul>{below}</ul>" if below else ""
    return f'<li><a href="{href}"{here}>{_text(title)}</a>{more}</li>'


def _operation_item(href: str, method: str, path: str, summary: str) -> str:
    short = path.removeprefix("/api").replace("message_id", "id")
    while len(short) > _NAV_WIDTH:  # its end tells them apart
        short = "…/" + short.removeprefix("…").removeprefix("/").partition("/")[2]
    return (
        f'<li><a class="call" href="{href}" title="{escape(summary)}"><b class="{method}">'
        f"{_SHORT.get(method, method.upper())}</b> {escape(short)}</a></li>"
    )


_NAV_WIDTH: Final = 27  # characters
_SHORT: Final = {"delete": "DEL"}
