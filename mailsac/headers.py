"""The header section: its fields, encoded words (RFC 2047), parameters (RFC 2045, RFC 2231) and mailboxes (RFC 5322).

Everything here is linear in its input, takes any octets, and never raises. Where real mail breaks a rule, the reading
is that of the standard library's parser unless docs/parsing.md says otherwise.
"""

from __future__ import annotations

import binascii
import codecs
import re
from encodings.aliases import aliases
from functools import lru_cache
from io import BytesIO
from itertools import islice
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

MAX_SECTION: Final = 256 * 1024  # octets of one header section
MAX_FIELDS: Final = 2_000
MAX_VALUE: Final = 64 * 1024  # octets of one field in which encoded words, parameters and addresses are looked for
MAX_WORDS: Final = 500  # encoded words in one field
MAX_PARAMETERS: Final = 500
MAX_SHORT: Final = 128  # octets of a structured field that is remembered, because most mail has the same few
MAX_MAILBOXES: Final = 1_000

DECODE_CHUNK: Final = 256 * 1024  # octets decoded between two chances for other threads to run


class Field(msgspec.Struct, frozen=True):
    """One header field: its name as written and its value with the folding still in it."""

    name: str
    raw: bytes


class Section(msgspec.Struct, frozen=True):
    """A header section, and the offset at which the body begins. `cut` when a bound ended it."""

    fields: list[Field]
    first: dict[str, bytes]  # the value of the first field of each lower-case name
    body: int
    cut: bool


# At most 2,000 folds, for the regular expression runs in one go and keeps a note of each; the rest is junk.
# White space before the colon is obsolete syntax that RFC 5322 §4.5 says to accept.
_FIELD: Final = re.compile(
    rb"([!-9;-~]++)[ \t]*+:[ \t]*+([^\r\n]*+(?:(?:\r\n|\r|\n)[ \t][^\r\n]*+){0,2000}+)(?:\r\n|\r|\n|\Z)"
)
# What stands between fields without being one: a mbox "From " line, a stray continuation, a field without a name; and
# the byte order mark that some editors put in front of a saved message.
_JUNK: Final = re.compile(rb"(?:From |[ \t:])[^\r\n]*+(?:\r\n|\r|\n|\Z)|\xef\xbb\xbf(?=[!-9;-~])")
_BLANK: Final = re.compile(rb"\r\n|\r|\n")
_FOLD: Final = re.compile(rb"(?:\r\n|\r|\n)(?=[ \t])")


def read_section(raw: bytes, start: int = 0, end: int | None = None) -> Section:
    """The header section at `start`, up to the blank line or the first line that cannot be a field (RFC 5322 §2.2)."""
    limit = len(raw) if end is None else end
    end = min(limit, start + MAX_SECTION)
    fields: list[Field] = []
    at = start
    cut = True
    while at < end and len(fields) < MAX_FIELDS:
        if match := _FIELD.match(raw, at, end):
            fields.append(Field(match[1].decode("ascii"), match[2]))
            at = match.end()
        elif match := _JUNK.match(raw, at, end):
            at = match.end()
        else:
            if match := _BLANK.match(raw, at):
                at = match.end()
            cut = False
            break
    first = {field.name.lower(): field.raw for field in reversed(fields)}
    return Section(fields, first, at, cut and at < limit)


def decode_value(raw: bytes) -> str:
    """A field value as text: unfolded, encoded words decoded, without control characters."""
    text = _text(raw)
    if "=?" in text:
        text = decode_words(text)
    return _without_controls(text)


def _text(raw: bytes) -> str:
    if b"\n" in raw or b"\r" in raw:
        raw = _FOLD.sub(b"", raw).lstrip(b" \t")
    return raw.decode("ascii") if raw.isascii() else decode_octets(raw, None)


# A decoded word may hold anything; a line end in it must not become a new field wherever headers are shown.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]+")


def _without_controls(text: str) -> str:
    if text.isprintable():
        return text
    return _CONTROLS.sub(" ", text).replace("\u2028", " ").replace("\u2029", " ")


_WORD: Final = re.compile(r"=\?([^?\s*]{1,64})(?:\*[^?\s]{0,64})?\?([bBqQ])\?(.{0,2000}?)\?=", re.DOTALL)


