"""What the hosted service showed how to send, and its npm client sends, is what others get: over SMTP, at smtp-sink of
Postfix and at another mailsac, as the standard library reads it."""

from __future__ import annotations

import base64
import email
import email.policy
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from ..conftest import needs
from .process import Process, serving
from .sink import keeping
from .test_outgoing import arrived, post

CLIENTS: Final = Path(__file__).parents[1] / "clients"
FROM, TO = "ann@example.org", "carol@elsewhere.example"
PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
REPORT: Final = bytes(range(256)) * 20
HOPS: Final = [
    "from a.example (a.example [192.0.2.1]) by b.example with ESMTP id 1; Mon, 2 Mar 2026 10:00:00 +0000",
    "from here.example by a.example with ESMTPS id 2 for <carol@elsewhere.example>; Mon, 2 Mar 2026 09:59:58 +0000",
]
RAW: Final = (
    "From: Ann <ann@example.org>\nTo: carol@elsewhere.example\nSubject: whole\nX-Mine: kept\n"
    "Date: Mon, 2 Mar 2026 10:00:00 +0000\nMessage-ID: <whole@example.org>\nMIME-Version: 1.0\n"
    'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain; charset=utf-8\n\nGrüße\n'
    '--b\nContent-Type: text/html; charset=utf-8\n\n<p>Grüße</p>\n--b\nContent-Type: image/gif; name="dot.gif"\n'
    'Content-Disposition: attachment; filename="dot.gif"\nContent-Transfer-Encoding: base64\n\n'
    f"{base64.b64encode(PIXEL).decode()}\n--b--\n"
)


def encoded(content: bytes) -> dict[str, str]:
    return {"content": base64.b64encode(content).decode(), "encoding": "base64"}


INLINE: Final = {
    "filename": "dot.gif",
    **encoded(PIXEL),
    "contentDisposition": "inline; filename=dot.gif",
    "cid": "dot@1",
}
ATTACHED: Final = {"filename": "Bericht für März.pdf", **encoded(REPORT), "contentDisposition": "attachment"}
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "text": {"text": "Hello, Carol\n.\nThe end"},
    "html": {"html": "<p>Hello, <b>Carol</b></p>"},
    "text and html": {"text": "Hello, Carol", "html": "<p>Hello, <b>Carol</b></p>"},
    "inline image": {"html": '<p>A dot: <img src="cid:dot@1"></p>', "attachments": [INLINE]},
    "attachment": {"text": "See the report.", "attachments": [ATTACHED]},
    "all of it": {"text": "a dot", "html": '<img src="cid:dot@1">', "attachments": [INLINE, ATTACHED]},
    "received, a string": {"text": "came by", "received": HOPS[0]},
    "received, an array": {"text": "came by two", "received": HOPS},
    "names": {
        "from": [{"address": FROM, "name": "Ann Müller"}],
        "to": [{"address": TO, "name": "Carol, who reads"}],
        "cc": "dan@elsewhere.example, Eve <eve@elsewhere.example>",
        "bcc": ["fay@elsewhere.example"],
        "replyTo": "Help <help@example.org>",
        "text": "hello all",
    },
}


def asked(name: str) -> dict[str, Any]:
    """The body of the request."""
    return {"from": FROM, "to": TO, "subject": name} | EXAMPLES[name]


class Judges(msgspec.Struct, frozen=True):
    """Messages as they came, by subject, at each of the two."""

    sink: dict[str, EmailMessage]
    mailsac: dict[str, EmailMessage]


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judges]:
    """All examples are sent to both, and by the client where it is there."""
    folder = tmp_path_factory.mktemp("examples")
    node = shutil.which("node") if (CLIENTS / "node_modules").is_dir() else None
    count = len(EXAMPLES) + 1 + (node is not None)
    with ExitStack() as stack:
        sink = stack.enter_context(keeping(folder / "sink"))
        there = stack.enter_context(serving(folder / "there"))
        for port in (sink.port, there.smtp_port):
            environ = {"MAILSAC_OUTBOUND_MODE": "smarthost", "MAILSAC_OUTBOUND_SMARTHOST": f"127.0.0.1:{port}"}
            with serving(folder / f"to-{port}", environ=environ) as server:
                for name in EXAMPLES:
                    post(server, **asked(name))
                post(server, raw=RAW, subject="no", text="no", to="nobody@example.org", **{"from": "no@example.org"})
                if node is not None:
                    send_with_client(node, server)
                if port == there.smtp_port:
                    at_mailsac = by_subject(arrived(there, count))
                else:
                    taken = sink.messages(count)
                    at_sink = by_subject([one.removesuffix(b"\r\n") for one in taken])  # it puts an empty line behind
        yield Judges(at_sink, at_mailsac)


