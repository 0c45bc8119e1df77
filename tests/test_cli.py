"""The program as an operator meets it: a process of its own, its streams, its exit status and its signals."""

from __future__ import annotations

import os
import poplib
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from mailsac import __version__

ROOT = Path(__file__).parents[1]
ON_FREE_PORTS = ("--smtp-port", "0", "--pop3-port", "0", "--http-port", "0")
READY = re.compile(r"mailsac ready smtp=(.+):(\d+) pop3=(.+):(\d+) http=http://(.+):(\d+)\n")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment without our variables; the package is found wherever the working folder is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILSAC_")}
    return kept | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "MAILSAC_STORE_MIN_FREE_BYTES": "0"}


@pytest.fixture
def run(tmp_path: Path, environ: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A command that ends by itself, in an empty working folder."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mailsac", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environ | variables, capture_output=True, text=True, timeout=60
        )

    return run


@pytest.fixture
def serve(tmp_path: Path, environ: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Servers on free ports, killed at the end."""
    servers: list[subprocess.Popen[str]] = []

    def serve(*arguments: str, shell: str = "", **variables: str) -> subprocess.Popen[str]:
        """`shell` holds redirections."""
        command = [sys.executable, "-m", "mailsac", "serve", *ON_FREE_PORTS, *arguments]
        with (tmp_path / "log").open("ab") as log:
            server = subprocess.Popen(
                ["/bin/sh", "-c", f'exec "$@" {shell}', "sh", *command],
                cwd=tmp_path,
                env=environ | variables,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.kill()
        server.communicate()


def ports(server: subprocess.Popen[str]) -> tuple[int, int, int]:
    """SMTP, POP3 and HTTP, once it is ready."""
    assert server.stdout is not None
    found = READY.fullmatch(server.stdout.readline())
    assert found is not None
    return int(found[2]), int(found[4]), int(found[6])


def send(port: int, recipient: str = "box@example.com") -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("a@example.org", recipient, "Subject: hello\r\n\r\nIt works.\r\n")


def stored(port: int, recipient: str = "box@example.com") -> int:
    client = poplib.POP3("127.0.0.1", port)
    client.user(recipient)
    client.pass_("any")
    count = client.stat()[0]
    client.quit()
    return count


def test_version_and_help(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert run("--version").stdout == f"mailsac {__version__}\n"
    listed = re.findall(r"^  ([a-z][a-z-]+) ", run("--help").stdout, re.MULTILINE)
    assert " ".join(listed) == (
        "accounts backup block check-config dkim doctor domains export fsck import keys man migrate readyz rebuild "
        "restore sendmail serve status"
    )
    assert "--config" in run("serve", "--help").stdout


def test_version_loads_nothing_that_takes_time(environ: dict[str, str]) -> None:
    heavy = "{'aiohttp', 'aiosmtpd', 'msgspec', 'prometheus_client', 'rich', 'ssl', 'sqlite3', 'uvloop'}"
    code = f"import sys, mailsac.__main__; print(sorted({heavy} & sys.modules.keys()))"

    loaded = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)

    assert loaded.stdout == "[]\n"


def test_a_server_without_tls_loads_no_cryptography(environ: dict[str, str]) -> None:
    code = "import sys, mailsac.app; print(sorted({'cryptography', 'rich', 'pymongo', 'dns'} & sys.modules.keys()))"

    loaded = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)

    assert loaded.stdout == "[]\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.check("C-87")
def test_serves_until_a_signal_and_exits_with_0(
    serve: Callable[..., subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
) -> None:
    server = serve()
    smtp, pop3, _ = ports(server)
    send(smtp)
    assert stored(pop3) == 1

    server.send_signal(number)

    assert server.wait(15) == 0
    assert server.stdout is not None
    assert server.stdout.read() == ""
    log = (tmp_path / "log").read_text()
    assert f"signal={number.name}" in log
    assert str(tmp_path / "mailsac-data") in log
    assert "Traceback" not in log


def test_the_ready_line_brackets_ipv6(serve: Callable[..., subprocess.Popen[str]]) -> None:
    server = serve(MAILSAC_SMTP_HOST="::1", MAILSAC_HTTP_HOST="::1")

    assert server.stdout is not None
    line = server.stdout.readline()

    assert re.fullmatch(r"mailsac ready smtp=\[::1\]:\d+ pop3=127\.0\.0\.1:\d+ http=http://\[::1\]:\d+\n", line)


@pytest.mark.check("C-87")
def test_a_second_signal_does_not_wait(serve: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    """A message that is being sent holds the first SIGTERM up; the second cuts it off."""
    server = serve()
    smtp, _, _ = ports(server)
    with smtplib.SMTP("127.0.0.1", smtp) as client:
        client.ehlo()
        client.docmd("MAIL FROM:<a@example.org>")
        client.docmd("RCPT TO:<box@example.com>")
        client.docmd("DATA")
        client.send(b"Subject: half a message\r\n")
        server.terminate()
        wait_for_log(tmp_path, "cli.stopping")
        assert server.poll() is None

        server.terminate()

        assert server.wait(5) == 128 + signal.SIGTERM
        client.close()


def wait_for_log(folder: Path, event: str) -> None:
    """Follows the log; pytest's time-out ends what never comes."""
    with (folder / "log").open() as log:
        while event not in log.readline():
            time.sleep(0.005)


@pytest.mark.check("C-07")
def test_sighup_takes_the_new_certificate_and_drops_no_session(
    serve: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    authority = trustme.CA()
    both = tmp_path / "both.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(both)
    server = serve(MAILSAC_TLS_CERT=str(both))
    smtp, _, _ = ports(server)
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def connect() -> tuple[smtplib.SMTP, bytes]:
        client = smtplib.SMTP("localhost", smtp)
        client.starttls(context=context)
        assert isinstance(client.sock, ssl.SSLSocket)
        certificate = client.sock.getpeercert(binary_form=True)
        assert certificate is not None
        return client, certificate

    old, first = connect()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(both)
    server.send_signal(signal.SIGHUP)
    wait_for_log(tmp_path, "tls.reloaded")
    new, second = connect()

    assert first != second
    for client in (old, new):
        assert client.noop()[0] == 250
        client.close()

    both.write_text("no certificate")
    server.send_signal(signal.SIGHUP)
    wait_for_log(tmp_path, "tls.not_reloaded")
    again, third = connect()
    again.close()
    assert third == second


@pytest.mark.parametrize("command", ["serve", "fsck", "rebuild"])
def test_a_wrong_setting_is_one_line_and_status_2(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, command: str
) -> None:
    (tmp_path / "config.toml").write_text('[smtp]\nidle_timeout_s = "5m"\n')

    done = run(command)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == 'mailsac: config.toml: [smtp] idle_timeout_s = "5m": expected a number of seconds\n'
    assert not (tmp_path / "mailsac-data").exists()


def test_another_settings_file_may_be_named(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text("broken")
    (tmp_path / "other.toml").write_text("[smtp]\nport = 2525\n")

    assert "port = 2525" in run("check-config", "--config", "other.toml").stdout
    assert run("check-config", "--config", "none.toml").stderr == (
        "mailsac: none.toml: cannot be read: No such file or directory\n"
    )


def test_a_certificate_that_cannot_be_used_is_a_wrong_setting(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """It is told with the place that it was set in."""
    told = 'mailsac: {}: [tls] cert = "none.pem": cannot be read: No such file or directory'
    (tmp_path / "mine.toml").write_text('[tls]\ncert = "none.pem"\n')
    for command, status in ((("serve", *ON_FREE_PORTS), 2), (("check-config",), 1)):
        done = run(*command, MAILSAC_TLS_CERT="none.pem")
        assert (done.returncode, done.stderr.splitlines()[-1]) == (status, told.format("environment"))
    done = run("check-config", "--config", "mine.toml")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, told.format("mine.toml"))


def test_a_dkim_key_that_cannot_be_used_is_a_wrong_setting(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    told = "mailsac: environment: [outbound] dkim_dir: keys: cannot be read: No such file or directory"
    for command, status in ((("serve", *ON_FREE_PORTS), 2), (("check-config",), 1)):
        done = run(*command, MAILSAC_OUTBOUND_DKIM_DIR="keys")
        assert (done.returncode, done.stdout, done.stderr.splitlines()[-1]) == (status, "", told)

    assert run("dkim", "new", "example.org", "--dir", "keys").returncode == 0
    assert run("check-config", MAILSAC_OUTBOUND_DKIM_DIR="keys").returncode == 0


def test_a_password_for_whoever_answers_is_a_doubt_that_is_told(
    run: Callable[..., subprocess.CompletedProcess[str]], serve: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    variables = {"HOST": "relay.example:25", "HOST_USER": "me", "HOST_PASSWORD": "hunter2", "HOST_TLS": "opportunistic"}
    environ = {f"MAILSAC_OUTBOUND_SMART{name}": value for name, value in variables.items()}
    doubt = '[outbound] smarthost_tls = "opportunistic": the password is sent to whoever answers'

    checked = run("check-config", **environ)
    ports(serve(**environ))

    assert checked.returncode == 0
    assert checked.stderr.startswith(f"mailsac: {doubt}")
    assert f"WARNING config.doubt reason={doubt}" in (tmp_path / "log").read_text().replace('\\"', '"').replace(
        'reason="', "reason="
    )
    assert "hunter2" not in checked.stdout + checked.stderr + (tmp_path / "log").read_text()


@pytest.mark.check("C-58")
def test_open_mode_does_not_start_on_the_network(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("serve", *ON_FREE_PORTS, "--smtp-host", "0.0.0.0")

    assert done.returncode == 2
    assert done.stderr.startswith('mailsac: command line: [smtp] host = "0.0.0.0": ')
    assert "auth.open_to_network" in done.stderr


def test_a_port_in_use_names_port_and_setting(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run("serve", *ON_FREE_PORTS, "--pop3-port", str(port))

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("mailsac: ")
    assert f"127.0.0.1:{port}" in last
    assert "pop3.port" in last
    assert "Traceback" not in done.stderr


def test_a_data_folder_in_use_is_refused(
    serve: Callable[..., subprocess.Popen[str]], run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    server = serve()
    ports(server)

    for command in ("serve", "fsck", "rebuild"):
        done = run(command, *(ON_FREE_PORTS if command == "serve" else ()))
        assert done.returncode == 1
        assert f"in use by another mailsac (process {server.pid})" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_data_folder_that_cannot_be_made_is_one_line(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    done = run("serve", *ON_FREE_PORTS, "--data-dir", "file/data")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("mailsac: ")


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", "1>/dev/full 2>&-", "0<&- 1>&- 2>&-"])
def test_streams_that_fail_or_are_closed_do_not_stop_the_service(
    serve: Callable[..., subprocess.Popen[str]],
    run: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    redirection: str,
) -> None:
    """Nothing that is written to a closed descriptor ends up in the database, which may have got its number."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        smtp, pop3 = first.getsockname()[1], second.getsockname()[1]
    server = serve("--smtp-port", str(smtp), "--pop3-port", str(pop3), shell=redirection, MAILSAC_LOG_LEVEL="debug")

    when_listening(smtp)
    send(smtp)
    assert stored(pop3) == 1
    server.terminate()
    assert server.wait(15) == 0

    assert run("fsck").returncode == 0


def when_listening(port: int) -> None:
    """For a server that cannot say when it is ready."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.005)


def test_an_unknown_variable_is_a_warning(serve: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    ports(serve(MAILSAC_SMPT_PORT="1"))

    assert re.search(
        r"WARNING config\.unknown_variable variable=MAILSAC_SMPT_PORT nearest=MAILSAC_SMTP_PORT\n",
        (tmp_path / "log").read_text(),
    )


def test_check_config_shows_what_is_in_effect_and_where_it_comes_from(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text('profile = "public"\n[pop3]\nport = 3\n')

    done = run("check-config", "--http-port", "5", MAILSAC_SMTP_PORT="4", MAILSAC_SMPT_PORT="4")

    shown = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert 'profile = "public" # config.toml' in shown
    assert "port = 3 # config.toml" in shown
    assert "port = 4 # environment" in shown
    assert "port = 5 # command line" in shown
    assert 'bare_newline = "reject" # profile public' in shown
    assert "max_recipients = 100 # default" in shown
    assert done.stderr == (
        "mailsac: environment: MAILSAC_SMPT_PORT: unknown setting; did you mean MAILSAC_SMTP_PORT?\n"
    )


def test_check_config_exits_with_1(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("check-config", "--smtp-port", "x")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'mailsac: command line: [smtp] port = "x": expected a port number\n'


@pytest.fixture
def data_dir(serve: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> Path:
    """The data folder of a server that took three messages and stopped."""
    server = serve()
    smtp, _, _ = ports(server)
    for recipient in ("a@example.com", "b@example.com", "c@example.com"):
        send(smtp, recipient)
    server.terminate()
    assert server.wait(15) == 0
    return tmp_path / "mailsac-data"


def test_fsck_finds_order(run: Callable[..., subprocess.CompletedProcess[str]], data_dir: Path) -> None:
    done = run("fsck")

    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "files 3, rows 3"


def test_fsck_finds_and_repairs_what_is_missing_and_torn(
    run: Callable[..., subprocess.CompletedProcess[str]], data_dir: Path
) -> None:
    lost, cut = sorted(data_dir.rglob("*.eml"))[:2]
    lost.unlink()
    copy = cut.with_name(cut.name.replace("-0", "-1"))
    copy.write_bytes(cut.read_bytes()[:-5])

    found = run("fsck")
    repaired = run("fsck", "--repair")
    after = run("fsck")

    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == "mailsac: the mail store is not in order"
    assert "rows without a file: 1" in found.stdout
    assert "torn files: 1" in found.stdout
    assert repaired.returncode == 0
    assert after.returncode == 0
    assert after.stdout.splitlines()[0] == "files 2, rows 2"


def test_rebuild_makes_the_rows_again(
    run: Callable[..., subprocess.CompletedProcess[str]], serve: Callable[..., subprocess.Popen[str]], data_dir: Path
) -> None:
    for file in data_dir.glob("mailsac.db*"):
        file.unlink()

    done = run("rebuild")

    assert done.returncode == 0
    assert done.stdout == "rows made: 3\n"
    _, pop3, _ = ports(serve())
    assert stored(pop3, "b@example.com") == 1


@pytest.mark.parametrize("command", ["fsck", "rebuild"])
def test_offline_commands_make_no_data_folder(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, command: str
) -> None:
    done = run(command, "--data-dir", "typo")

    assert done.returncode == 1
    assert done.stderr == "mailsac: typo: no such data folder\n"
    assert not (tmp_path / "typo").exists()