def decode_words(text: str) -> str:
    """Text with its encoded words decoded; at most MAX_WORDS of them in the first MAX_VALUE characters.

    White space between two encoded words goes (RFC 2047 §6.2). Adjacent words of one charset are joined before they
    are decoded, because senders split them in the middle of a character.
    """
    rest = text[MAX_VALUE:]
    text = text[:MAX_VALUE]
    if text.count("=?") > MAX_WORDS:
        end = -1
        for _ in range(MAX_WORDS + 1):
            end = text.index("=?", end + 1)
        text, rest = text[:end], text[end:] + rest
    out: list[str] = []
    octets: list[bytes] = []
    charset = ""
    at = 0
    for match in _WORD.finditer(text):
        between = text[at : match.start()]
        adjacent = at > 0 and (not between or between.isspace())
        if octets and not (adjacent and match[1].lower() == charset):
            out.append(decode_octets(b"".join(octets), charset))
            octets = []
        if not adjacent:
            out.append(between)
        charset = match[1].lower()
        octets.append(_word_octets(match[2], match[3]))
        at = match.end()
    if octets:
        out.append(decode_octets(b"".join(octets), charset))
    out.append(text[at:] + rest)
    return "".join(out)


def _word_octets(encoding: str, text: str) -> bytes:
    octets = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(octets, header=True)
    return decode_base64(octets)


_NOT_BASE64: Final = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_FOREIGN: Final = re.compile(rb"[^A-Za-z0-9+/=\r\n]")


def decode_base64(data: bytes) -> bytes:
    """Base64 as leniently as RFC 2045 §6.8 asks: other characters are skipped, padding ends it and may be missing.

    Data that cannot be base64, because a single character is left over and others are not of its alphabet, comes back
    as it is: it was labelled wrongly.
    """
    out = BytesIO()
    rest = b""
    at = 0
    while at < len(data):
        end = data.find(b"\n", at + DECODE_CHUNK, at + 2 * DECODE_CHUNK) + 1 or at + 2 * DECODE_CHUNK
        piece = rest + data[at:end]
        at = end
        if b"=" not in piece:
            try:  # whole quanta, as nearly all lines have them: no need to look at single characters
                out.write(binascii.a2b_base64(piece))
                rest = b""
                continue
            except binascii.Error:
                pass
        piece, ended = _up_to_padding(piece.translate(None, _NOT_BASE64))
        whole = len(piece) - len(piece) % 4
        out.write(binascii.a2b_base64(piece[:whole]))
        rest = piece[whole:]
        if ended:
            break
    if len(rest) > 1:
        out.write(binascii.a2b_base64(rest + b"=="))
    elif rest and _FOREIGN.search(data.strip()):
        return data
    return out.getvalue()


def _up_to_padding(clean: bytes) -> tuple[bytes, bool]:
    """What stands before the padding that completes a quantum, and whether there is one. Other padding is noise."""
    if b"=" not in clean:
        return clean, False
    pieces = clean.lstrip(b"=").split(b"=")
    length = 0
    for number, piece in enumerate(pieces[:-1]):
        length += len(piece)
        if length % 4 == 3 or (length % 4 == 2 and not pieces[number + 1]):
            return b"".join(pieces[: number + 1]), True
    return b"".join(pieces), False


# Charset names that mail uses and Python does not know.
_MORE_ALIASES: Final = {
    "x_sjis": "shift_jis",
    "x_gbk": "gbk",
    "x_big5": "big5",
    "x_euc_jp": "euc_jp",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "utf8mb4": "utf_8",
    "unicode_1_1_utf_8": "utf_8",
    "unicode_1_1_utf_7": "utf_7",
    "windows_874": "cp874",
    "x_windows_949": "cp949",
    "ansi_x3.4_1968": "ascii",
}
# Python's own notations: no mail is written in them, and decoding punycode and idna takes quadratic time.
_NOT_CHARSETS: Final = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem", "charmap"}
)
# Asking `codecs` for a name it does not know keeps that name for ever, so it is asked for these only.
_KNOWN: Final = (frozenset(aliases) | frozenset(aliases.values())) - _NOT_CHARSETS


@lru_cache(maxsize=256)
def codec_name(charset: str) -> str | None:
    """The Python codec for a charset label; None when there is none."""
    name = charset.strip().strip("\"'").lower().replace("-", "_").replace(" ", "_")
    name = _MORE_ALIASES.get(name, name)
    if name not in _KNOWN:
        name = name.replace(".", "_").replace(":", "_")
        if name not in _KNOWN:
            return None
    try:
        info = codecs.lookup(name)
    except LookupError:
        return None
    return info.name if info._is_text_encoding else None


_ASCII: Final = re.compile(r"[\x00-\x7f]+")
_BYTE_ORDER_MARKS: Final = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}


