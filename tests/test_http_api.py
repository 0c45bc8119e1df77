"""The rules that hold for every route, and what each route answers."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mailsac
from mailsac.api.guard import host_allowed, origin_allowed
from mailsac.api.pages import CONTENT_TYPES, PAGE_POLICY
from mailsac.api.request import decode_body, pattern
from mailsac.api.response import attachment_disposition, safe_file_name
from mailsac.app import Server, running
from mailsac.config import Config
from mailsac.errors import InvalidRequest, MailsacError, StoreUnavailable
from tests.http_client import Answer, call, deliver, example_body, exchange, filled, get

BOX = "bob@example.com"
MESSAGES = f"/api/addresses/{BOX}/messages"

PLAIN = b"From: Ann <ann@example.org>\r\nTo: bob@example.com\r\nSubject: hello\r\n\r\nIt works.\r\n"
MIXED = (
    b"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.com>\r\nCc: carol@example.com\r\nSubject: parts\r\n"
    b"MIME-Version: 1.0\r\nX-Twice: one\r\nX-Twice: two\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
    b"--B\r\nContent-Type: text/html\r\n\r\n"
    b'<p onclick=x()>Hi <a href="https://example.org/?token=1">there</a><img src="cid:dot@x"><script>x()</script>\r\n'
    b"--B\r\nContent-Type: image/gif\r\nContent-ID: <dot@x>\r\nContent-Disposition: inline; filename=dot.gif\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAACw=\r\n"
    b'--B\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename="a b/c.zip"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nUEsFBg==\r\n--B--\r\n"
)

ERROR_KEYS = {"message", "error", "status", "validationErrors"}
LEAKS = re.compile(rb"Traceback|Error\(|Exception|aiohttp|\.py|/usr/|/home/|site-packages|object at 0x")


def with_attachment(name: bytes, content_type: bytes = b"text/html", content: bytes = b"<script>x()</script>") -> bytes:
    """A message with one attachment; `name` is what stands between the quotes of `filename`."""
    return (
        b"Subject: attached\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        b"--B\r\nContent-Type: text/plain\r\n\r\nsee below\r\n"
        b"--B\r\nContent-Type: "
        + content_type
        + b'\r\nContent-Disposition: attachment; filename="'
        + name
        + b'"\r\n\r\n'
        + content
        + b"\r\n--B--\r\n"
    )


def refused(answer: Answer, status: int) -> dict[str, object]:
    """Assert the shape of an error and return its body."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body = answer.json
    assert set(body) <= ERROR_KEYS
    assert body["status"] == status
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])
    assert not LEAKS.search(answer.body)
    return dict(body)


@pytest.fixture
async def quick(config: Config) -> AsyncIterator[Server]:
    """A server whose time-outs are a hundredth of the real ones."""
    http = msgspec.structs.replace(config.http, max_connections=64)
    testing = msgspec.structs.replace(config.testing, time_scale=0.02)
    async with running(msgspec.structs.replace(config, http=http, testing=testing)) as server:
        yield server


# ── every route ──


async def test_every_mailbox_route_reads_its_path_alike(server: Server) -> None:
    queue_id = await deliver(server, "Bob+Tag@Example.com", MIXED)
    checksum = (await get(server, f"{MESSAGES}/{queue_id}")).json["attachments"][0]
    spellings = [
        "bob@example.com",
        "BOB@EXAMPLE.COM",
        "bob%40example.com",
        "Bob+Tag@example.com",
        "bob%2Btag%40example.com",
    ]
    # Of a mailbox with a message without a code in it.
    others = {"/api/addresses/{email}/expect-none": 409, "/otp/{email}": 404, "/otp/{email}.json": 404}
    for route in server.http.routes:
        if "{email}" not in route.path or route.method != "GET" or route.tag == "pages":
            continue
        expected = others.get(route.path, 200)
        target = filled(route.path, email=BOX, message_id=queue_id, attachment=checksum)
        for spelling in spellings:
            answer = await get(server, target.replace(BOX, spelling))
            assert answer.status == expected, (target, spelling)
        assert (await get(server, target + "/")).status == expected
        assert (await get(server, target + "?download=NaN&x=1&_mailsacKey=k_1")).status == expected
        assert refused(await get(server, target.replace(BOX, "100%")), 400)["message"] == "That address is not valid."
        assert refused(await get(server, target.replace(BOX, "bob%2540example.com")), 400)
        if "{message_id}" in route.path:
            elsewhere = await get(server, target.replace(BOX, "other@example.com"))
            found = refused(elsewhere, 404)["message"]
            assert found == f"Message not found by id {queue_id} and inbox other@example.com"
            assert refused(await get(server, target.replace(BOX, "bob+else@example.com")), 404)


def test_the_pattern_of_a_path() -> None:
    assert pattern("/") == "/"
    assert pattern("/api/{email}/x") == "/api/{email:[^/]+}/x{slash:/?}"


# ── messages ──


async def test_a_message_is_listed_whole(server: Server) -> None:
    queue_id = await deliver(server, "bob+news@example.com", MIXED)

    [message] = (await get(server, MESSAGES)).json

    order = (
        "_id from to cc bcc subject savedBy inbox originalInbox domain received size attachments ip via folder labels "
        "read rtls links spam"
    )
    assert " ".join(message) == order
    assert message["_id"] == f"{queue_id}-0"
    assert message["from"] == [{"address": "ann@example.org", "name": "Ann"}]
    assert message["cc"] == [{"address": "carol@example.com", "name": ""}]
    assert message["bcc"] == [{"address": "bob+news@example.com", "name": ""}]
    assert (message["inbox"], message["originalInbox"]) == (BOX, "bob+news@example.com")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["received"])
    assert message["size"] == len(MIXED)
    assert message["links"] == ["https://example.org/?token=1"]
    assert (message["savedBy"], message["read"], message["spam"], message["labels"]) == (None, None, 0, [])
    for name in (f"{queue_id}-0", queue_id, "latest"):
        alone = (await get(server, f"{MESSAGES}/{name}")).json
        assert " ".join(alone) == f"{order} codes linkDetails"
        assert alone.items() >= message.items()


