"""The command that looks for what is wrong with an installation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mailsac.cli_settings import WRONG_CONFIG, CannotRun, resolve, takes

if TYPE_CHECKING:
    from mailsac.config import Settings
    from mailsac.doctor import Finding

ANSWER_S: Final = 5.0  # that a server is given


@click.command()
@takes("profile", "data_dir")
@click.argument("domain", required=False)
def doctor(file: Path | None, domain: str | None, **flags: str | None) -> None:
    """Look for what is wrong, and say what to do about it; with DOMAIN also whether its mail comes here.

    Settings, data folder, disk, database, queue, certificate, ports, descriptors, clock, whether strangers could send
    through the server, MX and PTR records. It changes nothing, and works whether the server runs or not. Run it as the
    user of the server. Exits with 1 where something is wrong.
    """
    import asyncio

    from mailsac.doctor import Finding
    from mailsac.setting_types import is_domain

    if domain is not None and not is_domain(domain):
        raise CannotRun(f"{domain}: expected a domain such as example.com", WRONG_CONFIG)
    try:
        settings = resolve(file, flags)
    except CannotRun as error:
        _print(Finding("settings", "wrong", error.message, "mend it; `mailsac check-config` tries it"))
        raise SystemExit(1) from error

    async def work() -> bool:
        is_wrong = False
        async for finding in findings_of(settings, domain):
            _print(finding)
            is_wrong = is_wrong or finding.state == "wrong"
        return is_wrong

    if asyncio.run(work()):
        raise SystemExit(1)


async def findings_of(settings: Settings, domain: str | None) -> AsyncIterator[Finding]:
    """What all checks find, one after the other."""
    import time
    from datetime import UTC, datetime

    from mailsac import doctor, doctor_net, doctor_store

    config = settings.config
    newest: list[int] = []
    machine = [doctor.on_settings(settings), doctor.on_data_folder(config), doctor.on_disk(config)]
    for findings in machine:
        for finding in findings:
            yield finding
    async for finding in doctor_store.on_database(config, newest):
        yield finding
    for finding in doctor_store.on_spool(config, time.time()):
        yield finding
    for finding in doctor.on_clock(newest[0] if newest else None, time.time()):
        yield finding
    for finding in (*doctor.on_descriptors(config), *doctor.on_certificate(config, datetime.now(UTC))):
        yield finding
    runs = _runs(settings)
    if runs:
        async for finding in doctor_net.on_listeners(config):
            yield finding
        async for finding in doctor_net.on_relay(config):
            yield finding
    else:
        for finding in doctor.on_ports(config):
            yield finding
    for each in [domain] if domain else config.smtp.accept_domains:
        async for finding in doctor_net.on_domain(config, each, runs=runs):
            yield finding


def _runs(settings: Settings) -> bool:
    """Whether a server has the data folder."""
    from mailsac.control import ControlError, NoAnswer, NoServer, connected

    try:
        with connected(settings.config.store.node_folder, timeout_s=ANSWER_S):
            return True
    except (NoServer, ControlError):
        return False
    except NoAnswer:
        return True


def _print(finding: Finding) -> None:
    click.echo(f"{finding.state:<8} {finding.subject}: {finding.text}")
    if finding.fix:
        click.echo(f"{'':<8} fix: {finding.fix}")