def decode_octets(data: bytes | memoryview, charset: str | None) -> str:
    """Text in the charset that its sender named, with U+FFFD for what is wrong in it.

    Without a charset, with one that nobody knows, or with 8-bit octets in what is called ASCII: UTF-8 where more of it
    is valid than not, else Windows-1252 with Latin-1 for its five gaps, which gives every octet a character.
    """
    codec = codec_name(charset) if charset else None
    if codec is None or codec == "ascii":
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError:
            text = str(data, "utf-8", "replace")
        wrong = text.count("\ufffd")
        return text if 2 * wrong < len(_ASCII.sub("", text)) else str(data, "cp1252", "mailsac_latin1")
    if len(data) <= DECODE_CHUNK:
        text = str(data, codec, "replace")
    else:
        if codec in _BYTE_ORDER_MARKS and not bytes(data[:4]).startswith(_BYTE_ORDER_MARKS[codec]):
            codec += "-le"  # as without pieces; the decoder of pieces wants a mark, and raises
        decoder = codecs.getincrementaldecoder(codec)("replace")
        text = "".join(decoder.decode(data[at : at + DECODE_CHUNK]) for at in range(0, len(data), DECODE_CHUNK))
        text += decoder.decode(b"", final=True)
    if codec == "utf-7":  # its decoder lets lone surrogates through, which no JSON can carry
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _latin1(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("mailsac_latin1", _latin1)


_TOKEN: Final = re.compile(r"[^\s;=\"]*")
_PARAMETER: Final = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;]*+))', re.DOTALL)
_SECTIONED: Final = re.compile(r"(.+?)\*(\d{1,3})(\*?)\Z")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    """The lower-case value and the parameters of a structured field such as Content-Type.

    Parameter names are lower case; RFC 2231 sections are joined and decoded, and so are encoded words in file names,
    which are not allowed there and common. An extended parameter (`name*=`) goes before a plain one. Callers share
    the result and must not change it.
    """
    return _short_parameters(raw) if len(raw) <= MAX_SHORT else _parameters(raw[:MAX_VALUE])


def _parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    text = _text(raw).strip()
    token = _TOKEN.match(text)
    first = token[0].lower() if token else ""
    if ";" not in text:
        return first, {}
    plain: dict[str, str] = {}
    extended: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, quoted, bare in islice(_PARAMETER.findall(text), MAX_PARAMETERS):
        name = name.lower()
        value = _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted or bare.strip()
        if "*" not in name:
            plain.setdefault(name, value)
        elif part := _SECTIONED.match(name):
            sections.setdefault(part[1], {}).setdefault(int(part[2]), (value, bool(part[3])))
        elif name.endswith("*"):
            extended.setdefault(name[:-1], _extended(value))
        else:
            plain.setdefault(name, value)
    for name, pieces in sections.items():
        extended.setdefault(name, _joined(pieces))
    for name in ("filename", "name"):
        if "=?" in plain.get(name, ""):
            plain[name] = decode_words(plain[name])
    return first, {name: _without_controls(value) for name, value in (plain | extended).items()}


_short_parameters: Final = lru_cache(maxsize=512)(_parameters)


def _extended(value: str) -> str:
    charset, quote, rest = value.partition("'")
    if not quote:
        return decode_octets(unquote_to_bytes(value), None)
    _, _, encoded = rest.partition("'")
    return decode_octets(unquote_to_bytes(encoded), charset or None)


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    """RFC 2231 §3: sections in order up to the first gap; the charset stands in front of the first."""
    charset: str | None = None
    octets: list[bytes] = []
    for number in range(len(pieces)):
        if number not in pieces:
            break
        value, encoded = pieces[number]
        if encoded and number == 0 and value.count("'") >= 2:
            label, _, value = value.split("'", 2)
            charset = label or None
        octets.append(unquote_to_bytes(value) if encoded else value.encode("utf-8", "replace"))
    return decode_octets(b"".join(octets), charset)


_ANGLE: Final = re.compile(r'<((?:"(?:[^"\\]|\\.)*+"|[^">])*+)>?', re.DOTALL)
_LEXEME: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"?|([(),;:<>])|([^"(),;:<>]++)', re.DOTALL)
_WHITE_SPACE: Final = re.compile(r"\s+")
_COMMENT: Final = re.compile(r"(?:[^()\\]|\\.)*+", re.DOTALL)
# Obsolete white space; not the one after an initial. Looked for from its beginning only, or it takes quadratic time.
_DOT_OR_AT: Final = re.compile(r"(?<!\s)\s++\.\s*+|(?<!\s)\s*+@\s*+|@\s*+")