async def test_an_empty_mailbox_is_an_empty_list(server: Server) -> None:
    assert (await get(server, MESSAGES)).body == b"[]"
    assert (await get(server, f"/api/addresses/{BOX}/message-count")).json == {"count": 0, "inbox": BOX}
    answer = await get(server, f"{MESSAGES}/latest")
    assert refused(answer, 404)["message"] == f"Message not found by id latest and inbox {BOX}"


async def test_each_recipient_gets_a_message(server: Server) -> None:
    queue_id = await deliver(server, ["a@example.com", "b@example.com"], PLAIN)
    assert (await get(server, "/api/addresses/a@example.com/messages")).json[0]["_id"] == f"{queue_id}-0"
    assert (await get(server, "/api/addresses/b@example.com/messages")).json[0]["_id"] == f"{queue_id}-1"
    refused(await get(server, f"/api/addresses/a@example.com/messages/{queue_id}-1"), 404)


async def test_a_tag_narrows_its_mailbox(server: Server) -> None:
    await deliver(server, "bob+one@example.com", PLAIN)
    await deliver(server, "bob+two@example.com", PLAIN)
    await deliver(server, BOX, PLAIN)
    for address, count in (
        (BOX, 3),
        ("bob+one@example.com", 1),
        ("bob%2BTWO@example.com", 1),
        ("bob+x@example.com", 0),
    ):
        assert len((await get(server, f"/api/addresses/{address}/messages")).json) == count
        assert (await get(server, f"/api/addresses/{address}/message-count")).json["count"] == count
    assert (await call(server, "DELETE", "/api/addresses/bob+one@example.com/messages")).status == 204
    assert (await get(server, f"/api/addresses/{BOX}/message-count")).json["count"] == 2


async def test_limits(server: Server) -> None:
    for _ in range(22):
        await deliver(server, BOX, PLAIN)
    for query, count in (
        ("", 20),
        ("limit=", 20),
        ("limit=0", 0),
        ("limit=3", 3),
        ("limit=1000", 22),
        ("limit=%2B5", 5),
    ):
        assert len((await get(server, f"{MESSAGES}?{query}")).json) == count, query
    assert len((await get(server, f"{MESSAGES}?limit=99999999999999999999999999")).json) == 22
    for bad in ("-1", "x", "1e9", "1.5", "%C2%B2", "NaN", "[]", "1%00"):
        assert refused(await get(server, f"{MESSAGES}?limit={bad}"), 400)["validationErrors"]


async def test_until_is_inclusive_and_takes_many_forms(server: Server) -> None:
    await deliver(server, BOX, PLAIN)
    received = (await get(server, MESSAGES)).json[0]["received"]
    for until, count in (
        (received, 1),
        (received.replace("Z", "%2B00:00"), 1),
        (received.replace("Z", "+00:00"), 1),  # unescaped: arrives as a space
        (received.replace("Z", ""), 1),
        ("2001-01-01", 0),
        ("2001-01-01T00:00:00.000Z", 0),
        ("2999-12-31T23:59:59%2B05:30", 1),
        ("2001-01-01T00:00", 0),
        ("", 1),
    ):
        assert len((await get(server, f"{MESSAGES}?until={until}")).json) == count, until
    for bad in (
        "now",
        "2026-13-01",
        "0001-01-01T00:00:00%2B23:59",
        "9" * 400,
        "2026-01-01T25:00",
        "[$ne]=1",
        "20260101",
    ):
        assert refused(await get(server, f"{MESSAGES}?until={bad}"), 400)["validationErrors"]


async def test_deleting(server: Server) -> None:
    first, second = await deliver(server, BOX, PLAIN), await deliver(server, BOX, PLAIN)
    await deliver(server, BOX, PLAIN)

    answer = await call(server, "DELETE", f"{MESSAGES}/{first}")

    assert answer.status == 200
    assert answer.json == {"message": "Message was deleted.", "_id": f"{first}-0", "inbox": BOX}
    refused(await call(server, "DELETE", f"{MESSAGES}/{first}"), 404)
    refused(await get(server, f"/api/raw/{BOX}/{first}"), 404)
    assert (await call(server, "DELETE", f"{MESSAGES}/latest")).status == 200
    assert [message["_id"] for message in (await get(server, MESSAGES)).json] == [f"{second}-0"]
    purged = await call(server, "DELETE", f"{MESSAGES}/?until=2001-01-01&limit=0")
    assert (purged.status, purged.body) == (204, b"")
    assert (await call(server, "DELETE", "/api/addresses/nobody@nowhere.example/messages")).status == 204
    assert (await get(server, MESSAGES)).json == []


# ── bodies ──


async def test_raw_is_the_trace_header_and_the_clients_octets(server: Server) -> None:
    odd = b"Subject: odd\nX: \xff\xfe\r\n\r\nbare\nline\rends\0 and \x80 octets\r\n"
    queue_id = await deliver(server, BOX, odd)

    raw = await get(server, f"/api/raw/{BOX}/{queue_id}")

    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert raw.body.startswith(b"Return-Path: <sender@example.org>\r\nReceived: from ")
    assert f"for <{BOX}>;".encode() in raw.body
    assert raw.body.endswith(odd)
    assert (await get(server, f"/api/raw/{BOX}/{queue_id}?original=1")).body == odd


async def test_dirty_inlines_images_and_body_is_clean(server: Server) -> None:
    queue_id = await deliver(server, BOX, MIXED)

    dirty = await get(server, f"/api/dirty/{BOX}/{queue_id}")
    assert dirty.headers["content-type"] == "text/html; charset=utf-8"
    assert 'src="data:image/gif;base64,R0lGODlhAQABAAAAACw="' in dirty.text
    assert "<script>x()</script>" in dirty.text

    clean = await get(server, f"/api/body/{BOX}/{queue_id}")
    assert clean.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"script|onclick|<img|<a|x\(\)", clean.text)
    assert "Hi there" in clean.text

    text = await get(server, f"/api/text/{BOX}/{queue_id}")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "https://example.org/?token=1" in text.text


