"""Real and odd mail, in three forms of line ends, read as the standard library reads it.

Every difference stands in parsing_differences.json with the name of its reason; docs/parsing.md explains the reasons.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from mailsac.mime import Parsed, attachment_content, body_html, body_text, dirty_html, parse
from tests.stdlib_reading import Reading

HERE = Path(__file__).parent
SAMPLES = sorted((HERE / "samples").glob("*.eml"))
CORPUS = sorted(Path(os.environ["MAILSAC_CORPUS"]).rglob("*.eml")) if "MAILSAC_CORPUS" in os.environ else []
DIFFERENCES: dict[str, dict[str, str]] = json.loads((HERE / "parsing_differences.json").read_text())


def forms(raw: bytes) -> dict[str, bytes]:
    lf = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = lf.split(b"\n")
    mixed = b"".join(line + (b"\r\n" if number % 2 else b"\n") for number, line in enumerate(lines[:-1])) + lines[-1]
    return {"as it is": raw, "CRLF": lf.replace(b"\n", b"\r\n"), "LF": lf, "mixed": mixed}


def differences(raw: bytes, parsed: Parsed) -> set[str]:
    """The names of the fields in which our reading is not the standard library's."""
    expected = Reading(raw)
    checksums = [
        None if attachment.content_type.startswith("message/") else attachment.checksum
        for attachment in parsed.attachments
    ]
    equal = {
        "from": [(box.address, box.name) for box in parsed.from_] in expected.from_,
        "to": [(box.address, box.name) for box in parsed.to] in expected.to,
        "subject": parsed.subject == expected.subject,
        "text": parsed.text == expected.text,
        "html": parsed.html == expected.html,
        "attachments": checksums == expected.checksums,
    }
    return {name for name, same in equal.items() if not same}


def listed(raw: bytes) -> dict[str, str]:
    """What is listed for a mail: field -> reason."""
    return DIFFERENCES.get(hashlib.sha256(raw).hexdigest(), {})


@pytest.mark.check("C-30")
@pytest.mark.parametrize("path", SAMPLES + CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_mail_is_read_as_the_standard_library_reads_it(path: Path) -> None:
    original = path.read_bytes()
    for form, raw in forms(original).items():
        unlisted = differences(raw, parse(raw)) - set(listed(original))
        assert not unlisted, f"{form}: {unlisted} differ"


@pytest.mark.parametrize("path", SAMPLES + CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_attachment_can_be_had_by_each_of_its_names(path: Path) -> None:
    raw = path.read_bytes()
    parsed = parse(raw)
    for attachment in parsed.attachments:
        for identifier in filter(None, (attachment.checksum, attachment.content_id, attachment.file_name)):
            found = attachment_content(raw, identifier)
            assert found is not None
            assert len(found[1]) == found[0].length
            assert hashlib.md5(found[1], usedforsecurity=False).hexdigest() == found[0].checksum
            assert identifier in (found[0].checksum, found[0].content_id, found[0].file_name)
        assert attachment_content(raw, attachment.checksum + "0") is None


@pytest.mark.parametrize("path", SAMPLES + CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_body_can_be_made_and_sent(path: Path) -> None:
    raw = path.read_bytes()
    parsed = parse(raw)
    for body in (body_text(parsed), body_html(parsed), dirty_html(parsed, raw), *(v for _, v in parsed.headers)):
        body.encode("utf-8")  # no lone surrogates
    assert not any(re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) for _, value in parsed.headers)


def test_from_and_subject_differ_in_less_than_one_mail_of_a_hundred() -> None:
    """Counted over the corpus where it is; else over our own samples, which are odder, with what is listed left out."""
    mails = CORPUS or [path for path in SAMPLES if not listed(path.read_bytes())]
    counts: Counter[str] = Counter()
    for path in mails:
        raw = path.read_bytes()
        counts.update(differences(raw, parse(raw)))
    assert counts["from"] <= len(mails) / 100
    assert counts["subject"] <= len(mails) / 100


def test_every_reason_is_explained() -> None:
    explained = set(re.findall(r"^### ([a-z0-9-]+)$", (HERE.parent / "docs" / "parsing.md").read_text(), re.MULTILINE))
    assert {reason for fields in DIFFERENCES.values() for reason in fields.values()} <= explained
