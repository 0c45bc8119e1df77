"""How a server does, for a terminal, for scripts and for when nothing else answers; and whether it is ready."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from mailsac.cli_settings import WRONG_CONFIG, CannotRun, resolve, takes
from mailsac.setting_types import reached_at

if TYPE_CHECKING:
    from mailsac.config import Config
    from mailsac.status_view import PartView, StatusView

ANSWER_S: Final = 5.0
MAX_ANSWER_OCTETS: Final = 1024 * 1024
EXIT: Final = {"ok": 0, "degraded": 1, "down": 3}  # 2 is a wrong setting
BARS: Final = "▁▂▃▄▅▆▇█"
COLUMNS: Final = 24


@click.command()
@takes("data_dir")
@click.option("--url", "urls", multiple=True, help="ask there, by HTTP; may be given for each of several nodes")
@click.option(
    "--html", "page", type=click.Path(path_type=Path), help="write it there, as a page that needs nothing else"
)
def status(file: Path | None, data_dir: str | None, urls: tuple[str, ...], page: Path | None) -> None:
    """How the server does, and did for 24 hours.

    By the Unix socket in the data folder, so that it works while HTTP does not; where no server answers, what it has
    left there. Exits with 0 where all is well, 1 where something is not, 3 where mail is not accepted.
    """
    config = resolve(file, {"data_dir": data_dir}).config
    answers = [_by_http(url) for url in urls] or [_of_folder(config)]
    views = [answer or _silent(number) for number, answer in enumerate(answers, 1)]
    if page is None:
        for view in views:
            _print(view)
    elif any(answers) or not page.exists():
        _write(page, views)
    else:
        click.echo(f"mailsac: nobody answers, so {page} is left as it is", err=True)
    states = {view.status for view in views}
    raise SystemExit(EXIT[states.pop()] if len(states) == 1 else EXIT["degraded"])


@click.command()
@takes("http_host", "http_port")
@click.option("--url", help="ask there; without it, where the settings have the HTTP listener")
@click.option("--read", is_flag=True, help="ask whether mail can be read, instead of whether it is accepted")
def readyz(file: Path | None, url: str | None, read: bool, **flags: str | None) -> None:
    """Whether the server takes mail, for a HEALTHCHECK: exits with 0 where it does, with 1 where not.

    It asks /readyz by HTTP, and prints what that answers.
    """
    if url is None:
        url = _own_url(resolve(file, flags).config)
    answered, body = _get(url, "/readyz?for=read" if read else "/readyz")
    click.echo(body.decode(errors="replace"))
    if answered != http.client.OK:
        raise SystemExit(1)


def _of_folder(config: Config) -> StatusView:
    """By the server of that data folder; of one that does not answer, what it has left there."""
    import time

    import msgspec

    from mailsac.control import ControlError, Look, NoAnswer, NoServer, ask
    from mailsac.status_ring import FILE_NAME, read_history
    from mailsac.status_view import StatusView, unanswered

    folder = config.store.node_folder
    try:
        return msgspec.json.decode(ask(folder, Look(), timeout_s=ANSWER_S), type=StatusView)
    except (NoServer, NoAnswer) as silence:
        try:
            history = read_history(folder / FILE_NAME)
        except OSError as error:
            raise CannotRun(f"{folder / FILE_NAME}: {error.strerror}") from error
        return unanswered(history, now=int(time.time()), is_gone=isinstance(silence, NoServer))
    except ControlError as error:
        raise CannotRun(error) from error


def _by_http(url: str) -> StatusView | None:
    """By the server of that URL; None where nothing of the kind answers, and stderr says what does."""
    import msgspec

    from mailsac.status_view import StatusView

    try:
        answered, body = _get(url, "/api/status")
        if answered == http.client.OK:
            return msgspec.json.decode(body, type=StatusView)
        click.echo(f"mailsac: {url}: answers with {answered}", err=True)
    except CannotAsk as error:
        error.show()
    except msgspec.MsgspecError:
        click.echo(f"mailsac: {url}: is no mailsac that knows its status", err=True)
    return None


def _silent(number: int) -> StatusView:
    """What there is to say of one that does not answer; its URL is for no page."""
    import time

    from mailsac.status_ring import History
    from mailsac.status_view import unanswered

    return unanswered(History([], []), now=int(time.time()), is_gone=False, node=str(number))


class CannotAsk(CannotRun):
    """Nothing answers there."""


def _get(url: str, path: str) -> tuple[int, bytes]:
    """Status and body. Raises CannotAsk."""
    parts = urlsplit(url)
    try:
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        if parts.scheme not in kinds or not parts.hostname:
            raise CannotRun(f"{url}: is no URL of a server", WRONG_CONFIG)
        connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=ANSWER_S)
    except ValueError as error:
        raise CannotRun(f"{url}: is no URL of a server", WRONG_CONFIG) from error
    try:
        connection.request("GET", parts.path.rstrip("/") + path)
        response = connection.getresponse()
        return response.status, response.read(MAX_ANSWER_OCTETS)
    except (OSError, http.client.HTTPException) as error:
        raise CannotAsk(f"{url}: does not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()


def _own_url(config: Config) -> str:
    """Where this machine reaches the HTTP listener of those settings."""
    if not config.http.port:
        raise CannotRun("http.port is 0, so that nobody knows which it is: say it with --url", WRONG_CONFIG)
    host = reached_at(config.http.host)
    return f"http://[{host}]:{config.http.port}" if ":" in host else f"http://{host}:{config.http.port}"


def _write(path: Path, views: Sequence[StatusView]) -> None:
    """The page, whole at any time."""
    from mailsac.status_page import file_page

    new = path.with_name(f"{path.name}.new")
    try:
        new.write_text(file_page(views), "utf-8")
        new.replace(path)
    except OSError as error:
        raise CannotRun(f"{path}: {error.strerror}") from error


def _print(view: StatusView) -> None:
    from mailsac.status_view import measured

    since = f" Since {_local(view.since)}." if view.since else ""
    node = f" Node {view.node}." if view.node else ""
    click.echo(f"{view.summary}{since}{node}")
    for part in view.parts:
        highest = max((value for value in part.plot if value is not None), default=None)
        peak = "" if highest is None else f"  {_bars(part)}  max {measured(highest, part.unit)}"
        click.echo(f"  {part.title:<12}{part.status:<10}{part.text:<30}{peak}".rstrip())
    for incident in view.incidents:
        ended = f"to {_local(incident.ended)}" if incident.ended else "and still"
        times = f" ({incident.times} times)" if incident.times > 1 else ""
        click.echo(f"  {_local(incident.began)} {ended}: {incident.why}{times}")


def _local(moment: str) -> str:
    """In the zone of whoever reads it."""
    from datetime import datetime

    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"


def _bars(part: PartView) -> str:
    """The plot in COLUMNS characters, each the highest of its part; a space where nothing was measured."""
    from mailsac.status_view import top

    width = max(1, len(part.plot) // COLUMNS)
    groups = (part.plot[start : start + width] for start in range(0, len(part.plot), width))
    steps = [max((value for value in group if value is not None), default=None) for group in groups]
    return "".join(" " if step is None else BARS[int(step / top(part) * (len(BARS) - 1))] for step in steps)