@pytest.mark.check("C-47")
async def test_html_made_from_text_is_escaped(server: Server) -> None:
    queue_id = await deliver(server, BOX, b"Subject: x\r\n\r\n<img src=http://x onerror=x()>\r\n:)\r\n")
    dirty = (await get(server, f"/api/dirty/{BOX}/{queue_id}")).text
    assert dirty == (
        '<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8" /></head>'
        "<body><div>&lt;img src=http://x onerror=x()&gt;<br />:)<br /></div></body></html>"
    )
    clean = (await get(server, f"/api/body/{BOX}/{queue_id}")).text
    assert clean == "<div>&lt;img src=http://x onerror=x()&gt;<br>:)<br></div>"
    assert (await get(server, f"/api/text/{BOX}/{queue_id}")).text == "<img src=http://x onerror=x()>\r\n:)\r\n"


@pytest.mark.check("C-46")
@pytest.mark.parametrize("route", ["raw", "dirty", "body", "text", "headers"])
async def test_what_a_stranger_wrote_is_sandboxed(server: Server, route: str) -> None:
    queue_id = await deliver(server, BOX, MIXED)
    for suffix in ("", "?download=1"):
        answer = await get(server, f"/api/{route}/{BOX}/{queue_id}{suffix}")
        policy = [each.strip() for each in answer.headers["content-security-policy"].split(";")]
        assert "sandbox" in policy, "without allow-scripts and allow-same-origin"
        assert {"default-src 'none'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'"} <= set(policy)
        assert not any("script" in each for each in policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-dns-prefetch-control"] == "off"
        assert answer.headers["cache-control"] == "private, no-cache"


async def test_headers_in_every_format(server: Server) -> None:
    queue_id = await deliver(server, BOX, MIXED)
    target = f"{MESSAGES}/{queue_id}/headers"

    named = (await get(server, target)).json
    assert named["x-twice"] == ["one", "two"]
    assert named["subject"] == ["parts"]
    assert len(named["received"]) == 1

    ordered = (await get(server, f"{target}?messageHeadersFormat=json-ordered")).json
    assert [field["value"] for field in ordered if field["name"] == "x-twice"] == ["one", "two"]
    assert ordered[0]["name"] == "return-path"

    plain = await get(server, f"{target}?format=plain")
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert "X-Twice: one\r\nX-Twice: two\r\n" in plain.text

    legacy = (await get(server, f"/api/headers/{BOX}/{queue_id}")).json
    assert legacy["subject"] == "parts"
    assert legacy["x-twice"] == ["one", "two"]

    assert refused(await get(server, f"{target}?format=xml"), 400)["validationErrors"]


async def test_download_names_a_file(server: Server) -> None:
    queue_id = await deliver(server, BOX, MIXED)
    names = {"raw": "eml", "dirty": "html", "body": "html", "text": "txt", "headers": "json"}
    for route, extension in names.items():
        target = f"/api/{route}/{BOX}/{queue_id}"
        assert "content-disposition" not in (await get(server, f"{target}?download=NaN")).headers
        disposition = (await get(server, f"{target}?download=1")).headers["content-disposition"]
        assert disposition.startswith(f'attachment; filename="{queue_id}-0.{extension}"')


async def test_the_html_in_a_frame_may_be_given_images_and_links_that_open(server: Server) -> None:
    page = b"<!DOCTYPE html>\r\n<html><body><img src=http://x.test/y></body></html>\r\n"
    queue_id = await deliver(server, BOX, b"Subject: x\r\nContent-Type: text/html\r\n\r\n" + page)
    url = f"/api/dirty/{BOX}/{queue_id}"
    strict = (await get(server, url)).headers["content-security-policy"]
    loose = (await get(server, f"{url}?remote=1&frame=1")).headers["content-security-policy"]
    assert (await get(server, f"{url}?remote=1")).headers["content-security-policy"] == strict.replace(
        "img-src data:", "img-src data: https: http:"
    )
    assert loose.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data: h")
    assert "allow-scripts" not in loose and "allow-same-origin" not in loose
    assert (await get(server, f"{url}?frame=1")).body == page.replace(b"html>", b'html><base target="_blank">', 1)
    assert (await get(server, f"{url}?remote=0")).body == page


async def test_an_unchanged_answer_is_304(server: Server) -> None:
    queue_id = await deliver(server, BOX, MIXED)
    paths = [f"/api/{route}/{BOX}/{queue_id}" for route in ("raw", "dirty", "body", "text", "headers")]
    checksum = (await get(server, f"{MESSAGES}/{queue_id}")).json["attachments"][0]
    paths += [MESSAGES, f"{MESSAGES}/{queue_id}", f"{MESSAGES}/{queue_id}/attachments/{checksum}"]
    for path in paths:
        etag = (await get(server, path)).headers["etag"]
        assert re.fullmatch(r'"[!#-~]+"', etag)
        for condition in (etag, f'W/{etag}, "x"', "*"):
            again = await get(server, path, If_None_Match=condition)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
            assert "content-security-policy" not in again.headers, "it would replace that of what the browser has"
        assert (await get(server, path, If_None_Match='"other"')).status == 200
    before = (await get(server, MESSAGES)).headers["etag"]
    await deliver(server, BOX, PLAIN)
    assert (await get(server, MESSAGES, If_None_Match=before)).status == 200
    await call(server, "DELETE", f"{MESSAGES}/{queue_id}")
    assert (await get(server, paths[0], If_None_Match="*")).status == 404


async def test_a_large_message_comes_in_pieces_and_stalls_nobody(server: Server) -> None:
    body = b"".join(b"%07d " % number * 9 + b"\r\n" for number in range(300_000))
    large = b"Subject: large\r\nContent-Type: application/x-dump\r\n\r\n" + body
    queue_id = await deliver(server, BOX, large)

    raw, original, answers = await asyncio.gather(
        get(server, f"/api/raw/{BOX}/{queue_id}"),
        get(server, f"/api/raw/{BOX}/{queue_id}?original=1"),
        asyncio.gather(*(get(server, "/livez") for _ in range(20))),
    )

    assert original.body == large
    assert raw.body.endswith(large)
    assert raw.headers["content-length"] == str(len(raw.body))
    assert {answer.status for answer in answers} == {200}
    [attachment] = (await get(server, f"{MESSAGES}/{queue_id}/attachments")).json
    content = await get(server, f"{MESSAGES}/{queue_id}/attachments/{attachment['checksum']}")
    assert content.body == body
    assert (await call(server, "HEAD", f"/api/raw/{BOX}/{queue_id}")).headers["content-length"] == str(len(raw.body))


# ── attachments ──


async def test_attachments_are_found_by_checksum_content_id_and_name(server: Server) -> None:
    queue_id = await deliver(server, BOX, MIXED)
    target = f"{MESSAGES}/{queue_id}/attachments"

    listed = (await get(server, target)).json

    assert [sorted(each) for each in listed] == [
        ["checksum", "contentDisposition", "contentId", "contentType", "fileName", "length", "transferEncoding"]
    ] * 2
    assert [each["contentType"] for each in listed] == ["image/gif", "application/zip"]
    for identifier in (listed[0]["checksum"], "dot@x", "dot%40x", "dot.gif"):
        answer = await get(server, f"{target}/{identifier}")
        assert answer.body.startswith(b"GIF89a")
        assert answer.headers["content-type"] == "image/gif"
        assert answer.headers["content-disposition"].startswith('attachment; filename="dot.gif"')
    assert (await get(server, f"{target}/a%20b%2Fc.zip")).body == b"PK\5\6"
    assert refused(await get(server, f"{target}/nothing"), 404)["message"] == "Attachment not found."


async def test_a_message_without_attachments_has_an_empty_list(server: Server) -> None:
    queue_id = await deliver(server, BOX, PLAIN)
    assert (await get(server, f"{MESSAGES}/{queue_id}/attachments")).json == []
    refused(await get(server, f"{MESSAGES}/{queue_id}/attachments/x"), 404)


@pytest.mark.check("C-48")
@pytest.mark.parametrize(
    ("claimed", "sent"),
    [
        (b"text/html", "application/octet-stream"),
        (b"TEXT/HTML; charset=utf-7", "application/octet-stream"),
        (b"image/svg+xml", "application/octet-stream"),
        (b"text/xml", "application/octet-stream"),
        (b"application/xhtml+xml", "application/octet-stream"),
        (b"application/javascript", "application/octet-stream"),
        (b"text/javascript", "application/octet-stream"),
        (b"multipart/related", "application/octet-stream"),
        (b"message/rfc822", "application/octet-stream"),
        (b"application/x-shockwave-flash", "application/octet-stream"),
        (b"text/html\x0b", "application/octet-stream"),
        (b"image/png, text/html", "application/octet-stream"),
        (b"image/png", "image/png"),
        (b"application/pdf", "application/pdf"),
        (b"text/plain; charset=utf-16", "text/plain"),
        (b"application/zip", "application/zip"),
    ],
)
async def test_an_attachment_is_never_a_document(server: Server, claimed: bytes, sent: str) -> None:
    """Whatever a message claims: saved and not shown, of a type that runs nothing, and not sniffed."""
    polyglot = b"\x89PNG\r\n\x1a\n<html><script>x()</script>"
    queue_id = await deliver(server, BOX, with_attachment(b"x.html", claimed, polyglot))
    for each in (await get(server, f"{MESSAGES}/{queue_id}")).json["attachments"]:
        answer = await get(server, f"{MESSAGES}/{queue_id}/attachments/{each}")
        assert answer.status == 200
        assert answer.headers["content-type"] == sent
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]


