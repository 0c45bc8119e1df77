"""How an operation is called from curl, Python, JavaScript and Go, made from the description of the API.

Each example is whole: it runs as it is copied. The key is taken from the environment, so that none is copied with it.
They name the server of a local start, which a page replaces by its own. Python needs the standard library, JavaScript
Node 18 or a browser, Go the standard library; web sockets are spoken by aiohttp, by Node 22, and by a package for Go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

import msgspec

BASE: Final = "http://127.0.0.1:8025"
KEY_VARIABLE: Final = "MAILSAC_KEY"
LANGUAGES: Final = {"curl": "curl", "python": "Python", "javascript": "JavaScript", "go": "Go"}

_JSON: Final = "application/json"
_PLAIN_WORD: Final = re.compile(r"[\w@%+=:,./-]+")
_WIDTH: Final = 72  # of a line, where it can be broken

Answer = Literal["json", "text", "file", "nothing", "events", "socket"]


class Call(msgspec.Struct, frozen=True):
    """One request, as the description of the API gives an example of it."""

    method: str
    target: str  # path and query, encoded
    body: Any  # of JSON; None: there is none
    answer: Answer
    file_name: str = ""  # where the answer is a file
    needs_key: bool = False

    @property
    def url(self) -> str:
        return BASE + self.target


def call_of(path: str, method: str, operation: Mapping[str, Any], *, with_key: bool) -> Call:
    """The example of an operation of an OpenAPI document. `with_key` says whether a key is needed for most of them."""
    query: dict[str, str] = {}
    file_name = ""
    for parameter in operation["parameters"]:
        if "example" not in parameter:
            continue
        text = _word(parameter["example"])
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(text, safe="@+"))
            file_name = text
        else:
            query[parameter["name"]] = text
    answer = _answer(operation)
    is_asked = bool(operation["security"]) or answer == "socket"  # which says what is wrong in a frame
    content = operation.get("requestBody", {}).get("content", {})
    return Call(
        method.upper(),
        path + ("?" + urlencode(query, quote_via=quote, safe="@:,/") if query else ""),
        _given(content[_JSON]["example"]) if _JSON in content else None,
        answer,
        file_name=file_name if re.fullmatch(r"[\w-]+\.\w+", file_name) else "attachment",
        needs_key=(with_key and is_asked) or operation["tags"][0] in ADMINISTRATION,
    )


ADMINISTRATION: Final = ("administration", "deny list")  # needs a key in any mode


def example(call: Call, language: str) -> str:
    """The source text, with a line end."""
    return {"curl": _curl, "python": _python, "javascript": _javascript, "go": _go}[language](call)


def of_mail(language: str, *, with_key: bool) -> dict[str, str]:
    """How a mail is sent by SMTP, `smtp`, and collected by POP3, `pop3`: in open mode with any password."""
    password, imported = _PASSWORDS[language][with_key]
    return {
        name: sources[language].replace("%password%", password).replace("%import%", imported)
        for name, sources in _MAIL.items()
    }


def _answer(operation: Mapping[str, Any]) -> Answer:
    status, answer = next(iter(operation["responses"].items()))
    if status == "101":
        return "socket"
    kinds = answer.get("content", {})
    if not kinds:
        return "nothing"
    if _JSON in kinds:
        return "json"
    if "text/event-stream" in kinds:
        return "events"
    return "file" if "*/*" in kinds else "text"


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shell(text: str) -> str:
    return text if _PLAIN_WORD.fullmatch(text) else "'" + text.replace("'", "'\\''") + "'"


def _curl(call: Call) -> str:
    first = ["curl"]
    if call.method != "GET" and not (call.method == "POST" and call.body is not None):
        first += ["-X", call.method]
    if call.answer in ("events", "socket"):
        first.append("-N")
    options = [" ".join([*first, _shell(call.url)])]
    if call.needs_key:
        options.append(f'-H "Mailsac-Key: ${KEY_VARIABLE}"')
    if call.answer == "socket":
        options += ["-H 'Connection: Upgrade'", "-H 'Upgrade: websocket'", "-H 'Sec-WebSocket-Version: 13'"]
        options.append("-H 'Sec-WebSocket-Key: bWFpbHNhYyB3ZWIgc29jaw=='")
    if call.body is not None:
        options += ["-H 'Content-Type: application/json'", f"-d {_shell(json.dumps(call.body))}"]
    if call.answer == "file":
        options.append(f"-o {call.file_name}")
    return " \\\n  ".join(options) + "\n"


def _python(call: Call) -> str:
    if call.answer == "socket":
        return (
            _PYTHON_SOCKET.replace("%url%", call.url.replace("http", "ws", 1))
            .replace(
                ", headers=%headers%",
                f', headers={{"Mailsac-Key": os.environ["{KEY_VARIABLE}"]}}' if call.needs_key else "",
            )
            .replace("import os\n" * (not call.needs_key), "")
        )
    modules = ["json"] * (call.answer == "json" or call.body is not None) + ["os"] * call.needs_key
    lines = [f"import {module}" for module in modules]
    lines += ["from pathlib import Path"] * (call.answer == "file")
    headers = {"Mailsac-Key": f'os.environ["{KEY_VARIABLE}"]'} if call.needs_key else {}
    arguments = [json.dumps(call.url)]
    if call.method != "GET":
        arguments.append(f'method="{call.method}"')
    if call.body is not None:
        headers["Content-Type"] = '"application/json"'
    if headers:
        pairs = [f'"{name}": {value}' for name, value in headers.items()]
        arguments.append("headers=" + _braced(pairs, "python", room=_WIDTH - 12))
    if call.body is not None:
        arguments.append(f"data=json.dumps({_literal(call.body, 'python')}).encode()")
    if len(arguments) == 1:
        lines += ["from urllib.request import urlopen", "", f"with urlopen({arguments[0]}) as response:"]
    else:
        lines += ["from urllib.request import Request, urlopen", ""]
        lines += [
            f"request = {_bracketed('Request(', arguments, ')', 'python', room=0)}",
            "with urlopen(request) as response:",
        ]
    lines += {
        "json": ["    print(json.load(response))"],
        "text": ["    print(response.read().decode())"],
        "nothing": ["    print(response.status)"],
        "file": [f'    Path("{call.file_name}").write_bytes(response.read())'],
        "events": [
            "    for line in response:",
            "        print(line.decode().rstrip())",
            '        if line.startswith(b"data:"):',
            "            break  # one is enough here",
        ],
    }[call.answer]
    return "\n".join(lines) + "\n"


_PYTHON_SOCKET: Final = """\
import asyncio
import os

