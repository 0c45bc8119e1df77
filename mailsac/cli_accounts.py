"""The commands about accounts, keys and domains: in the data folder, or by way of a running server."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from mailsac.cli_settings import CannotRun, Command, resolve, takes

KEY_VARIABLE: Final = "MAILSAC_ADMIN_KEY"


def _command(group: click.Group, name: str) -> Callable[[Command], Command]:
    """A command of a group that works in the data folder or on a server."""

    def decorate(command: Command) -> Command:
        command = click.option(
            "--server",
            metavar="URL",
            help=f"do it on that running server, with the admin key in {KEY_VARIABLE}, instead of in the data folder",
        )(command)
        return group.command(name)(takes("data_dir")(command))

    return decorate


@click.group()
def accounts() -> None:
    """Accounts: who may read what, where auth.mode is "keys"."""


@_command(accounts, "list")
def list_accounts(file: Path | None, data_dir: str | None, server: str | None) -> None:
    """All accounts."""
    found = _do(file, data_dir, server, lambda admin: admin.accounts())
    _table(found, ("id", "email", "keys", "addresses", "domains", "created"))


@_command(accounts, "create")
@click.argument("account")
@click.option("--email", default="", help="where its person can be reached")
def create_account(file: Path | None, data_dir: str | None, server: str | None, account: str, email: str) -> None:
    """A new account. It needs a key next: mailsac keys create ACCOUNT."""
    from mailsac.administration import NewAccount

    made = _do(file, data_dir, server, lambda admin: admin.create_account(NewAccount(id=account, email=email)))
    click.echo(f"account {made.id}")


@_command(accounts, "set")
@click.argument("account")
@click.option("--email")
@click.option(
    "--capture-private/--no-capture-private",
    default=None,
    help="star mail that it sends in by SMTP AUTH, so that nobody else sees it",
)
def change_account(
    file: Path | None,
    data_dir: str | None,
    server: str | None,
    account: str,
    email: str | None,
    capture_private: bool | None,
) -> None:
    """Settings of an account."""
    from mailsac.administration import AccountChanges

    changes = AccountChanges(email=_unset(email), capture_private=_unset(capture_private))
    changed = _do(file, data_dir, server, lambda admin: admin.change_account(account, changes))
    click.echo(f"account {changed.id}: email {changed.email or 'none'}, capture-private {changed.capture_private}")


@_command(accounts, "remove")
@click.argument("account")
def remove_account(file: Path | None, data_dir: str | None, server: str | None, account: str) -> None:
    """An account with its keys, addresses and domains. Its mail stays, and is public from then on."""
    _do(file, data_dir, server, lambda admin: admin.remove_account(account))


@_command(accounts, "password")
@click.argument("email")
@click.option("--remove", is_flag=True, help="take the password away")
def set_password(file: Path | None, data_dir: str | None, server: str | None, email: str, remove: bool) -> None:
    """The POP3 and SMTP password of a reserved address; it is asked for, or read from standard input."""
    from mailsac.administration import NewPassword

    if remove:
        _do(file, data_dir, server, lambda admin: admin.remove_password(email.lower()))
        return
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    _do(file, data_dir, server, lambda admin: admin.set_password(email.lower(), NewPassword(password=password)))


@click.group()
def keys() -> None:
    """API keys of accounts."""


@_command(keys, "list")
@click.argument("account")
def list_keys(file: Path | None, data_dir: str | None, server: str | None, account: str) -> None:
    """The keys of an account, without the keys themselves."""
    _table(_do(file, data_dir, server, lambda admin: admin.keys(account)), ("id", "name", "admin", "created"))


@_command(keys, "create")
@click.argument("account")
@click.option("--name", default="", help="what it is for")
@click.option("--admin", "is_admin", is_flag=True, help="may use /api/admin")
def create_key(
    file: Path | None, data_dir: str | None, server: str | None, account: str, name: str, is_admin: bool
) -> None:
    """A new key. It is printed now, and nobody can get it again."""
    from mailsac.administration import NewKey

    made = _do(file, data_dir, server, lambda admin: admin.create_key(account, NewKey(name=name, admin=is_admin)))
    click.echo(made.key)


@_command(keys, "revoke")
@click.argument("key_id")
def revoke_key(file: Path | None, data_dir: str | None, server: str | None, key_id: str) -> None:
    """Refuse a key from now on; KEY_ID is what `keys list` shows."""
    _do(file, data_dir, server, lambda admin: admin.revoke_key(key_id))


@click.group()
def domains() -> None:
    """Domains of accounts: every mailbox in one is the account's."""