NAMES = [
    b"a\\\r\n X: y",
    b"=?utf-8?B?YQ0KU2V0LUNvb2tpZTogeD0x?=",  # "a\r\nSet-Cookie: x=1"
    b"=?utf-8?Q?q=22uo=22te.txt?=",
    b"=?utf-8?B?8J+YgC5wZGY=?=",  # an emoji
    b"=?utf-8?B?4oCudHh0LmV4ZQ==?=",  # a right-to-left override
    b"a\\0b",
    b"a\x00b.txt",
    b"..\\\\..\\\\x",
    b"../../x",
    b"C:\\\\x",
    b".htaccess",
    b"....",
    b"",
    b"n" * 4000 + b".txt",
    b"=?utf-8?Q?" + b"=F0=9F=98=80" * 60 + b"?=",
    b"%0d%0aSet-Cookie:x=1",
    b'a"; x="y',
    b"\xff\xfe.bin",
]


@pytest.mark.check("C-52")
@pytest.mark.parametrize("name", NAMES)
async def test_any_file_name_gives_one_valid_disposition(server: Server, name: bytes) -> None:
    queue_id = await deliver(server, BOX, with_attachment(name))
    [checksum] = (await get(server, f"{MESSAGES}/{queue_id}")).json["attachments"]
    answer = await get(server, f"{MESSAGES}/{queue_id}/attachments/{checksum}")
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    assert "x" not in answer.headers
    assert_valid_disposition(answer.headers["content-disposition"])


def assert_valid_disposition(disposition: str) -> None:
    """One `attachment` with both forms of the name, in the grammar of RFC 6266 and RFC 8187."""
    match = re.fullmatch(
        r"attachment; filename=\"([^\"\\]{1,300})\"; filename\*=UTF-8''([!#$&+.^_`|~\w%-]+)", disposition, re.A
    )
    assert match, disposition
    assert match[1].isascii() and match[1].isprintable()
    name = unquote(match[2], errors="strict")
    assert len(name.encode()) <= 150
    assert not {"Cc", "Cf", "Cs", "Zl", "Zp"} & {unicodedata.category(character) for character in name}
    assert not re.search(r'[\x00-\x1f\x7f"/\\\u202a-\u202e\u2066-\u2069]', name)
    assert not name.startswith(".")


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_makes_a_valid_disposition(name: str) -> None:
    assert_valid_disposition(attachment_disposition(name, fallback="0123"))


