"""The commands about DKIM: make a key, print the DNS record of one, see whether it is published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mailsac.cli_settings import WRONG_CONFIG, CannotRun, resolve, takes

if TYPE_CHECKING:
    from mailsac.dkim_signing import SigningKey

_DIR = click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="folder of the keys; that of outbound.dkim_dir, else dkim in the data folder",
)


@click.group()
def dkim() -> None:
    """Keys that sign outgoing mail, and their DNS records."""


@dkim.command()
@takes("data_dir")
@click.argument("domain")
@click.option(
    "--selector", help="name of the key among those of the domain; the type and the month, such as rsa-202611"
)
@click.option("--type", "algorithm", type=click.Choice(["rsa", "ed25519"]), default="rsa", show_default=True)
@_DIR
def new(
    file: Path | None,
    data_dir: str | None,
    domain: str,
    selector: str | None,
    algorithm: Literal["rsa", "ed25519"],
    folder: Path | None,
) -> None:
    """Make a key for DOMAIN. Prints its DNS record, as a line of a zone file, and on stderr what else there is to do.

    No key is ever overwritten. Not all receivers know Ed25519: use it beside an RSA key.
    """
    from mailsac.address import canonical_domain
    from mailsac.dkim_signing import key_path, load_key, make_key
    from mailsac.setting_types import as_toml, is_domain, is_host_name

    config = resolve(file, {"data_dir": data_dir}).config
    if not is_domain(domain):
        raise CannotRun(f"{domain}: expected a domain such as example.com", WRONG_CONFIG)
    selector = (selector or f"{algorithm}-{datetime.now(UTC):%Y%m}").lower()
    if not is_host_name(selector):
        raise CannotRun(f"{selector}: expected a selector such as mail2026", WRONG_CONFIG)
    folder = folder or Path(config.outbound.dkim_dir or config.store.data_dir / "dkim")
    path = key_path(folder, domain=canonical_domain(domain), selector=selector)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            raise CannotRun(f"{path}: there is a key already; choose another --selector")
        make_key(path, algorithm)
    except OSError as error:
        raise CannotRun(f"{path}: {error.strerror}") from error
    click.echo(load_key(path).zone_line)
    click.echo(f"The key is {path}. Publish its record, which is on stdout.", err=True)
    if config.outbound.dkim_dir and folder.resolve() == Path(config.outbound.dkim_dir).resolve():
        click.echo("From the next start or SIGHUP on the server signs with it.", err=True)
    else:
        click.echo("Then add to config.toml, and start the server anew:", err=True)
        click.echo(f"\n[outbound]\ndkim_dir = {as_toml(str(folder.resolve()))}", err=True)


@dkim.command()
@takes("data_dir")
@click.argument("domain", required=False)
@click.option("--check", is_flag=True, help="ask DNS whether the records are published; exit with 1 where they are not")
@_DIR
def record(file: Path | None, data_dir: str | None, domain: str | None, check: bool, folder: Path | None) -> None:
    """Print the DNS records of the keys, those of DOMAIN alone where it is given."""
    import asyncio

    from mailsac.address import canonical_domain
    from mailsac.config import ConfigError
    from mailsac.dkim_signing import load_keys

    config = resolve(file, {"data_dir": data_dir}).config
    folder = folder or Path(config.outbound.dkim_dir or config.store.data_dir / "dkim")
    try:
        keys = [key for key in load_keys(folder) if domain is None or key.domain == canonical_domain(domain)]
    except ConfigError as error:
        raise CannotRun(error, WRONG_CONFIG) from error
    if not keys:
        raise CannotRun(f"{folder}: holds no key of {domain}")
    for key in keys:
        click.echo(key.zone_line)
    if check and not asyncio.run(_are_published(keys, config.testing.resolver)):
        raise CannotRun("not every record is published")


async def _are_published(keys: Sequence[SigningKey], name_server: str) -> bool:
    """Whether DNS has all of their records; tells of each on stderr."""
    from mailsac.mx import Names, NoRoute

    names, are_all = Names(name_server), True
    for key in keys:
        try:
            texts = await names.texts(key.name)
        except NoRoute as failure:
            state = failure.text
        else:
            others = sum(not key.is_record(text) for text in texts)
            if not texts:
                state = "there is no such record"
            elif others:  # RFC 6376 §3.6.2.2: with several records what a receiver does is undefined
                state = (
                    "there is a record of another key" if others == len(texts) else "there is another record beside it"
                )
            else:
                click.echo(f"{key.name}: published", err=True)
                continue
        are_all = False
        click.echo(f"{key.name}: {state}", err=True)
    return are_all
