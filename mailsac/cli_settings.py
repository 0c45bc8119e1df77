"""What all commands share: their settings, and how they fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from mailsac.config import Config, Settings

Command = Callable[..., None]

DEFAULT_FILE: Final = Path("config.toml")
WRONG_CONFIG: Final = 2  # exit status

# The settings that have a flag; every other one is for config.toml or the environment.
FLAGS: Final = {
    "profile": ("profile", "local or public"),
    "data_dir": ("store.data_dir", "folder where mail is kept"),
    "smtp_host": ("smtp.host", "address of the SMTP listener"),
    "smtp_port": ("smtp.port", "port of the SMTP listener; 0 picks a free one"),
    "pop3_host": ("pop3.host", "address of the POP3 listener"),
    "pop3_port": ("pop3.port", "port of the POP3 listener; 0 picks a free one"),
    "http_host": ("http.host", "address of the HTTP listener"),
    "http_port": ("http.port", "port of the HTTP listener; 0 picks a free one"),
    "log_level": ("log.level", "debug, info, warning or error"),
    "log_format": ("log.format", "text or json"),
}


class CannotRun(click.ClickException):
    """Ends the command with one line on stderr."""

    def __init__(self, reason: object, status: int = 1) -> None:
        super().__init__(str(reason))
        self.exit_code = status  # type: ignore[misc]  # click reads it from the instance

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"mailsac: {self.message}", err=True)


def takes(*names: str) -> Callable[[Command], Command]:
    """Give a command `--config` and these flags."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            setting, meaning = FLAGS[name]
            metavar = setting.rpartition(".")[2].upper()
            command = click.option("--" + name.replace("_", "-"), metavar=metavar, help=f"{meaning} [{setting}]")(
                command
            )
        meaning = f"settings file; {DEFAULT_FILE} of the working folder where there is one"
        return click.option("--config", "file", metavar="FILE", type=click.Path(path_type=Path), help=meaning)(command)

    return decorate


def resolve(file: Path | None, flags: Mapping[str, str | None]) -> Settings:
    from mailsac import config

    if file is None and DEFAULT_FILE.exists():
        file = DEFAULT_FILE
    try:
        return config.resolve(file, config.environment(), {FLAGS[name][0]: value for name, value in flags.items()})
    except config.ConfigError as error:
        raise CannotRun(error, WRONG_CONFIG) from error


def stopped(file: Path | None, flags: Mapping[str, str | None]) -> Config:
    """The settings of a command that works while the server does not. The data folder must be there."""
    from mailsac.telemetry import configure_logging

    config = resolve(file, flags).config
    configure_logging(config.log)
    if not config.store.data_dir.is_dir():
        raise CannotRun(f"{config.store.data_dir}: no such data folder")
    return config
