"""Feed the targets for as long as one likes: `make fuzz ARGS="--target links --inputs 1000000 --seed 7"`.

Prints how many inputs each target got, in what time, and what failed. Every failing input is written to a file, which
`--replay` gives to its target again; once it is mended, the file belongs into `cases/`.
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

import click

from tests.adversary.fuzz import Failure, Target
from tests.adversary.over_http import HTTP, STREAM
from tests.adversary.over_the_wire import POP3, SMTP, WireTarget
from tests.adversary.targets import IN_PROCESS

ALL: tuple[Target | WireTarget, ...] = (*IN_PROCESS, SMTP, POP3, HTTP, STREAM)
TARGETS = {target.name: target for target in ALL}


@click.command()
@click.option("--target", "names", multiple=True, type=click.Choice(list(TARGETS)), help="Only this; may be repeated.")
@click.option("--inputs", default=100_000, show_default=True, help="How many inputs each target gets.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same inputs.")
@click.option("--replay", type=click.Path(exists=True, path_type=Path), help="Only this input, for one --target.")
@click.option("--failures", "folder", default="fuzz-failures", type=click.Path(path_type=Path), show_default=True)
def main(names: tuple[str, ...], inputs: int, seed: int, replay: Path | None, folder: Path) -> None:
    """Feed the targets, and end with 1 where one failed."""
    failed = False
    for name in names or TARGETS:
        target = TARGETS[name]
        if replay is not None:
            failure = target.replay(replay.read_bytes())
            click.echo(f"{name}: no failure" if failure is None else failure.details)
            failed |= failure is not None
            continue
        started = time.monotonic()
        count = 0
        for failure in target.run(inputs, seed):
            count += 1
            click.echo(f"{name}: {failure.what}, kept in {_kept(failure, folder / name)}\n{failure.details}", err=True)
        seconds = time.monotonic() - started
        rate = inputs / seconds
        click.echo(f"{name:<14} {inputs:>9,} inputs  seed {seed}  {seconds:7.1f} s {rate:9,.0f}/s  {count} failures")
        failed |= count > 0
    sys.exit(failed)


def _kept(failure: Failure, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(failure.octets).hexdigest()[:12]
    path.write_bytes(failure.octets)
    return path


if __name__ == "__main__":
    main()
