"""Every example of the documentation, carried out on a server, each language by one process; and the answers on record.

`MAILSAC_TEST_RECORD=1` writes the answers anew that the documentation shows: `mailsac/web/docs-answers.json`.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from html import unescape
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mailsac import markdown
from mailsac.administration import NewAccount, NewKey
from mailsac.api import openapi
from mailsac.api.route import Route
from mailsac.app import administered, running
from mailsac.config import Config, Outbound
from mailsac.documentation import Documentation, Recorded, addressed, recorded
from mailsac.examples import KEY_VARIABLE
from mailsac.mail_ports import MailPorts
from tests.api.conftest import MAIL
from tests.api.test_every_route import BOX, Operator
from tests.conftest import needs
from tests.http_client import deliver

pytestmark = pytest.mark.timeout(180)

ANSWERS: Final = Path(__file__).parents[1] / "mailsac" / "web" / "docs-answers.json"
NODE_MODULES: Final = Path(__file__).parent / "clients" / "node_modules"
SUFFIXES: Final = {"curl": ".sh", "python": ".py", "javascript": ".mjs", "go": ".go"}
ENDLESS: Final = {"getApiStream", "getIncomingMessages", "getApiIncomingMessages"}  # until the client has enough
VARIABLES: Final = {"request", "response", "file", "lines", "mailbox", "socket"}  # of the Go examples
MAX_TEXT: Final = 240
MAX_DEPTH: Final = 5
MAX_FIELDS: Final = 30

# Each reads names, carries out the example of that name, keeps what it says in `name.out`, and answers `name status`.
# What `curl -N` listens to does not end by itself; a command may have its own `-f`.
BASH: Final = r"""
curl() {
  local limit=30 fail=--fail-with-body status=0
  case " $* " in *" -N "*) limit=1 ;; esac
  case " $* " in *" -f "*) fail=--fail ;; esac
  command curl -sS $fail --max-time $limit -D "$name.head" "$@" || status=$?
  [ $status = 28 ] && [ $limit = 1 ] || return $status
}
while read -r name; do
  ( set -eo pipefail; source "./$name.sh" ) >"$name.out" 2>"$name.err" </dev/null
  echo "$name $?"
done
"""
PYTHON: Final = r"""
import ast, asyncio, contextlib, inspect, pathlib, sys, traceback
for line in sys.stdin:
    name = line.strip()
    status = 0
    with open(f"{name}.out", "w") as out, open(f"{name}.err", "w") as err, contextlib.redirect_stdout(out):
        try:
            source, flags = pathlib.Path(f"{name}.py").read_text(), ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(source, f"{name}.py", "exec", flags)
            made = eval(code, {"__name__": "__main__"})
            if inspect.iscoroutine(made):  # a guide shows what is inside of a function
                asyncio.run(made)
        except BaseException:
            traceback.print_exc(file=err)
            status = 1
    print(name, status, flush=True)
"""
JAVASCRIPT: Final = r"""
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
globalThis.WebSocket ??= (await import("ws")).WebSocket; // Node has its own from 22 on
const say = process.stdout.write.bind(process.stdout);
for await (const name of createInterface({ input: process.stdin })) {
  let [out, err, status] = ["", "", 0];
  process.stdout.write = (part) => ((out += part), true);
  try {
    await import(pathToFileURL(`${name}.mjs`));
  } catch (error) {
    [err, status] = [String(error.stack ?? error), 1];
  }
  process.stdout.write = say;
  writeFileSync(`${name}.out`, out);
  writeFileSync(`${name}.err`, err);
  say(`${name} ${status}\n`);
}
"""


class Runner(msgspec.Struct, frozen=True):
    """One process that carries out the examples of one language in a folder."""

    process: asyncio.subprocess.Process
    folder: Path

    async def run(self, name: str) -> str:
        """Carry out an example; returns what is wrong."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{name}\n".encode())
        async with asyncio.timeout(40):
            line = await self.process.stdout.readline()
        said, _, status = line.decode().strip().partition(" ")
        assert said == name, (name, line)
        return "" if status == "0" else f"{name}: status {status}: {self.said(name)}{self.said(name, '.err')}"

    def said(self, name: str, suffix: str = ".out") -> str:
        return (self.folder / f"{name}{suffix}").read_text(errors="replace")


