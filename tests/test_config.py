"""The loader: what is stronger than what, and what an operator is told."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from mailsac import config
from mailsac.config import Config, ConfigError, Settings

REFERENCE = Path(__file__).parents[1] / "config.toml"

Resolve = Callable[..., Settings]


@pytest.fixture
def resolve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Settings from the text of a config.toml in the working folder, an environment and flags."""
    monkeypatch.chdir(tmp_path)

    def resolve(
        text: str = "", environ: Mapping[str, str] | None = None, flags: Mapping[str, object] | None = None
    ) -> Settings:
        Path("config.toml").write_text(text)
        return config.resolve(Path("config.toml"), environ or {}, flags or {})

    return resolve


def complaint(resolve: Resolve, *given: object) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(*given)
    return str(caught.value)


def test_nothing_given_is_the_defaults() -> None:
    assert config.load(None, {}, {}) == Config()


def test_flag_beats_environment_beats_file_beats_profile_beats_default(resolve: Resolve) -> None:
    file = 'profile = "public"\n[smtp]\nmax_message_bytes = 3\nmax_recipients = 3\nmax_sessions = 3\nport = 3'
    environ = {"MAILSAC_SMTP_PORT": "4", "MAILSAC_SMTP_MAX_SESSIONS": "4"}

    settings = resolve(file, environ, {"smtp.port": 5, "smtp.host": None})

    smtp = settings.config.smtp
    assert (smtp.port, smtp.max_sessions, smtp.max_recipients, smtp.max_message_bytes) == (5, 4, 3, 3)
    assert smtp.bare_newline == "reject"
    assert smtp.host == "127.0.0.1"
    assert {key: settings.origins["smtp", key] for key in ("port", "max_sessions", "max_recipients")} == {
        "port": "command line",
        "max_sessions": "environment",
        "max_recipients": "config.toml",
    }
    assert settings.origins["smtp", "bare_newline"] == "profile public"
    assert settings.origins["smtp", "host"] == "default"


def test_the_profile_may_come_from_the_environment(resolve: Resolve) -> None:
    config = resolve('profile = "local"', {"MAILSAC_PROFILE": "public"}).config

    assert config.profile == "public"
    assert config.smtp.max_message_bytes == 25 * 1024 * 1024
    assert config.limits.exempt_networks == ("127.0.0.0/8", "::1/128")


def test_a_setting_that_equals_the_local_default_still_beats_the_public_profile(resolve: Resolve) -> None:
    assert resolve('profile = "public"\n[smtp]\nbare_newline = "accept"').config.smtp.bare_newline == "accept"


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("SMTP_PORT", "0", "smtp.port", 0),
        ("SMTP_TLS_PORT", "", "smtp.tls_port", None),
        ("SMTP_PORT", "", "smtp.port", 1025),
        ("SMTP_IDLE_TIMEOUT_S", "2.5", "smtp.idle_timeout_s", 2.5),
        ("STORE_FSYNC", "false", "store.fsync", False),
        ("STORE_FSYNC", "1", "store.fsync", True),
        ("STORE_DATA_DIR", "/srv/mail", "store.data_dir", Path("/srv/mail")),
        (
            "SMTP_ACCEPT_DOMAINS",
            "example.com, bücher.example,",
            "smtp.accept_domains",
            ("example.com", "bücher.example"),
        ),
        ("LIMITS_EXEMPT_NETWORKS", ",", "limits.exempt_networks", ()),
        ("LIMITS_EXEMPT_NETWORKS", "192.0.2.1,2001:db8::/32", "limits.exempt_networks", ("192.0.2.1", "2001:db8::/32")),
        ("WEBHOOKS_PORTS", "443,8000-9000", "webhooks.ports", ("443", "8000-9000")),
        ("WEBHOOKS_RETRY_S", "1, 2.5", "webhooks.retry_s", (1.0, 2.5)),
        ("TESTING_RESOLVER", "127.0.0.1:53", "testing.resolver", "127.0.0.1:53"),
        ("OUTBOUND_SMARTHOST", "relay.example.com:587", "outbound.smarthost", "relay.example.com:587"),
        ("OUTBOUND_SMARTHOST", "192.0.2.1:25", "outbound.smarthost", "192.0.2.1:25"),
        ("OUTBOUND_SMARTHOST", "[2001:db8::1]:25", "outbound.smarthost", "[2001:db8::1]:25"),
        (
            "OUTBOUND_ALLOWED_RECIPIENTS",
            "qa@example.com,bücher.example",
            "outbound.allowed_recipients",
            ("qa@example.com", "bücher.example"),
        ),
        ("LOG_FORMAT", "json", "log.format", "json"),
    ],
)
def test_variables_are_read_in_the_type_of_the_setting(
    resolve: Resolve, name: str, text: str, path: str, value: object
) -> None:
    section, key = path.split(".")

    assert getattr(getattr(resolve("", {f"MAILSAC_{name}": text}).config, section), key) == value