def send_with_client(node: str, server: Process) -> None:
    """By npm `mailsac`, as it comes."""
    fields = msgspec.json.encode({"from": FROM, "to": TO, "subject": "npm", "text": "Hello", "html": "<p>Hello</p>"})
    script = (
        'import mailsac from "mailsac"; const client = new mailsac.Client("k_none");'
        f'client.axios.defaults.baseURL = "http://127.0.0.1:{server.http_port}/api/";'
        f"console.log(JSON.stringify(await client.sendMessage({fields.decode()})));"
    )
    done = subprocess.run(
        [node, "--input-type=module", "-e", script], cwd=CLIENTS, capture_output=True, timeout=60, check=True
    )
    answer = msgspec.json.decode(done.stdout)
    assert (answer["from"], answer["to"]) == (FROM, [TO])


def by_subject(messages: list[bytes]) -> dict[str, EmailMessage]:
    found = {}
    for octets in messages:
        message = email.message_from_bytes(octets, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        assert str(message["Subject"]) not in found, "it came twice"
        found[str(message["Subject"])] = message
    return found


def text_of(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    return None if part is None else str(part.get_content()).replace("\r\n", "\n").removesuffix("\n")


def addresses(value: Any) -> list[tuple[str, str]]:
    """Names and addresses of a field of a request, or of a message."""
    found: list[tuple[str, str]] = []
    for one in value if isinstance(value, list) else [value or ""]:
        found += [(one["name"], one["address"])] if isinstance(one, dict) else getaddresses([str(one)])
    return [pair for pair in found if pair != ("", "")]


@pytest.mark.parametrize("judge", ["sink", "mailsac"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_what_arrives_is_what_was_asked_for(judges: Judges, judge: str, name: str) -> None:
    fields, message = asked(name), getattr(judges, judge)[name]

    assert message.defects == []
    for field in ("from", "to", "cc", "replyTo"):
        assert addresses(message["Reply-To" if field == "replyTo" else field]) == addresses(fields.get(field)), field
    assert message["Bcc"] is None
    assert message["Date"].datetime is not None
    assert message["Message-ID"]
    assert (text_of(message, "plain"), text_of(message, "html")) == (fields.get("text"), fields.get("html"))
    given = fields.get("attachments", [])
    files = [part for part in message.walk() if part.get_filename()]
    assert [
        (part.get_filename(), part.get_content_disposition(), part["Content-ID"], part.get_content()) for part in files
    ] == [
        (
            one["filename"],
            one["contentDisposition"].partition(";")[0],
            f"<{one['cid']}>" if "cid" in one else None,
            base64.b64decode(one["content"]),
        )
        for one in given
    ]
    received = fields.get("received", [])
    hops = [received] if isinstance(received, str) else received
    assert [" ".join(hop.split()) for hop in message.get_all("Received", [])][-len(hops) :] == hops or not hops


@pytest.mark.parametrize("judge", ["sink", "mailsac"])
def test_a_raw_message_arrives_as_it_was_given_and_all_other_fields_are_ignored(judges: Judges, judge: str) -> None:
    message = getattr(judges, judge)["whole"]

    sent = RAW.encode().replace(b"\n", b"\r\n")
    assert message.as_bytes(policy=email.policy.SMTP).endswith(sent[sent.index(b"--b") :])
    assert (message["X-Mine"], message["Message-ID"]) == ("kept", "<whole@example.org>")
    assert (text_of(message, "plain"), text_of(message, "html")) == ("Grüße", "<p>Grüße</p>")
    assert [part.get_content() for part in message.walk() if part.get_filename() == "dot.gif"] == [PIXEL]


@pytest.mark.parametrize("judge", ["sink", "mailsac"])
def test_what_the_npm_client_sends_arrives(judges: Judges, judge: str) -> None:
    needs("node")
    message = getattr(judges, judge).get("npm")
    if message is None:
        pytest.skip("needs the npm packages of tests/clients: make clients")

    assert (text_of(message, "plain"), text_of(message, "html")) == ("Hello", "<p>Hello</p>")
    assert (addresses(message["From"]), addresses(message["To"])) == ([("", FROM)], [("", TO)])
