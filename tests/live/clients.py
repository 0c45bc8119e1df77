"""Other people's clients for the live tests, each as one function that sends or retrieves; and what to compare with.

They block: call them in a thread, for the server runs on the test's own loop.
"""

from __future__ import annotations

import email
import os
import poplib
import re
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import trustme

from tests.conftest import needs

SAMPLES: Final = Path(__file__).resolve().parent.parent / "samples"
BOUND_S: Final = 45.0
Transport = Literal["plain", "starttls", "tls"]

# RFC 1939 bounds the lines of replies, not those of messages; poplib bounds both, and real mail is longer than 2,048.
poplib._MAXLINE = 1 << 26  # type: ignore[attr-defined]


def samples() -> dict[str, bytes]:
    """The project's own sample messages by file name."""
    return {path.name: path.read_bytes() for path in sorted(SAMPLES.rglob("*.eml"))}


def crlf(octets: bytes) -> bytes:
    """The octets after CRLF normalisation: every CR, LF or CRLF as CRLF, and one at the end."""
    normalised = re.sub(rb"\r\n|\r|\n", b"\r\n", octets)
    return normalised if normalised.endswith(b"\r\n") or not normalised else normalised + b"\r\n"


def behind_trace_header(stored: bytes) -> bytes:
    """The client's octets of a stored message: all behind the last trace field."""
    field = stored.index(b"\nX-Mailsac-Envelope: ")
    return stored[stored.index(b"\n", field + 1) + 1 :]


def send_exactly(smtp: smtplib.SMTP, content: bytes, recipient: str) -> str:
    """Send the content octet for octet, where smtplib would mend its line ends; returns the queue id.

    What the server should have is `as_sent(content)`.
    """
    smtp.mail("sender@example.org")
    smtp.rcpt(recipient)
    code, reply = smtp.docmd("DATA")
    if code == 354:
        smtp.send(dot_stuffed(as_sent(content)) + b".\r\n")
        code, reply = smtp.getreply()
    if code != 250:
        raise smtplib.SMTPDataError(code, reply)
    return reply.split()[-1].decode()


def as_sent(content: bytes) -> bytes:
    """The content as SMTP can carry it: it ends with CRLF (RFC 5321 §4.1.1.4)."""
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def dot_stuffed(content: bytes) -> bytes:
    """The content with a dot more before each line that starts with one (RFC 5321 §4.5.2)."""
    return re.sub(rb"(\A|\r\n)\.", rb"\1..", content)


class Tools:
    """What the clients that are programs need: a folder for their files, and whom to trust."""

    def __init__(self, folder: Path, authority: trustme.CA) -> None:
        self.folder = folder
        self.trusted = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.trusted))

    def run(self, *command: str | Path) -> bytes:
        """The output of a program that must succeed; its home is the folder."""
        environ = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            command, env=environ, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=BOUND_S
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
            raise AssertionError(f"{command[0]} ended with {done.returncode}: {said}")
        return done.stdout

    def write(self, name: str, content: str) -> Path:
        """A file that only its owner may read, as the clients demand of their settings."""
        path = self.folder / name
        path.write_text(content)
        path.chmod(0o600)
        return path

    def outbox(self, name: str) -> Path:
        """An empty folder for what a client retrieves."""
        path = self.folder / name
        path.mkdir()
        return path

    def context(self) -> ssl.SSLContext:
        """For the clients of the standard library."""
        return ssl.create_default_context(cafile=str(self.trusted))


# Sending: (tools, transport, port, content, recipient).
Sender = Callable[[Tools, Transport, int, bytes, str], None]


def curl_sends(tools: Tools, transport: Transport, port: int, content: bytes, recipient: str) -> None:
    """curl sends a file as it is, but for what SMTP demands at its end."""
    message = tools.folder / "message.eml"
    message.write_bytes(content)
    scheme = "smtps" if transport == "tls" else "smtp"
    command = [needs("curl"), "--silent", "--show-error", f"{scheme}://localhost:{port}"]
    command += ["--ssl-reqd"] if transport == "starttls" else []
    command += ["--cacert", str(tools.trusted), "--mail-from", "sender@example.org", "--mail-rcpt", recipient]
    tools.run(*command, "--upload-file", message)


def swaks_sends(tools: Tools, transport: Transport, port: int, content: bytes, recipient: str) -> None:
    """swaks, told to leave the content alone; so the dots are ours."""
    message = tools.folder / "message.eml"
    message.write_bytes(dot_stuffed(as_sent(content)) + b".")
    flags: dict[Transport, list[str]] = {"plain": [], "starttls": ["--tls"], "tls": ["--tls-on-connect"]}
    command = [needs("swaks"), "--server", "localhost", "--port", str(port), *flags[transport], "--hide-all"]
    command += ["--tls-verify", "--tls-ca-path", str(tools.trusted)] if transport != "plain" else []
    tools.run(*command, "--from", "sender@example.org", "--to", recipient, "--no-data-fixup", "--data", f"@{message}")


def smtplib_sends(tools: Tools, transport: Transport, port: int, content: bytes, recipient: str) -> None:
    """smtplib takes CRLF, as every Python program sends it; before a bare LF it would stuff dots that are none."""
    with (
        smtplib.SMTP_SSL("localhost", port, timeout=BOUND_S, context=tools.context())
        if transport == "tls"
        else smtplib.SMTP("localhost", port, timeout=BOUND_S)
    ) as smtp:
        if transport == "starttls":
            smtp.starttls(context=tools.context())
        smtp.sendmail("sender@example.org", [recipient], crlf(content))