def test_a_whole_number_is_a_number_of_seconds(resolve: Resolve) -> None:
    assert resolve("[smtp]\nidle_timeout_s = 5").config.smtp.idle_timeout_s == 5.0


def test_a_path_in_the_home_folder_is_found(resolve: Resolve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/someone")

    assert resolve('[store]\ndata_dir = "~/mail"').config.store.data_dir == Path("/srv/someone/mail")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[smtp]\nidle_timeout_s = "5m"', '[smtp] idle_timeout_s = "5m": expected a number of seconds'),
        ("[smtp]\nidle_timeout_s = 0", "[smtp] idle_timeout_s = 0: expected a number of seconds, more than 0"),
        ("[smtp]\nidle_timeout_s = nan", "[smtp] idle_timeout_s = NaN: expected a number of seconds, more than 0"),
        ("[smtp]\nport = 65536", "[smtp] port = 65536: expected a port number, at least 0 and at most 65535"),
        ("[smtp]\nport = true", "[smtp] port = true: expected a port number"),
        ("[smtp]\nport = 1025.0", "[smtp] port = 1025.0: expected a port number"),
        ("[smtp]\nmax_recipients = 0", "[smtp] max_recipients = 0: expected a whole number, at least 1"),
        ("[store]\nfsync = 1", "[store] fsync = 1: expected true or false"),
        ("[store]\ndata_dir = 1", "[store] data_dir = 1: expected text in quotes"),
        ('[store]\ndata_dir = ""', '[store] data_dir = "": expected a path'),
        ('[store]\ndata_dir = "a\\u0000"', '[store] data_dir = "a\\u0000": expected text without control characters'),
        ('[smtp]\nbare_newline = "drop"', '[smtp] bare_newline = "drop": expected "accept" or "reject"'),
        ('[smtp]\nhostname = "a b"', '[smtp] hostname = "a b": expected a host name such as "mx.example.com"'),
        ('[smtp]\nhostname = "-a"', '[smtp] hostname = "-a": expected a host name such as "mx.example.com"'),
        ('[smtp]\nhost = "[::1]"', '[smtp] host = "[::1]": expected an IP address or host name to listen on'),
        ("[smtp]\naccept_domains = 1", '[smtp] accept_domains = 1: expected a list such as ["one", "two"]'),
        (
            '[limits]\nexempt_networks = ["10.0.0.1/8"]',
            '[limits] exempt_networks = ["10.0.0.1/8"]: expected networks such as "192.0.2.0/24", host bits zero',
        ),
        (
            '[webhooks]\nports = ["9000-8000"]',
            '[webhooks] ports = ["9000-8000"]: expected ports such as "443" or "8000-9000"',
        ),
        (
            "[webhooks]\nports = [443]",
            '[webhooks] ports = [443]: expected ports such as "443" or "8000-9000" in quotes',
        ),
        ("[webhooks]\nretry_s = [5, -1]", "[webhooks] retry_s = [5, -1]: expected numbers of seconds, at least 0"),
        (
            '[testing]\nresolver = "localhost:53"',
            '[testing] resolver = "localhost:53": expected a DNS server such as "127.0.0.1:5353"',
        ),
        (
            '[http]\ncors_origins = ["https://a.example/"]',
            '[http] cors_origins = ["https://a.example/"]: expected origins such as "https://app.example.com"',
        ),
        ("[smtp]\nprot = 1", "[smtp] prot: unknown setting; did you mean port?"),
        ("[smtp]\nqqq = 1", "[smtp] qqq: unknown setting"),
        ("[smpt]\nport = 1", "[smpt]: unknown table; did you mean smtp?"),
        ("smtp = 1", "smtp = 1: expected a table, [smtp]"),
        ('profile = "publik"', 'profile = "publik": expected "local" or "public"'),
        ('[tls]\nkey = "k.pem"', '[tls] key = "k.pem": expected tls.cert to name the certificate that belongs to it'),
        (
            "[pop3]\ntls_port = 0",
            "[pop3] tls_port = 0: expected tls.cert to name a certificate, or tls.self_signed = true",
        ),
        (
            '[outbound]\nmode = "smarthost"',
            '[outbound] mode = "smarthost": expected outbound.smarthost to name the server',
        ),
        (
            '[outbound]\nsmarthost_user = "me"',
            '[outbound] smarthost_user = "me": expected outbound.smarthost_password to go with it',
        ),
        (
            '[outbound]\nsmarthost_password = "hunter2"',
            "[outbound] smarthost_password: expected outbound.smarthost_user to go with it",
        ),
        (
            '[outbound]\nsmarthost = "a:1"\nsmarthost_tls = "off"\nsmarthost_user = "m"\nsmarthost_password = "x"',
            '[outbound] smarthost_tls = "off": expected "verify", as a password is sent by TLS only',
        ),
        ("port = ", "is not valid TOML: Invalid value (at end of document)"),
        ("x = " + "[" * 100_000, "is nested too deeply"),
        ("#" * (1024 * 1024 + 1), "is larger than 1048576 octets"),
    ],
)
def test_a_wrong_file_is_refused_with_file_table_key_and_reason(resolve: Resolve, text: str, told: str) -> None:
    assert complaint(resolve, text) == f"config.toml: {told}"