def test_a_long_name_keeps_its_extension() -> None:
    assert safe_file_name("x" * 400 + ".pdf") == "x" * 146 + ".pdf"
    assert safe_file_name("\u20ac" * 100 + ".pdf") == "\u20ac" * 48 + ".pdf"
    assert safe_file_name("x." + "y" * 400) == "x." + "y" * 148


@pytest.mark.check("C-51")
async def test_no_file_is_named_by_a_message(server: Server, tmp_path: Path) -> None:
    for name in NAMES:
        queue_id = await deliver(server, BOX, with_attachment(name))
        for each in (await get(server, f"{MESSAGES}/{queue_id}")).json["attachments"]:
            await get(server, f"{MESSAGES}/{queue_id}/attachments/{each}")
        identifier = quote(name, safe="") or "x"
        answer = await get(server, f"{MESSAGES}/{queue_id}/attachments/{identifier[:6000]}")
        assert answer.status in (200, 404)
    ours = re.compile(
        r"[0-9a-z-]{16,40}(\.eml)?|mailsac\.db(-wal|-shm)?|[a-z.]*lock|[0-9a-f]{2}|\d{8}|[a-z]+|journal-[ab]|control\.sock"
    )
    written: list[str] = []
    while sum(name.endswith(".eml") for name in written) < len(NAMES):
        written = await asyncio.to_thread(lambda: [path.name for path in tmp_path.rglob("*")])
    assert not [name for name in written if not ours.fullmatch(name)]


# ── what is not to be let in ──


@pytest.mark.check("C-50")
@pytest.mark.parametrize(
    "message_id",
    [
        "..%2f..%2fetc%2fpasswd", "../../etc/passwd", "%00", "a%0d%0ab", "%2e%2e", "x" * 65, "x" * 7000, "-",
        "latest%00", "%ff%fe", "0123456789abcdefghjkmnpqrs-0", "_" * 40, "%", "LATEST", "*", "[$ne]=", "'%20or%201=1--",
    ],
)  # fmt: skip
async def test_an_id_is_an_id(server: Server, message_id: str) -> None:
    await deliver(server, BOX, PLAIN)
    for route in server.http.routes:
        if "{message_id}" in route.path and route.tag != "pages":
            target = filled(route.path, email=BOX, message_id=message_id)
            answer = await call(server, route.method, target, body=example_body(route))
            refused(answer, 404)
            assert b"root:" not in answer.body
    assert len((await get(server, MESSAGES)).json) == 1


@pytest.mark.check("C-53")
async def test_operators_are_no_values(server: Server) -> None:
    """Nothing that looks like a query changes what is found, and nothing is found beyond one's own mailbox."""
    await deliver(server, BOX, PLAIN)
    await deliver(server, "other@example.com", PLAIN)
    own = (await get(server, MESSAGES)).json
    for query in (
        "to[$ne]=x", "$where=sleep(9000)", "mailbox[$gt]=", "until[$ne]=1", "inbox=other@example.com", "recipient=",
        "__proto__[x]=1", "limit[$gt]=0", "_mailsacKey[$ne]=x", "%00=1", "a%00b=1", "'=1", "format[$regex]=.*",
    ):  # fmt: skip
        answer = await get(server, f"{MESSAGES}?{query}")
        assert (answer.status, answer.json) == (200, own), query
    for query in ("limit=[$gt]", 'limit={"$gt":0}', "until[]=x&until={}", "limit=9e99", "until=%00", "until=%ff"):
        refused(await get(server, f"{MESSAGES}?{query}"), 400)
    for address in (
        "*",
        "%25",
        "{$ne:x}",
        "$gt@x.org",
        "__proto__@x",
        "'or'1'='1@x",
        "%00@x",
        "[$ne]@x",
        "..@x",
        "@",
        "a@b@c",
    ):
        answer = await get(server, f"/api/addresses/{address}/messages")
        assert answer.status == 400 or answer.json == [], address
    for body in (
        b'{"_mailsacKey":{"$ne":null}}', b'{"_mailsacKey":["x"]}', b'{"_mailsacKey":1}', b'{"_mailsacKey":true}',
    ):  # fmt: skip
        refused(await call(server, "DELETE", MESSAGES, body=body), 400)
    assert (await get(server, MESSAGES)).json == own