import aiohttp


async def listen():
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(
            "%url%", headers=%headers%
        ) as socket:
            print(await socket.receive_json())
            print((await socket.receive_json())["subject"])


asyncio.run(listen())
"""


def _javascript(call: Call) -> str:
    if call.answer == "socket":
        key = f"&key=${{process.env.{KEY_VARIABLE}}}" if call.needs_key else ""
        return _JAVASCRIPT_SOCKET.replace("%url%", call.url.replace("http", "ws", 1) + key)
    options = [f'method: "{call.method}"'] * (call.method != "GET")
    headers = [f'"Mailsac-Key": process.env.{KEY_VARIABLE}'] * call.needs_key
    if call.body is not None:
        headers.append('"Content-Type": "application/json"')
    if headers:
        options.append("headers: " + _braced(headers, "javascript", room=_WIDTH - 12))
    if call.body is not None:
        options.append(f"body: JSON.stringify({_literal(call.body, 'javascript')})")
    arguments = json.dumps(call.url)
    if options:
        arguments += ", " + _braced(options, "javascript", room=0)
    lines = ['import { writeFile } from "node:fs/promises";', ""] * (call.answer == "file")
    lines += [
        f"const response = await fetch({arguments});",
        "if (!response.ok) throw new Error(await response.text());",
    ]
    lines += {
        "json": ["console.log(await response.json());"],
        "text": ["console.log(await response.text());"],
        "nothing": ["console.log(response.status);"],
        "file": [f'await writeFile("{call.file_name}", Buffer.from(await response.arrayBuffer()));'],
        "events": [
            "for await (const part of response.body.pipeThrough(new TextDecoderStream())) {",
            "  console.log(part);",
            '  if (part.includes("data:")) break; // one is enough here',
            "}",
        ],
    }[call.answer]
    return "\n".join(lines) + "\n"


_JAVASCRIPT_SOCKET: Final = """\
const url = `%url%`;
const socket = new WebSocket(url);
await new Promise((resolve, reject) => {
  socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    console.log(frame.msg ?? frame.error ?? frame.subject);
    if (frame.subject) resolve(); // one is enough here
  };
});
socket.close();
"""


def _go(call: Call) -> str:
    if call.answer == "socket":
        header = f'"Mailsac-Key": {{os.Getenv("{KEY_VARIABLE}")}}' if call.needs_key else ""
        source = _GO_SOCKET.replace("%url%", call.url.replace("http", "ws", 1)).replace("%header%", header)
        return source if call.needs_key else source.replace('\t"os"\n', "")
    make, body, packages = "", "nil", {"net/http"}
    if call.body is not None:
        packages.add("strings")
        make, body = f"\tbody := strings.NewReader(`{json.dumps(call.body)}`)\n", "body"
    set_headers = [f'request.Header.Set("Mailsac-Key", os.Getenv("{KEY_VARIABLE}"))'] * call.needs_key
    packages |= {"os"} if call.needs_key else set()
    if call.body is not None:
        set_headers.append('request.Header.Set("Content-Type", "application/json")')
    read = {
        "file": _GO_FILE.replace("%name%", call.file_name),
        "events": _GO_EVENTS,
        "nothing": "\tfmt.Println(response.Status)\n",
    }.get(call.answer, _GO_TEXT)
    packages |= {"file": {"io", "os"}, "events": {"bufio", "fmt"}, "nothing": {"fmt"}}.get(call.answer, {"fmt", "io"})
    if "strings." in read:
        packages.add("strings")
    imports = "".join(f'\t"{package}"\n' for package in sorted(packages))
    headers = "".join(f"\t{line}\n" for line in set_headers)
    return (
        _GO.replace("%read%", read)
        .replace("%imports%", imports)
        .replace("%method%", call.method)
        .replace("%url%", call.url)
        .replace("%make%", make)
        .replace("%body%", body)
        .replace("%headers%", headers)
    )


_GO: Final = """\
package main