@pytest.mark.parametrize(
    "text",
    ["relay.example.com", "relay.example.com:0", "::1:25", "[127.0.0.1]:25", "[a]:25", ":25", "a b:25", "a:25-26"],
)
def test_a_smarthost_is_a_host_and_a_port(resolve: Resolve, text: str) -> None:
    told = complaint(resolve, f'[outbound]\nsmarthost = "{text}"')

    assert told.endswith(f'smarthost = "{text}": expected a host and a port such as "relay.example.com:587"')


@pytest.mark.parametrize("text", ["", "@example.com", "a@", "a b"])
def test_who_may_be_sent_to_is_an_address_or_a_domain(resolve: Resolve, text: str) -> None:
    told = complaint(resolve, f'[outbound]\nallowed_recipients = ["{text}"]')

    assert told.endswith('expected addresses and domains such as "qa@example.com" and "example.com"')


def test_a_long_wrong_value_is_cut(resolve: Resolve) -> None:
    told = complaint(resolve, f'[smtp]\nport = "{"9" * 5000}"')

    assert len(told) < 200
    assert told.endswith("…: expected a port number")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file or directory$"):
        config.resolve(tmp_path / "none.toml", {}, {})


def test_a_file_that_is_not_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match=r"is not UTF-8 text$"):
        config.resolve(tmp_path / "config.toml", {}, {})


def test_a_wrong_variable_is_refused_by_its_name(resolve: Resolve) -> None:
    told = complaint(resolve, "", {"MAILSAC_SMTP_PORT": "x"})

    assert told == 'environment: MAILSAC_SMTP_PORT = "x": expected a port number'


def test_a_wrong_flag_is_refused(resolve: Resolve) -> None:
    told = complaint(resolve, "", {}, {"http.port": "99999"})

    assert told == 'command line: [http] port = "99999": expected a port number, at least 0 and at most 65535'


def test_unknown_variables_are_warnings_except_those_of_clients_and_tests(resolve: Resolve) -> None:
    names = ("MAILSAC_SMPT_PORT", "MAILSAC_TEST_KILLS", "MAILSAC_KEY", "MAILSAC_TLS_KEY_FILE", "PATH")

    settings = resolve("", dict.fromkeys(names, "x"))

    assert set(settings.unknown_variables) == {"MAILSAC_SMPT_PORT", "MAILSAC_TLS_KEY_FILE"}
    assert settings.unknown_variables["MAILSAC_SMPT_PORT"] == "MAILSAC_SMTP_PORT"


def test_load_logs_unknown_variables(caplog: pytest.LogCaptureFixture) -> None:
    config.load(None, {"MAILSAC_SMPT_PORT": "1"}, {})

    assert [record.__dict__["variable"] for record in caplog.records] == ["MAILSAC_SMPT_PORT"]


@pytest.mark.check("C-58")
@pytest.mark.parametrize("section", ["smtp", "pop3", "http"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "mx.example.com", "::ffff:192.0.2.1"])
def test_open_mode_stays_on_loopback(resolve: Resolve, section: str, host: str) -> None:
    told = complaint(resolve, f'[{section}]\nhost = "{host}"')

    assert told.startswith(f'config.toml: [{section}] host = "{host}": in open mode everybody')
    assert "auth.open_to_network" in told


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "::ffff:127.0.0.1"])
def test_loopback_needs_no_permission(resolve: Resolve, host: str) -> None:
    assert resolve(f'[smtp]\nhost = "{host}"').config.smtp.host == host


