"""What programs that send mail by calling `sendmail` are given instead."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mailsac.cli_settings import CannotRun, resolve, takes
from mailsac.setting_types import reached_at

if TYPE_CHECKING:
    import smtplib
    import socket

    from mailsac.config import Config
    from mailsac.sendmail import Call, Submission

# Exit statuses, as <sysexits.h> names them: callers try again after the last one.
USAGE, DATA_ERROR, NO_USER, UNAVAILABLE, WRONG_SETTINGS, TRY_AGAIN = 64, 65, 67, 69, 78, 75

ANSWER_S: Final = 60.0
CHUNK: Final = 64 * 1024


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@takes("smtp_host", "smtp_port")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sendmail(file: Path | None, arguments: tuple[str, ...], **flags: str | None) -> None:
    """Hand the message on stdin to the server by SMTP, as `sendmail` does.

    \b
    -t         to the addresses in To, Cc and Bcc too; Bcc is removed
    -f ADDRESS the reverse-path (-r too)
    -F NAME    of the sender, where there is no From
    -i, -oi    a line with a dot alone does not end the message
    -bs        SMTP on stdin and stdout instead

    Other options of sendmail are accepted and mean nothing here. A program that is called `sendmail` and leads to
    mailsac is this command. Exits with 75 where it may be tried again.
    """
    from mailsac.sendmail import WrongArguments, read_arguments

    try:
        call = read_arguments(arguments)
        config = resolve(file, flags).config
        if not config.smtp.port:
            raise CannotRun("smtp.port is 0, so that nobody knows which it is: say it with --smtp-port", WRONG_SETTINGS)
        if call.mode == "s":
            _pass_through(config)
            return
        message = _message(config, call)
    except WrongArguments as error:
        raise CannotRun(error, USAGE) from error
    _send(config, message)


def _message(config: Config, call: Call) -> Submission:
    import getpass
    from datetime import UTC, datetime

    from mailsac.sendmail import submission

    written = sys.stdin.buffer.read()
    return submission(call, written, user=getpass.getuser(), hostname=config.smtp.hostname, now=datetime.now(UTC))


def _send(config: Config, message: Submission) -> None:
    import smtplib

    host, port = _address(config)
    try:
        with smtplib.SMTP(host, port, local_hostname="localhost", timeout=ANSWER_S) as smtp:
            smtp.ehlo()
            _transaction(smtp, message)
    except smtplib.SMTPResponseException as error:
        raise CannotRun(_words(error.smtp_code, error.smtp_error), _status(error.smtp_code, DATA_ERROR)) from error
    except (OSError, smtplib.SMTPException) as error:
        raise CannotRun(f"the server at {host} port {port} does not take it: {error}", TRY_AGAIN) from error


def _transaction(smtp: smtplib.SMTP, message: Submission) -> None:
    """Raises SMTPResponseException where nobody gets it; names those who do not."""
    import smtplib

    options = []
    if not all(address.isascii() for address in (message.sender, *message.recipients)):
        options.append("SMTPUTF8")
        smtp.command_encoding = "utf-8"
    try:
        refused = smtp.sendmail(message.sender, message.recipients, message.data, options)
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    for address, (code, words) in refused.items():
        click.echo(f"mailsac: {address}: {_words(code, words)}", err=True)
    if refused:
        raise SystemExit(max((_status(code, NO_USER) for code, _ in refused.values()), key=TRY_AGAIN.__eq__))


def _pass_through(config: Config) -> None:
    """SMTP between whoever called and the server, until either ends."""
    import socket
    import threading

    host, port = _address(config)
    try:
        server = socket.create_connection((host, port), timeout=ANSWER_S)
    except OSError as error:
        raise CannotRun(f"the server at {host} port {port} does not answer: {error}", TRY_AGAIN) from error
    with server:
        server.settimeout(None)
        threading.Thread(target=_forward_input, args=(server,), daemon=True).start()
        while piece := server.recv(CHUNK):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


def _forward_input(server: socket.socket) -> None:
    import socket

    while piece := os.read(0, CHUNK):
        server.sendall(piece)
    server.shutdown(socket.SHUT_WR)


def _address(config: Config) -> tuple[str, int]:
    return reached_at(config.smtp.host), config.smtp.port


def _status(code: int, final: int) -> int:
    return TRY_AGAIN if 400 <= code < 500 else final


def _words(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text.split())}"