def mailboxes(raw: bytes) -> list[tuple[str, str]]:
    """The mailboxes of an address field as (addr-spec, display name), groups flattened (RFC 5322 §3.4).

    A comment is the name of an address that has no other. At most MAX_MAILBOXES, from the first MAX_VALUE octets.
    """
    text = _text(raw[:MAX_VALUE])
    found: list[tuple[str, str]] = []
    entry = _Entry()
    at = 0
    while at < len(text) and len(found) < MAX_MAILBOXES:
        match = _LEXEME.match(text, at)
        if match is None:  # a backslash at the very end
            break
        at = match.end()
        special = match[2]
        if special is None:
            words = match[0]
            entry.words.append(words if match[3] is None else _WHITE_SPACE.sub(" ", words))
        elif special in ",;":
            found += entry.mailboxes()
            entry = _Entry()
        elif special == ":":
            # The name of a group, unless an address came first: "a@example.org: b" is one that lacks its comma.
            if not any("@" in word for word in entry.words):
                entry = _Entry()
        elif special == "(":
            comment, at = _comment(text, at)
            entry.comment = entry.comment or comment
        elif special == "<" and (angle := _ANGLE.match(text, at - 1)) is not None:
            at = angle.end()
            if entry.angle is not None:
                # "A <a@example.org> B <b@example.org>" lacks a comma: what follows an address is the next one's name.
                after = _Entry(entry.words)
                entry.words = []
                found += entry.mailboxes()
                entry = after
            entry.angle, entry.name, entry.words = angle[1], entry.words, []
    found += entry.mailboxes()
    return found[:MAX_MAILBOXES]


def _comment(text: str, at: int) -> tuple[str, int]:
    """The text of the comment whose opening bracket stands before `at`, and where it ends. Comments nest."""
    start = at
    depth = 1
    while depth and at < len(text):
        match = _COMMENT.match(text, at)
        at = match.end() if match else at
        if at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
    return text[start : at - 1 if depth == 0 else at], at


class _Entry:
    """What was read of one mailbox."""

    __slots__ = ("angle", "comment", "name", "words")

    def __init__(self, words: list[str] | None = None) -> None:
        self.words = words or []  # since the last angle bracket, with white space
        self.name: list[str] = []  # the words before it
        self.angle: str | None = None
        self.comment = ""

    def mailboxes(self) -> list[tuple[str, str]]:
        """One, or none; several where only white space stands between addresses."""
        if self.angle is not None:
            address = self.angle
            if "(" in address and '"' not in address:
                address = _without_comments(address)
            if '"' not in address:
                address = "".join(address.split())
            if address.startswith("@") and ":" in address:  # a source route, RFC 5322 §4.4
                address = address.partition(":")[2]
            name = _phrase(self.name) or _phrase(self.words) or _display(self.comment)
            if "]" not in name:  # "[Name <local@domain>]": brackets that somebody put around it all
                name = name.removeprefix("[").strip()
            address = _without_controls(address.strip().lstrip("<"))
            return [(address, name)] if address or name else []
        joined = _DOT_OR_AT.sub(lambda match: match[0].strip(), "".join(self.words).strip())
        pieces = joined.split() if '"' not in joined else [joined]
        addresses = [piece for piece in pieces if "@" in piece]
        if not addresses:  # one word may be a local user; more are the name of somebody without an address
            return [("", _display(joined))] if len(pieces) > 1 else [(_without_controls(word), "") for word in pieces]
        name = " ".join(piece for piece in pieces if piece not in addresses)
        name = _display(name if len(addresses) == 1 and name else self.comment)
        return [(_without_controls(address), name) for address in addresses]


def _without_comments(text: str) -> str:
    out: list[str] = []
    at = 0
    while (opening := text.find("(", at)) >= 0:
        out.append(text[at:opening])
        _, at = _comment(text, opening + 1)
    out.append(text[at:])
    return "".join(out)


def _phrase(words: list[str]) -> str:
    """A display name: quotes removed, encoded words decoded, white space collapsed."""
    return _display(
        "".join(_ESCAPED.sub(r"\1", word[1:].removesuffix('"')) if word.startswith('"') else word for word in words)
    )


def _display(text: str) -> str:
    if "=?" in text:
        text = decode_words(text)
    return " ".join(_without_controls(text).split())