@asynccontextmanager
async def runner(language: str, folder: Path, key: str) -> AsyncIterator[Runner]:
    if language == "javascript":
        if not NODE_MODULES.is_dir():
            pytest.skip("needs the npm packages of tests/clients: make clients")
        (folder / "node_modules").symlink_to(NODE_MODULES)
        (folder / "main.mjs").write_text(JAVASCRIPT)
    command = {
        "curl": [needs("bash"), "-c", BASH],
        "python": [sys.executable, "-c", PYTHON],
        "javascript": [needs("node"), "main.mjs"],
    }[language]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), KEY_VARIABLE: key}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Runner(process, folder)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 5)
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def operator(config: Config) -> AsyncIterator[Operator]:
    # What is sent stays in the queue, where it can be looked at: nobody listens there.
    config = msgspec.structs.replace(config, outbound=Outbound(mode="smarthost", smarthost="127.0.0.1:1"))
    async with administered(config) as administration:
        await administration.create_account(NewAccount("root"))
        made = await administration.create_key("root", NewKey(admin=True))
        spare = await administration.create_key("root", NewKey())
    async with running(config) as server:
        yield Operator(server, made.key, spare.id)


def documentation(operator: Operator, *, needs_key: bool = True) -> Documentation:
    described = openapi.document(operator.server.http.routes)
    return Documentation(described, ports(operator), needs_key=needs_key)


def ports(operator: Operator) -> MailPorts:
    return MailPorts(smtp=operator.server.smtp_port, pop3=operator.server.pop3_port)


def written(operator: Operator, language: str, folder: Path) -> Mapping[tuple[str, str], str]:
    """Write all examples as files; returns their names by method and path."""
    made = documentation(operator)
    for name, source in made.examples(language).items():
        source = addressed(source, f"127.0.0.1:{operator.server.http_port}", ports(operator))
        source = source.replace("k_0123abcd", operator.spare_key_id)
        (folder / f"{name}{SUFFIXES[language]}").write_text(source)
    return {(method.upper(), path): operation["operationId"] for path, method, operation in made.operations()}


@asynccontextmanager
async def mail_coming(operator: Operator) -> AsyncIterator[None]:
    """Mail for who listens, again and again."""

    async def send() -> None:
        while True:
            await asyncio.sleep(0.1)
            await deliver(operator.server, BOX, MAIL)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