@pytest.mark.check("C-55")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000.evil.com"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),  # another port
        ({"Origin": "file://"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:{port}"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 204),
        ({"Origin": "https://127.0.0.1:{port}"}, 204),  # a proxy has taken TLS off
        ({"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}, 204),
        ({"Sec-Fetch-Site": "none"}, 204),
        ({}, 204),
    ],
)
async def test_a_foreign_page_changes_nothing(server: Server, headers: dict[str, str], status: int) -> None:
    await deliver(server, BOX, PLAIN)
    headers = {name: value.replace("{port}", str(server.http_port)) for name, value in headers.items()}
    form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await call(server, "DELETE", MESSAGES, headers=form, body=b"a=b")
    assert answer.status == status
    assert "access-control-allow-origin" not in answer.headers
    assert len((await get(server, MESSAGES)).json) == (1 if status == 403 else 0)


@pytest.mark.check("C-55")
async def test_no_origin_is_let_in_by_default(server: Server) -> None:
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{server.http_port}"):
        asks = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
        for answer in (
            await call(server, "OPTIONS", MESSAGES, headers=asks),
            await get(server, MESSAGES, Origin=origin),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_listed_origin_is_let_in(config: Config) -> None:
    friend = "http://localhost:3000"
    http = msgspec.structs.replace(config.http, cors_origins=(friend,))
    async with running(msgspec.structs.replace(config, http=http)) as server:
        answer = await get(server, MESSAGES, Origin=friend)
        assert answer.headers["access-control-allow-origin"] == friend
        assert answer.headers["vary"] == "Origin"
        preflight = await call(server, "OPTIONS", MESSAGES, headers={"Origin": friend})
        assert preflight.status == 204
        assert "Mailsac-Key" in preflight.headers["access-control-allow-headers"]
        changing = {"Origin": friend, "Sec-Fetch-Site": "cross-site"}
        assert (await call(server, "DELETE", MESSAGES, headers=changing)).status == 204
        for stranger in ("http://localhost:3000.evil.com", "http://localhost:30000", "https://localhost:3000", "null"):
            answer = await get(server, MESSAGES, Origin=stranger)
            assert "access-control-allow-origin" not in answer.headers
            assert answer.headers["vary"] == "Origin"
            refused(await call(server, "DELETE", MESSAGES, headers={"Origin": stranger}), 403)


@pytest.mark.check("C-56")
@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True), ("127.0.0.1:8025", True), ("192.0.2.7", True), ("[::1]", True), ("[::1]:8025", True),
        ("localhost", True), ("LOCALHOST:1", True), ("app.localhost", True), ("mailsac", True), ("mailsac:8025", True),
        ("mail.example", True), ("MAIL.example:443", True),
        ("evil.example", False), ("127.0.0.1.nip.io", False), ("localhost.evil.example", False),
        ("mail.example.", False),
        ("x.mail.example", False), ("evil.example#@127.0.0.1", False), ("127.0.0.1@evil.example", False), ("", False),
        ("evil.", False), ("[evil.example]", False), ("[::1", False), ("127.0.0.1:x", False), ("a b", False),
        ("notlocalhost.x", False), ("127.0.0.1/evil.example", False), ("127.0.0.1\x00", False), ("1.2.3", False),
    ],
)  # fmt: skip
def test_which_hosts_may_name_us(host: str, allowed: bool) -> None:
    assert host_allowed(host, frozenset({"mail.example"})) is allowed


@pytest.mark.check("C-56")
async def test_a_foreign_host_is_refused_on_the_wire(server: Server) -> None:
    port = str(server.http_port).encode()
    for head in (
        b"GET /livez HTTP/1.1\r\nHost: evil.example\r\n",
        b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1.nip.io:" + port + b"\r\n",
        b"GET http://evil.example/livez HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"GET http://127.0.0.1/livez HTTP/1.1\r\nHost: evil.example\r\n",
        b"GET http://127.0.0.1@evil.example/livez HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"GET /livez HTTP/1.0\r\nHost: evil.example\r\n",
        b"OPTIONS / HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n",
        b"GET /livez HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n",
        b"GET /incoming-messages HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
    ):
        answer = await exchange(server, head + b"Connection: close\r\n\r\n")
        assert answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.0 403 ")), answer
        assert b"http.allowed_hosts" in answer
    for head in (b"GET /livez HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n"):
        assert b" 400 " in (await exchange(server, head + b"Connection: close\r\n\r\n"))[:20]
    assert b" 200 " in (await exchange(server, b"GET /livez HTTP/1.0\r\n\r\n"))[:20]


@given(st.dictionaries(st.sampled_from(["Origin", "Sec-Fetch-Site", "Host"]), st.text()))
def test_the_origin_rule_takes_any_text(headers: dict[str, str]) -> None:
    assert origin_allowed(headers, ()) in (True, False)


@pytest.mark.check("C-58")
def test_the_default_is_loopback() -> None:
    assert Config().http.host == "127.0.0.1"
    assert Config().http.cors_origins == ()


# ── bodies of requests ──