def test_open_mode_may_be_opened_to_the_network(resolve: Resolve) -> None:
    settings = resolve("[auth]\nopen_to_network = true", {"MAILSAC_SMTP_HOST": "0.0.0.0"})

    assert settings.config.smtp.host == "0.0.0.0"


def test_a_secret_may_come_from_a_file(resolve: Resolve, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n")
    file = '[tls]\ncert = "c.pem"\nkey_password = "weaker"'

    settings = resolve(file, {"MAILSAC_TLS_KEY_PASSWORD_FILE": str(tmp_path / "secret")})

    assert settings.config.tls.key_password == "correct horse"
    assert settings.origins["tls", "key_password"] == "environment"


def test_a_secret_file_that_is_missing_is_named(resolve: Resolve) -> None:
    told = complaint(resolve, "", {"MAILSAC_TLS_KEY_PASSWORD_FILE": "none"})

    assert told == 'environment: MAILSAC_TLS_KEY_PASSWORD_FILE = "none": cannot be read: No such file or directory'


def test_a_secret_twice_in_the_environment_is_refused(resolve: Resolve) -> None:
    variables = {"MAILSAC_TLS_KEY_PASSWORD": "hunter2", "MAILSAC_TLS_KEY_PASSWORD_FILE": "x"}

    assert complaint(resolve, "", variables) == (
        "environment: MAILSAC_TLS_KEY_PASSWORD_FILE: expected only one of it and MAILSAC_TLS_KEY_PASSWORD"
    )


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ('[tls]\nkey_password = "hunter2\\u0007"', {}),
        ('[tls]\nkey_password = ["hunter2"]', {}),
        ('[tls]\nkey_password = "hunter2"', {}),
        ("", {"MAILSAC_TLS_KEY_PASSWORD": "hunter2\x07"}),
    ],
)
def test_a_secret_is_never_in_a_complaint(resolve: Resolve, text: str, environ: Mapping[str, str]) -> None:
    assert "hunter2" not in complaint(resolve, text, environ)


def test_the_settings_in_effect_load_again_as_the_same(resolve: Resolve) -> None:
    file = 'profile = "public"\n[smtp]\naccept_domains = ["bücher.example"]\nport = 0\n[store]\ndata_dir = "a\\"b 😀"'
    settings = resolve(file)

    assert resolve("\n".join(settings.lines())).config == settings.config


LOG_IN = 'smarthost_user = "me"\nsmarthost_password = "hunter2"\n'


@pytest.mark.parametrize(
    ("text", "tls", "origin", "doubts"),
    [
        ('smarthost = "a.example:25"', "opportunistic", "default", 0),
        (LOG_IN + 'smarthost = "a.example:25"', "verify", "outbound.smarthost_user", 0),
        (LOG_IN + 'smarthost = "a.example:25"\nsmarthost_tls = "verify"', "verify", "config.toml", 0),
        (LOG_IN + 'smarthost = "a.example:25"\nsmarthost_tls = "opportunistic"', "opportunistic", "config.toml", 1),
        (LOG_IN + 'smarthost = "127.0.0.1:25"', "opportunistic", "default", 0),
        (LOG_IN + 'smarthost = "[::1]:25"\nsmarthost_tls = "off"', "off", "config.toml", 0),
        (LOG_IN + 'smarthost = "localhost:25"\nsmarthost_tls = "opportunistic"', "opportunistic", "config.toml", 0),
    ],
)
def test_with_a_password_tls_is_verified(resolve: Resolve, text: str, tls: str, origin: str, doubts: int) -> None:
    """Unless somebody says otherwise, and is told what that means, or the smarthost is on this machine."""
    settings = resolve(f'[outbound]\nmode = "smarthost"\n{text}')

    assert settings.config.outbound.smarthost_tls == tls
    assert settings.origins["outbound", "smarthost_tls"] == origin
    told = list(config.doubts(settings.config))
    assert len(told) == doubts
    assert not any("hunter2" in line for line in told)