import (
%imports%)

func main() {
	url := "%url%"
%make%	request, err := http.NewRequest("%method%", url, %body%)
	if err != nil {
		panic(err)
	}
%headers%	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
%read%}
"""
_GO_TEXT: Final = """\
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	fmt.Println(response.Status, string(answer))
"""
_GO_FILE: Final = """\
	file, err := os.Create("%name%")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if _, err := io.Copy(file, response.Body); err != nil {
		panic(err)
	}
"""
_GO_EVENTS: Final = """\
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		fmt.Println(lines.Text())
		if strings.HasPrefix(lines.Text(), "data:") {
			break // one is enough here
		}
	}
"""
_GO_SOCKET: Final = """\
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/coder/websocket"
)

func main() {
	ctx := context.Background()
	options := &websocket.DialOptions{HTTPHeader: http.Header{%header%}}
	socket, _, err := websocket.Dial(ctx, "%url%", options)
	if err != nil {
		panic(err)
	}
	defer socket.CloseNow()
	for {
		_, frame, err := socket.Read(ctx)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(frame))
	}
}
"""


def _literal(value: object, language: Literal["python", "javascript"]) -> str:
    """A JSON value as a literal of that language, on one line where it is short."""
    if isinstance(value, dict):
        pairs = [f"{_name(name, language)}: {_literal(each, language)}" for name, each in value.items()]
        return _braced(pairs, language, room=_WIDTH - 24)
    if isinstance(value, list | tuple):
        return _bracketed("[", [_literal(each, language) for each in value], "]", language, room=_WIDTH - 24)
    if language == "python" and (value is None or isinstance(value, bool)):
        return repr(value)
    return json.dumps(value)


def _name(name: str, language: str) -> str:
    return name if language == "javascript" and re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)


def _braced(pairs: list[str], language: str, *, room: int) -> str:
    opening, closing = ("{", "}") if language == "python" else ("{ ", " }")
    return _bracketed(opening, pairs, closing, language, room=room)


def _bracketed(opening: str, items: list[str], closing: str, language: str, *, room: int) -> str:
    """Items between brackets: on one line where that is no longer than `room`, else each on its own."""
    if not items:
        return opening.strip() + closing.strip()
    line = f"{opening}{', '.join(items)}{closing}"
    if "\n" not in line and len(line) <= room:
        return line
    indent = "    " if language == "python" else "  "
    inner = ",\n".join(items).replace("\n", f"\n{indent}")
    return f"{opening.rstrip()}\n{indent}{inner},\n{closing.strip()}"


# A mail in by SMTP, and the first of a mailbox out by POP3.
_MAIL: Final[Mapping[str, Mapping[str, str]]] = {
    "smtp": {
        "curl": r"""printf 'Subject: hello\r\n\r\nYour code is 482913.\r\n' |
  curl smtp://127.0.0.1:1025 -T - \
    --mail-from ann@example.org --mail-rcpt bob@example.com