@pytest.mark.check("C-60")
async def test_a_chunked_body_is_refused_when_it_outgrows_the_cap(server: Server) -> None:
    """Wherever it is sent to, and long before all of it has arrived."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for method, target in (("GET", "/livez"), ("DELETE", MESSAGES), ("POST", "/nowhere"), ("GET", MESSAGES)):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        for _ in range(20):
            writer.write(chunk)
        async with asyncio.timeout(20):
            assert b" 413 " in await reader.readline()
        writer.close()


@pytest.mark.check("C-60")
async def test_an_announced_body_is_not_asked_for_when_it_is_too_large(server: Server) -> None:
    head = b"DELETE /api/addresses/a@b/messages HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    writer.write(head + b"Content-Length: 50000000\r\n\r\n")
    assert b" 413 " in await reader.readline()
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    writer.write(head + b"Content-Length: 2\r\n\r\n")
    assert b" 100 " in await reader.readline()
    await reader.readline()
    writer.write(b"{}")
    assert b" 204 " in await reader.readline()
    writer.close()


async def test_every_form_of_body_that_clients_send_is_taken(server: Server) -> None:
    form = "application/x-www-form-urlencoded"
    for content_type, body in (
        ("application/json", b""), (form, b""), (form, b"_mailsacKey=k_1"), (form, b'{"_mailsacKey": "k_1"}'),
        ("application/json", b'{"_mailsacKey":"","x":[1,2]}'), ("application/json", b'{"a":1,"a":2}'),
        ("", b"{}"), ("text/plain", b' {"a": null}\r\n'), ("application/json; charset=utf-8", b"{}"),
    ):  # fmt: skip
        answer = await call(server, "DELETE", MESSAGES, headers={"Content-Type": content_type}, body=body)
        assert answer.status == 204, (content_type, body, answer)


@pytest.mark.check("C-61")
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000, b'{"a":' * 100_000, b"{" * 1000, b"NaN", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999}',
        b'{"a":' + b"9" * 10_000 + b"}", b'{"a":"\\ud800"}', b'{"a":"\xff"}', b"[]", b"1", b'"x"', b"null", b"true",
        b'{"a":1', b"{'a':1}", b'{"a":1}{"a":1}', b"\x00", b"\xef\xbb\xbf{}", b'{"a":01}', b"a=b", b"{}" + b"\0" * 9,
    ],
)  # fmt: skip
async def test_what_is_no_json_object_is_400(server: Server, body: bytes) -> None:
    answer = await call(server, "DELETE", MESSAGES, headers={"Content-Type": "application/json"}, body=body)
    assert refused(answer, 400)["validationErrors"]


@pytest.mark.check("C-61")
@given(st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", ""]), st.binary())
def test_any_body_is_fields_or_a_documented_refusal(content_type: str, body: bytes) -> None:
    try:
        assert isinstance(decode_body(content_type, body), dict)
    except MailsacError as refusal:
        assert isinstance(refusal, InvalidRequest)
        assert refusal.http_status == 400


async def test_other_media_types_and_codings_are_415(server: Server) -> None:
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(await call(server, "DELETE", MESSAGES, headers=multipart, body=b"--x--"), 415)
    refused(await call(server, "DELETE", MESSAGES, headers={"Content-Encoding": "gzip"}, body=b"x"), 415)


# ── keys ──


async def test_no_key_reaches_the_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for target in (f"{MESSAGES}?_mailsacKey=k_secret", f"{MESSAGES}?key=k_secret", "/nowhere?key=k_secret"):
        await get(server, target, Mailsac_Key="k_secret")
    await call(server, "DELETE", MESSAGES, body=b'{"_mailsacKey":"k_secret"')
    lines = [record for record in caplog.records if record.message == "http.request"]
    assert len(lines) == 4
    assert all(re.fullmatch("[0-9a-f]{16}", record.__dict__["request_id"]) for record in lines)
    assert not [record for record in caplog.records if "k_secret" in str(record.__dict__)]


# ── what is not HTTP, and clients that dawdle ──


@pytest.mark.check("C-63")
@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100,
        b"<script>alert(1)</script>\r\n\r\n",
        b"GET <script> x HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 2_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        b"FOO BAR\r\n\r\n",
    ],
)
async def test_malformed_http_gets_our_words(quick: Server, octets: bytes) -> None:
    answer = await exchange(quick, octets)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.[01] (4\d\d|505) ", answer), answer
    assert re.search(rb"\r\nX-Request-Id: [0-9a-f]{16}\r\n", answer)
    assert b"Content-Type: application/json" in head
    assert b"\r\nX-Content-Type-Options: nosniff" in head
    assert set(msgspec.json.decode(body)) <= ERROR_KEYS
    assert not LEAKS.search(answer)
    assert b"script" not in answer


@pytest.mark.check("C-63")
async def test_unknown_things_are_not_found(server: Server) -> None:
    for target in (
        "/nowhere",
        "/api",
        "/api/",
        "/api/api/addresses/a@b/messages/x",
        "//",
        "/%2e%2e/etc/passwd",
        "/%ff",
        "/.",
    ):
        answer = refused(await get(server, target), 404)
        assert answer == {"message": "Not Found", "error": "Not Found", "status": 404}
    for expectation in ("100-continue", "x"):
        refused(await get(server, "/nowhere", Expect=expectation), 404)


@pytest.mark.check("C-63")
async def test_a_crash_says_nothing_of_itself(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(*_: object, **__: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(server.store, "count", crash)
    answer = await get(server, f"/api/addresses/{BOX}/message-count")
    assert refused(answer, 500)["message"] == "Internal server error"
    [record] = [record for record in caplog.records if record.message == "http.crashed"]
    assert record.__dict__["request_id"] == answer.headers["x-request-id"]
    assert "/secret/path" in caplog.text


async def test_where_memory_is_short_clients_are_told_to_come_back(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(server.store, "count", crash)
    answer = await get(server, f"/api/addresses/{BOX}/message-count")
    assert refused(answer, 503)["message"] == "Too busy, try again later."
    assert answer.headers["retry-after"] == "5"
    assert (await get(server, "/livez")).status == 200


async def test_a_store_that_is_away_is_503(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable(reason="/secret/path")

    for method in ("count", "ping"):
        monkeypatch.setattr(server.store, method, away)
    answer = await get(server, f"/api/addresses/{BOX}/message-count")
    refused(answer, 503)
    assert answer.headers["retry-after"] == "5"
    ready = await get(server, "/readyz")
    assert (ready.status, ready.json["status"]) == (503, "degraded")  # SQLite: without it no mail is accepted either
    for_read = await get(server, "/readyz?for=read")
    assert (for_read.status, for_read.json["reasons"]) == (503, ["The mail store is not available, try again later."])
    assert (await get(server, "/livez")).json == {"status": "ok", "reasons": []}


async def test_a_message_that_breaks_off_is_not_taken_for_whole(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an answer cannot become an error: the connection closes before the announced length."""
    queue_id = await deliver(server, BOX, b"Subject: x\r\n\r\n" + b"x" * 70 * 10_000 + b"\r\n")
    chunks = server.store.chunks

    async def broken(message_id: str) -> AsyncIterator[bytes]:
        async for piece in chunks(message_id):
            yield piece
            raise StoreUnavailable(reason="/secret/path")

    monkeypatch.setattr(server.store, "chunks", broken)
    request = f"GET /api/raw/{BOX}/{queue_id} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = await exchange(server, request.encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert len(answer) < 700_000
    assert b"secret" not in answer
    assert (await get(server, "/livez")).status == 200


@pytest.mark.check("C-59")
async def test_a_header_section_or_body_that_never_ends_is_cut_off(quick: Server) -> None:
    """Others are served meanwhile. Waits for the close itself: 30 s, here a fiftieth of it."""
    heads = [b"GET /livez HTTP/1.1\r\nHost: a\r\nX: ", b"DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1"]
    connections = [await asyncio.open_connection("127.0.0.1", quick.http_port) for _ in range(40)]
    for number, (_, writer) in enumerate(connections):
        writer.write(heads[number % 2])
    assert (await get(quick, "/livez")).status == 200
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(reader.read() for reader, _ in connections))
    assert set(answers[::2]) == {b""}
    assert all(b" 408 " in answer[:20] for answer in answers[1::2])
    for _, writer in connections:
        writer.close()