# Retrieving all messages of a mailbox: (tools, transport, port, mailbox, how many there are).
Retriever = Callable[[Tools, Transport, int, str, int], list[bytes]]


def curl_retrieves(tools: Tools, transport: Transport, port: int, mailbox: str, messages: int) -> list[bytes]:
    """curl takes one URL per message-number."""
    scheme = "pop3s" if transport == "tls" else "pop3"
    outbox = tools.outbox("curl")
    command = [needs("curl"), "--silent", "--show-error", "--user", f"{mailbox}:any", "--cacert", str(tools.trusted)]
    command += ["--ssl-reqd"] if transport == "starttls" else []
    tools.run(*command, f"{scheme}://localhost:{port}/[1-{messages}]", "--output", f"{outbox}/#1.eml")
    return [(outbox / f"{number}.eml").read_bytes() for number in range(1, messages + 1)]


def poplib_retrieves(tools: Tools, transport: Transport, port: int, mailbox: str, messages: int) -> list[bytes]:
    """poplib, of the standard library."""
    pop3: poplib.POP3
    if transport == "tls":
        pop3 = poplib.POP3_SSL("localhost", port, timeout=BOUND_S, context=tools.context())
    else:
        pop3 = poplib.POP3("localhost", port, timeout=BOUND_S)
    if transport == "starttls":
        pop3.stls(tools.context())
    pop3.user(mailbox)
    pop3.pass_("any")
    count, _ = pop3.stat()
    retrieved = [b"\r\n".join([*pop3.retr(number)[1], b""]) for number in range(1, count + 1)]
    pop3.quit()
    return retrieved


def mpop_retrieves(tools: Tools, transport: Transport, port: int, mailbox: str, messages: int) -> list[bytes]:
    """mpop, into a Maildir."""
    outbox = tools.outbox("mpop")
    for folder in ("cur", "new", "tmp"):
        (outbox / folder).mkdir()
    switches: dict[Transport, str] = {
        "plain": "tls off",
        "starttls": "tls on\ntls_starttls on",
        "tls": "tls on\ntls_starttls off",
    }
    settings = tools.write(
        "mpoprc",
        f"account default\nhost localhost\nport {port}\nuser {mailbox}\npassword any\nauth user\nkeep on\n"
        f"{switches[transport]}\n{f'tls_trust_file {tools.trusted}' if transport != 'plain' else ''}\n"
        f"received_header off\nuidls_file {tools.folder / 'mpop-uidls'}\ndelivery maildir {outbox}\n",
    )
    tools.run(needs("mpop"), "--quiet", f"--file={settings}")
    return _read(outbox / "new")


def fetchmail_retrieves(tools: Tools, transport: Transport, port: int, mailbox: str, messages: int) -> list[bytes]:
    """fetchmail, through a delivery agent that writes files."""
    outbox = tools.outbox("fetchmail")
    trust = f"sslcertck sslcertfile {tools.trusted}"
    switches: dict[Transport, str] = {
        "plain": "sslproto ''",
        "starttls": f"sslproto TLS1.2+ {trust}",
        "tls": f"ssl {trust}",
    }
    settings = tools.write(
        "fetchmailrc",
        f"set invisible\nset no bouncemail\npoll localhost service {port} protocol pop3 no dns auth password\n"
        "  bad-header accept\n"
        f"  user '{mailbox}' password 'any' fetchall keep no rewrite\n"
        f"  mda '{_delivery_agent(tools, outbox)}' {switches[transport]}\n",
    )
    tools.run(needs("fetchmail"), "--silent", "--fetchmailrc", settings, "--pidfile", tools.folder / "fetchmail.pid")
    return _read(outbox)


def getmail_retrieves(tools: Tools, transport: Transport, port: int, mailbox: str, messages: int) -> list[bytes]:
    """getmail, through a delivery agent, as it delivers to no folder of root's; it has no STLS."""
    outbox = tools.outbox("getmail")
    kind, trust = ("SSL", f"ca_certs = {tools.trusted}\n") if transport == "tls" else ("", "")
    settings = tools.write(
        "getmailrc",
        f"[retriever]\ntype = SimplePOP3{kind}Retriever\nserver = localhost\nport = {port}\nusername = {mailbox}\n"
        f"password = any\n{trust}[destination]\ntype = MDA_external\npath = {_delivery_agent(tools, outbox)}\n"
        "allow_root_commands = true\n"
        "[options]\nread_all = true\ndelete = false\ndelivered_to = false\nreceived = false\nverbose = 0\n",
    )
    tools.run(needs("getmail"), f"--getmaildir={tools.folder}", f"--rcfile={settings}")
    return _read(outbox)


def as_getmail_writes(stored: bytes) -> bytes:
    """getmail writes what Python's email parser makes of a message, with a Return-Path of its own."""
    message = email.message_from_bytes(stored.replace(b"\r\n", b"\n"))
    sender = message["Return-Path"]
    del message["Return-Path"]
    return f"Return-Path: {sender}\n".encode() + message.as_bytes()


def sent_by(client: Sender, content: bytes) -> bytes:
    """The octets that the client sends for this content."""
    return crlf(content) if client is smtplib_sends else as_sent(content)


def normalised(messages: Sequence[bytes]) -> list[bytes]:
    """Messages in a form and an order that does not depend on how a client names its files and ends its lines."""
    return sorted(crlf(message) for message in messages)


def _delivery_agent(tools: Tools, outbox: Path) -> Path:
    """A program that writes what it is given to a new file."""
    agent = tools.write("deliver", f'#!/bin/sh\nexec cat > "$(mktemp {outbox}/XXXXXXXX)"\n')
    agent.chmod(0o700)
    return agent


def _read(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]