@_command(domains, "list")
def list_domains(file: Path | None, data_dir: str | None, server: str | None) -> None:
    """All domains."""
    found = _do(file, data_dir, server, lambda admin: admin.domains())
    _table(found, ("domain", "owner", "is_private", "catch_all", "enablews", "created"))


@_command(domains, "create")
@click.argument("domain")
@click.option("--owner", required=True, metavar="ACCOUNT", help="whose it is")
@click.option("--public", is_flag=True, help="anybody may read its mailboxes that are not reserved")
def create_domain(
    file: Path | None, data_dir: str | None, server: str | None, domain: str, owner: str, public: bool
) -> None:
    """Give a domain to an account."""
    from mailsac.administration import NewDomain

    new = NewDomain(domain=domain, owner=owner, is_private=not public)
    made = _do(file, data_dir, server, lambda admin: admin.create_domain(new))
    click.echo(f"domain {made.domain} of {made.owner}")


@_command(domains, "set")
@click.argument("domain")
@click.option("--private/--public", "is_private", default=None, help="who may read its mailboxes")
@click.option("--catch-all/--no-catch-all", default=None, help="file mail to unreserved addresses under *@DOMAIN")
@click.option("--enablews/--no-enablews", default=None, help="whether its mail is published by web socket")
@click.option("--default/--no-default", "is_default", default=None, help="the domain that clients offer first")
def change_domain(
    file: Path | None,
    data_dir: str | None,
    server: str | None,
    domain: str,
    is_private: bool | None,
    catch_all: bool | None,
    enablews: bool | None,
    is_default: bool | None,
) -> None:
    """Settings of a domain."""
    from mailsac.administration import DomainChanges

    changes = DomainChanges(
        is_private=_unset(is_private),
        catch_all=_unset(catch_all),
        enablews=_unset(enablews),
        is_default=_unset(is_default),
    )
    changed = _do(file, data_dir, server, lambda admin: admin.change_domain(domain.lower(), changes))
    _table([changed], ("domain", "owner", "is_private", "catch_all", "enablews", "created"))


@_command(domains, "remove")
@click.argument("domain")
def remove_domain(file: Path | None, data_dir: str | None, server: str | None, domain: str) -> None:
    """Take a domain from its account. Its mail stays, and is public from then on."""
    _do(file, data_dir, server, lambda admin: admin.remove_domain(domain.lower()))


def _do(
    file: Path | None,
    data_dir: str | None,
    server: str | None,
    work: Callable[[Any], Any],
) -> Any:
    """What `work` makes of an Administration, in the data folder, or of a RemoteAdministration, which has the same
    methods, on the server."""
    if server is not None:
        from mailsac.config import environment
        from mailsac.remote import RemoteAdministration, RemoteError

        if not (key := environment().get(KEY_VARIABLE)):
            raise CannotRun(f"{KEY_VARIABLE} is not set: --server needs an admin key")
        try:
            return work(RemoteAdministration(server, key))
        except RemoteError as error:
            raise CannotRun(error) from error

    import asyncio

    from mailsac.app import StartError, administered
    from mailsac.errors import InvalidRequest, MailsacError, NoSuchRecord
    from mailsac.telemetry import configure_logging

    config = resolve(file, {"data_dir": data_dir}).config
    configure_logging(config.log)

    async def run() -> Any:
        async with administered(config) as administration:
            result = work(administration)
            return await result if isinstance(result, Awaitable) else result

    try:
        return asyncio.run(run())
    except StartError as error:
        raise CannotRun(f"{error}; a running server does it with --server URL") from error
    except InvalidRequest as error:
        raise CannotRun("; ".join(error.problems) or error.http_message) from error
    except NoSuchRecord as error:
        raise CannotRun("there is no such account, key, domain or reserved address") from error
    except MailsacError as error:
        raise CannotRun(error.http_message) from error


def _table(rows: Sequence[object], columns: Sequence[str]) -> None:
    """One line for each row, in columns as wide as they need be."""
    lines = [columns, *([str(getattr(row, column)) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _unset(value: object) -> Any:
    from msgspec import UNSET

    return UNSET if value is None else value
