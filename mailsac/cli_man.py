"""The manual page, made of what the commands say of themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click

from mailsac import __version__


@click.command()
@click.pass_context
def man(context: click.Context) -> None:
    """Print the manual page: `mailsac man | man -l -`, or into share/man/man1/mailsac.1."""
    root = context.find_root()
    click.echo("\n".join(_page(root)))


def _page(root: click.Context) -> Iterator[str]:
    yield f'.TH MAILSAC 1 "" "mailsac {__version__}"'
    yield from (".SH NAME", "mailsac \\- a mail server that shows mail")
    yield from (".SH SYNOPSIS", ".B mailsac", "\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...")
    yield ".SH DESCRIPTION"
    yield from _text(root.command.help or "")
    yield ".SH COMMANDS"
    yield from _commands(root, "mailsac")
    yield from (".SH FILES", ".TP", "config.toml", "Settings, in the working folder; --config names another file.")
    yield from (".TP", "mailsac-data", "Mail and its database, unless store.data_dir says otherwise.")


def _commands(context: click.Context, path: str) -> Iterator[str]:
    """Each command with its options, and those of groups behind them."""
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=name)
        if isinstance(command, click.Group):
            yield from _commands(inner, f"{path} {name}")
            continue
        yield f".SS {path} {name}"
        arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
        yield f".B {path} {name}"
        yield _escaped(" ".join(["[OPTIONS]", *(argument.make_metavar(inner) for argument in arguments)]))
        yield ".PP"
        yield from _text(command.help or "")
        records = (parameter.get_help_record(inner) for parameter in command.params if parameter not in arguments)
        for option, meaning in filter(None, records):
            yield from (".TP", f".B {_escaped(option)}", _escaped(meaning))


def _text(text: str) -> Iterator[str]:
    """Paragraphs; what must not be wrapped is behind a line with \\b, as click has it."""
    for paragraph in text.strip().split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines()]
        if lines and lines[0] == "\b":
            yield from (".nf", *map(_escaped, paragraph.splitlines()[1:]), ".fi")
        else:
            yield from (_escaped(" ".join(lines)), ".PP")


def _escaped(text: str) -> str:
    """For roff: backslashes and hyphens as they are, and no line that begins like a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text