@pytest.mark.check("C-59")
async def test_a_header_that_drips_after_an_answer_is_cut_off(quick: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", quick.http_port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nX: ")
    async with asyncio.timeout(20):
        answer = await reader.read()
    assert answer.count(b"HTTP/1.1") == 1
    writer.close()


async def test_connections_above_the_bound_are_told_to_come_back(quick: Server) -> None:
    held = [await asyncio.open_connection("127.0.0.1", quick.http_port) for _ in range(64)]
    for _, writer in held:
        writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    for reader, _ in held:
        await reader.readline()
    answer = await exchange(quick, b"")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 5" in answer
    for _, writer in held:
        writer.close()
    async with asyncio.timeout(20):
        while (await exchange(quick, b"GET /livez HTTP/1.0\r\n\r\n"))[9:12] != b"200":  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # the server learns of each close by itself


async def test_a_reader_that_stops_is_cut_off(quick: Server) -> None:
    """What it does not read does not stay with us; the bound is 60 s, here a fiftieth of it."""
    queue_id = await deliver(quick, BOX, b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 200_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", quick.http_port, limit=1024)
    writer.write(f"GET /api/raw/{BOX}/{queue_id} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    await reader.readexactly(100)
    async with asyncio.timeout(30):
        while quick.http.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # it is the kernel that gives up
    writer.transport.abort()


@pytest.mark.parametrize("lines", [20, 20_000], ids=["at once", "streamed"])
@pytest.mark.parametrize("query", ["", "?original=1"])
async def test_a_file_that_was_cut_is_never_answered_as_a_whole_message(config: Config, lines: int, query: str) -> None:
    async with running(config) as server:
        queue_id = await deliver(server, BOX, b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * lines)
    (file,) = (config.store.data_dir / "mail").rglob("*.eml")
    os.truncate(file, file.stat().st_size - 100)
    async with running(config) as server:  # with an empty LRU
        with pytest.raises(http.client.IncompleteRead) as cut:
            await get(server, f"/api/raw/{BOX}/{queue_id}{query}")
        assert cut.value.expected == 100
        assert (await get(server, "/livez")).status == 200


# ── operation ──


async def test_the_start_page_shows_the_real_ports(server: Server) -> None:
    page = await get(server, "/", Host=f"mailhost:{server.http_port}")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for text in (f"smtp://mailhost:{server.smtp_port}", f"pop3://mailhost:{server.pop3_port}/1"):
        assert text in page.text
    assert f"http://mailhost:{server.http_port}/api/addresses/bob@example.com/messages" in page.text
    assert "{" not in page.text
    assert page.headers["content-security-policy"] == PAGE_POLICY
    assert (await get(server, "/", **{"If-None-Match": page.headers["etag"]})).status == 200  # under another name
    again = await get(server, "/", Host=f"mailhost:{server.http_port}", **{"If-None-Match": page.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert f"smtp://[::1]:{server.smtp_port}" in (await get(server, "/", Host="[::1]")).text
    for path in ("/inbox/bob@example.com", "/inbox/bob@example.com/latest"):
        assert (await get(server, path)).text == (await get(server, "/")).text


async def test_every_asset_is_served_and_nothing_else(server: Server) -> None:
    folder = Path(mailsac.__file__).parent / "web"
    assets = [file for file in folder.iterdir() if file.suffix in CONTENT_TYPES]
    assert {"base.css", "theme.js", "icon.svg", "inbox.css", "inbox.js"} <= {file.name for file in assets}
    for file in assets:
        answer = await get(server, f"/assets/{file.name}")
        assert answer.body == file.read_bytes()
        assert answer.headers["content-type"] == CONTENT_TYPES[file.suffix]
        assert (await get(server, f"/assets/{file.name}", **{"If-None-Match": answer.headers["etag"]})).status == 304
    for name in ("inbox.html", "none.js", "..%2Fconfig.py", "..%2Fweb%2Fbase.css", ".", "base.css%00", "base.css/x"):
        refused(await get(server, f"/assets/{name}"), 404)


async def test_the_start_page_waits_for_the_other_listeners(server: Server) -> None:
    server.http._pages.ports = None
    refused(await get(server, "/"), 503)


async def test_ready_and_alive(server: Server) -> None:
    for target in ("/livez", "/healthz", "/readyz", "/readyz?for=read"):
        answer = await get(server, target)
        assert (answer.status, answer.json) == (200, {"status": "ok", "reasons": []})


async def test_metrics_count_requests_by_route(server: Server) -> None:
    await get(server, MESSAGES)
    await get(server, "/nowhere/" + "x" * 100)
    answer = await get(server, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    path = "/api/addresses/{email}/messages"
    assert f'mailsac_http_requests_total{{method="GET",route="{path}",status="200"}} 1.0' in answer.text
    assert 'mailsac_http_requests_total{method="GET",route="none",status="404"} 1.0' in answer.text
    assert "nowhere" not in answer.text


async def test_stopping_waits_for_a_request_and_counts_what_it_cuts_off(config: Config) -> None:
    async with running(config) as server:
        half = b"DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{"
        patient = await asyncio.open_connection("127.0.0.1", server.http_port)
        patient[1].write(half)
        idle = await asyncio.open_connection("127.0.0.1", server.http_port)
        idle[1].write(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        await idle[0].readline()
        stopping = asyncio.create_task(server.http.stop(10))
        await asyncio.sleep(0)
        patient[1].write(b"}")
        answer = await patient[0].read()
        assert b" 404 " in answer[:20]
        assert b"Connection: close" in answer
        assert await stopping == 0
        await idle[0].read()
        patient[1].close()
        idle[1].close()
    async with running(config) as server:
        _, stuck = await asyncio.open_connection("127.0.0.1", server.http_port)
        stuck.write(half)
        await get(server, "/livez")
        assert await server.http.stop(0.1) == 1
        stuck.close()