""",
        "python": r"""import smtplib

with smtplib.SMTP("127.0.0.1", 1025) as client:
    client.sendmail(
        "ann@example.org",
        "bob@example.com",
        "Subject: hello\r\n\r\nYour code is 482913.\r\n",
    )
""",
        "javascript": r"""import nodemailer from "nodemailer";

const mailer = nodemailer.createTransport("smtp://127.0.0.1:1025");
await mailer.sendMail({
  from: "ann@example.org",
  to: "bob@example.com",
  subject: "hello",
  text: "Your code is 482913.",
});
""",
        "go": r"""package main

import "net/smtp"

func main() {
	mail := "Subject: hello\r\n\r\nYour code is 482913.\r\n"
	err := smtp.SendMail("127.0.0.1:1025", nil, "ann@example.org", []string{"bob@example.com"}, []byte(mail))
	if err != nil {
		panic(err)
	}
}
""",
    },
    "pop3": {
        "curl": "curl pop3://127.0.0.1:1110/1 -u %password%\n",
        "python": r"""%import%import poplib

mailbox = poplib.POP3("127.0.0.1", 1110)
mailbox.user("bob@example.com")
mailbox.pass_(%password%)
print(b"\n".join(mailbox.retr(1)[1]).decode())
mailbox.quit()
""",
        "javascript": r"""import { connect } from "node:net";

const url = new URL("pop3://127.0.0.1:1110");
const socket = connect(url.port, url.hostname);
socket.write(`USER bob@example.com\r\nPASS %password%\r\nRETR 1\r\nQUIT\r\n`);
for await (const part of socket) process.stdout.write(part);
""",
        "go": r"""package main

import (
	"fmt"
	"io"
	"net/textproto"
%import%)

func main() {
	mailbox, err := textproto.Dial("tcp", "127.0.0.1:1110")
	if err != nil {
		panic(err)
	}
	defer mailbox.Close()
	for _, command := range []string{"", "USER bob@example.com", %password%, "RETR 1"} {
		if command != "" {
			mailbox.PrintfLine("%s", command)
		}
		reply, err := mailbox.ReadLine()
		if err != nil {
			panic(err)
		}
		fmt.Println(reply)
	}
	mail, err := io.ReadAll(mailbox.DotReader())
	if err != nil {
		panic(err)
	}
	fmt.Print(string(mail))
	mailbox.PrintfLine("QUIT")
}
""",
    },
}

# In open mode and in keys mode: the password of POP3, and what has to be imported for it.
_PASSWORDS: Final = {
    "curl": (("bob@example.com:any", ""), (f'"bob@example.com:${KEY_VARIABLE}"', "")),
    "python": (('"any"', ""), (f'os.environ["{KEY_VARIABLE}"]', "import os\n")),
    "javascript": (("any", ""), (f"${{process.env.{KEY_VARIABLE}}}", "")),
    "go": (('"PASS any"', ""), (f'"PASS " + os.Getenv("{KEY_VARIABLE}")', '\t"os"\n')),
}