async def test_every_example_runs(operator: Operator, language: str, tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    names = written(operator, language, folder)
    wrong, answers = [], {}
    async with runner(language, folder, operator.key) as examples:
        wrong += [await examples.run("smtp"), await examples.run("pop3")]
        assert "Your code is 482913." in examples.said("pop3")
        async for route, _ in operator.walk():
            name = names[route.method, route.path]
            if name in ENDLESS:
                async with mail_coming(operator):
                    wrong.append(await examples.run(name))
                assert "hello" in examples.said(name), name
            else:
                wrong.append(await examples.run(name))
            wrong += [] if is_said(route, language, examples.said(name)) else [f"{name} says {examples.said(name)!r}"]
            if language == "curl" and route.tag != "pages":  # which are seen in a browser
                answers[name] = answer_of(examples, name)
    assert [each for each in wrong if each] == []
    if language == "curl":
        compare_or_record(answers)


def is_said(route: Route, language: str, said: str) -> bool:
    """Whether an example shows what it is there to show."""
    if route.answer is not None and language == "curl":
        return isinstance(json.loads(said), dict | list | None)
    if route.answer is not None and language == "python":
        return isinstance(ast.literal_eval(said), dict | list | None)
    if "*/*" in route.media_types or (language == "curl" and not route.media_types):
        return True
    return said.strip() != ""


def answer_of(examples: Runner, name: str) -> Recorded:
    """What curl was answered."""
    head = re.split(r"\r?\n\r?\n", examples.said(name, ".head").strip())[-1].splitlines()
    headers = {field.lower(): value for field, _, value in (line.partition(": ") for line in head[1:])}
    status, media_type = int(head[0].split()[1]), headers.get("content-type", "").partition(";")[0]
    said = examples.said(name)
    if status == 101:
        frame = re.search(r'\{"addresses":.*?"status":200\}', said)
        return Recorded(status, "", json.loads(frame[0]) if frame else None)
    if not said or media_type == "text/html":
        return Recorded(status, media_type)
    whole = json.loads(said) if media_type == "application/json" else said
    body = shortened(whole) if media_type == "application/json" else first_lines(said)
    return Recorded(status, media_type, body, is_shortened=body != whole)


def shortened(value: Any, depth: int = 0) -> Any:
    """The value with the first of each list, and texts and objects that are not longer than a reader wants."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]}…"
    if depth > MAX_DEPTH and isinstance(value, dict | list):
        return "…"
    if isinstance(value, list):
        return [shortened(each, depth + 1) for each in value[:1]]
    if isinstance(value, dict):
        fields = list(value.items())
        return {name: shortened(each, depth + 1) for name, each in fields[: 2 if len(fields) > MAX_FIELDS else None]}
    return value


def first_lines(text: str) -> str:
    return "\n".join(line[:120] for line in text.splitlines()[:10])


def compare_or_record(answers: Mapping[str, Recorded]) -> None:
    kept = recorded()
    same = {name for name in answers.keys() & kept.keys() if is_alike(answers[name], kept[name])}
    if os.environ.get("MAILSAC_TEST_RECORD"):
        made = {name: kept[name] if name in same else answers[name] for name in sorted(answers)}
        ANSWERS.write_text(json.dumps(msgspec.to_builtins(made), indent=1) + "\n")
        return
    differing = (answers.keys() | kept.keys()) - same
    assert sorted(differing) == [], "record them again: MAILSAC_TEST_RECORD=1"


OF_THE_MOMENT = {"since", "ended"}  # in the status: where all is well nothing is not, since no time


def is_alike(answer: Recorded, kept: Recorded) -> bool:
    same_kind = (answer.status, answer.media_type) == (kept.status, kept.media_type)
    return same_kind and has_shape_of(answer.body, kept.body)


def has_shape_of(one: Any, other: Any) -> bool:
    """Whether two JSON values have the same fields of the same types; null and an empty list are like any."""
    if one is None or other is None or one == [] or other == []:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        shared = one.keys() & other.keys()
        is_same = (one.keys() | other.keys()) - shared <= OF_THE_MOMENT
        return is_same and all(has_shape_of(one[name], other[name]) for name in shared)
    if isinstance(one, list) and isinstance(other, list):
        return has_shape_of(one[0], other[0])
    if isinstance(one, int | float) and isinstance(other, int | float):
        return isinstance(one, bool) == isinstance(other, bool)
    return type(one) is type(other)


async def test_every_command_of_the_guides_runs(operator: Operator, tmp_path: Path) -> None:
    """What begins with curl or printf, as it stands there, and the Python that names the server."""
    root = Path(__file__).parents[1]
    message = MAIL.replace(b"Subject: hello", b"Subject: reset your password")
    (tmp_path / "mail.eml").write_bytes(message)
    names: dict[str, list[str]] = {"curl": [], "python": []}
    for guide in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        for number, (kind, source) in enumerate(blocks(guide.read_text())):
            language = "python" if kind == "python" else "curl"
            if source.startswith(("curl ", "printf ")) or (kind == "python" and "127.0.0.1" in source):
                name = f"{guide.stem}-{number}"
                names[language].append(name)
                source = addressed(source, f"127.0.0.1:{operator.server.http_port}", ports(operator))
                (tmp_path / f"{name}{SUFFIXES[language]}").write_text(source)
    assert len(names["curl"]) > 12
    assert names["python"]
    await operator.server.accounts.reserve("mailsac", [BOX])
    wrong = []
    for language, each in names.items():
        async with runner(language, tmp_path, operator.key) as examples:
            for name in each:
                await deliver(operator.server, BOX, message)
                wrong.append(await examples.run(name))
    assert [each for each in wrong if each] == []


def blocks(guide: str) -> list[tuple[str, str]]:
    """The code of a guide: its language and its text."""
    found = re.findall(r'<pre(?: class="(\w+)")?><code>(.*?)</code></pre>', whole(guide), re.DOTALL)
    return [(kind, unescape(text)) for kind, text in found]


def whole(guide: str) -> str:
    return "".join(section.html for section in markdown.sections(guide, lambda _: ""))


def test_go_examples_are_formatted_as_gofmt_has_them(operator: Operator, tmp_path: Path) -> None:
    """And import what they use, and nothing else. Where there is no Go, only the last is looked at."""
    written(operator, "go", tmp_path)
    if gofmt := shutil.which("gofmt"):
        done = subprocess.run([gofmt, "-d", "."], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout + done.stderr == ""
    for file in tmp_path.glob("*.go"):
        source = re.sub(r'"(\\.|[^"\\])*"', '""', body) if (body := file.read_text().partition("func main")[2]) else ""
        imported = set(re.findall(r'^(?:import )?\t?"(?:[\w./-]+/)?(\w+)"$', file.read_text(), re.MULTILINE))
        assert imported == set(re.findall(r"(?<![\w.])([a-z][a-z0-9]+)(?=\.[A-Z])", source)) - VARIABLES, file.name