def test_the_settings_in_effect_hide_secrets(resolve: Resolve) -> None:
    settings = resolve('[tls]\ncert = "c.pem"\nkey_password = "hunter2"')

    lines = list(settings.lines())

    assert not [line for line in lines if "hunter2" in line]
    assert [line.split() for line in lines if line.startswith("key_password")] == [
        ["key_password", "=", '"********"', "#", "config.toml"]
    ]


def test_the_reference_file_changes_nothing() -> None:
    assert config.load(REFERENCE, {}, {}) == Config()


def test_the_reference_file_has_every_setting_once_at_its_default() -> None:
    """Uncommented, it is the tree: the same tables, the same keys in the same order, the true defaults."""
    lines = re.sub(r"(?m)^#(?=\w+ =)", "", REFERENCE.read_text())
    listed = tomllib.loads(re.sub(r"(?m)^(\w+) =$", r'\1 = "off"', lines))

    defaults = msgspec.json.decode(msgspec.json.encode(Config(), enc_hook=str).replace(b"null", b'"off"'))
    assert listed == defaults
    assert [(name, list(section)) for name, section in listed.items() if isinstance(section, dict)] == [
        (name, list(section)) for name, section in defaults.items() if isinstance(section, dict)
    ]


def test_the_reference_file_explains_every_setting() -> None:
    lines = REFERENCE.read_text().splitlines()
    settings = [(before, line) for before, line in itertools.pairwise(lines) if re.match(r"#\w+ =", line)]
    unexplained = [line for before, line in settings if not before.startswith("# ")]

    assert not unexplained


def test_the_reference_file_has_the_table_of_profiles() -> None:
    """Each row: the setting, the local default, what the public profile makes of it."""
    rows = dict[str, tuple[str, str]]()
    for line in REFERENCE.read_text().splitlines():
        if found := re.match(r"#   (\w+)\.(\w+) +(\S.*?)  +(\S.*)$", line):
            rows[f"{found[1]}.{found[2]}"] = (found[3], found[4])

    expected = {
        f"{section}.{key}": value for section, keys in config.PUBLIC_PROFILE.items() for key, value in keys.items()
    }
    assert {name: tomllib.loads(f"x = {public}")["x"] for name, (_, public) in rows.items()} == expected
    for name, (local, _) in rows.items():
        section, key = name.split(".")
        default = getattr(getattr(Config(), section), key)
        default = list(default) if isinstance(default, tuple) else default
        assert local == "loopback and private networks" or tomllib.loads(f"x = {local}")["x"] == default


def test_a_uri_alone_selects_mongodb_and_is_never_shown(resolve: Resolve, tmp_path: Path) -> None:
    (tmp_path / "uri").write_text("mongodb://mailsac:hunter2@db.example.com/mail\n")

    settings = resolve("", {"MAILSAC_STORE_MONGODB_URI_FILE": str(tmp_path / "uri")})

    assert settings.config.store.metadata == "mongodb"
    assert settings.config.store.mongodb_uri == "mongodb://mailsac:hunter2@db.example.com/mail"
    assert settings.origins["store", "metadata"] == "store.mongodb_uri"
    assert not [line for line in settings.lines() if "hunter2" in line]


def test_sqlite_may_be_asked_for_in_spite_of_a_uri(resolve: Resolve) -> None:
    settings = resolve('[store]\nmetadata = "sqlite"\nmongodb_uri = "mongodb://db.example.com"')

    assert settings.config.store.metadata == "sqlite"
    assert resolve('[store]\nmongodb_uri = ""').config.store.metadata == "sqlite"


def test_mongodb_needs_a_uri_that_is_one(resolve: Resolve) -> None:
    assert "expected store.mongodb_uri to name the server" in complaint(resolve, '[store]\nmetadata = "mongodb"')
    told = complaint(resolve, '[store]\nmongodb_uri = "http://hunter2@db.example.com"')
    assert "[store] mongodb_uri: expected a connection string" in told
    assert "hunter2" not in told


def test_gridfs_needs_mongodb(resolve: Resolve) -> None:
    assert '[store] raw = "gridfs": expected store.metadata' in complaint(resolve, '[store]\nraw = "gridfs"')
    settings = resolve('[store]\nraw = "gridfs"\nmongodb_uri = "mongodb://db.example.com"')
    assert settings.config.store.raw == "gridfs"


@pytest.mark.parametrize("node_id", ["", ".", "..", "a/b", "../a", ".a", "a" * 64])
def test_a_node_id_can_name_a_folder(resolve: Resolve, node_id: str) -> None:
    assert '[store] node_id = "' in complaint(resolve, f'[store]\nnode_id = "{node_id}"')
