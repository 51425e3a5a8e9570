"""What the environment says, and what is said about it."""

import pytest
from pydantic import SecretStr

from graph import settings
from graph.settings import BadSettings, Environment, Settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.os.environ.copy():
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)


def test_nothing_set_is_a_server_for_its_developer(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = settings.load()
    assert (found.env, found.host, found.port) == (Environment.DEVELOPMENT, "127.0.0.1", 8000)
    assert found.data_dir == tmp_path / "var"
    assert (found.database_url, found.redis_url, found.currency) == (None, None, "HKD")


def test_an_empty_variable_is_an_unset_one(monkeypatch):
    monkeypatch.setenv("SHELFGRAPH_PORT", "")
    monkeypatch.setenv("SHELFGRAPH_DATABASE_URL", "")
    assert (settings.load().port, settings.load().database_url) == (8000, None)


@pytest.mark.parametrize(
    ("variable", "good", "bad", "said"),
    [
        ("PORT", "65535", "65536", "less than or equal to 65535"),
        ("PORT", "1", "0", "greater than or equal to 1"),
        ("PORT", "8001", "eight", "valid integer"),
        ("ENV", "test", "staging", "'development', 'test' or 'production'"),
        ("CURRENCY", "JPY", "yen", "match pattern"),
        ("DATABASE_URL", "postgres://h/d", "mysql://h/d", "postgresql://"),
        ("REDIS_URL", "rediss://h", "http://h", "redis://"),
        ("PAYMENT_HOLD_SECONDS", "1", "0", "greater than or equal to 1"),
        ("DEFAULT_LOCALE", "zh-Hant-HK", "zh_HK", "match pattern"),
        ("REPLAY_HOURS", "0.5", "0", "greater than 0"),
        ("REPLAY_AT_LEAST", "0", "-1", "greater than or equal to 0"),
        ("REPLAY_IN_MEMORY", "0", "-1", "greater than or equal to 0"),
        ("LOG_FORMAT", "json", "xml", "'console' or 'json'"),
    ],
)
def test_a_value_is_taken_or_refused_in_one_line(monkeypatch, variable, good, bad, said):
    monkeypatch.setenv(f"SHELFGRAPH_{variable}", good)
    settings.load()
    monkeypatch.setenv(f"SHELFGRAPH_{variable}", bad)
    with pytest.raises(BadSettings) as refused:
        settings.load()
    (line,) = refused.value.problems
    assert line.startswith(f"SHELFGRAPH_{variable}")
    assert said in line
    assert "\n" not in line


def test_every_problem_has_its_line_and_no_secret_is_repeated(monkeypatch):
    monkeypatch.setenv("SHELFGRAPH_PORT", "0")
    monkeypatch.setenv("SHELFGRAPH_DATABASE_URL", "mysql://shop:hunter2@db/mall")
    with pytest.raises(BadSettings) as refused:
        settings.load()
    assert [line.split(":")[0].split("=")[0] for line in refused.value.problems] == [
        "SHELFGRAPH_PORT",
        "SHELFGRAPH_DATABASE_URL",
    ]
    assert "hunter2" not in str(refused.value)


def test_production_needs_a_sandbox_secret_of_its_own(monkeypatch):
    monkeypatch.setenv("SHELFGRAPH_ENV", "production")
    with pytest.raises(BadSettings, match="SHELFGRAPH_SANDBOX_SECRET: production needs"):
        settings.load()
    monkeypatch.setenv("SHELFGRAPH_SANDBOX_SECRET", "mine")
    assert settings.load().env is Environment.PRODUCTION


def test_the_reference_names_every_setting_and_hides_every_secret():
    told = Settings(
        database_url="postgresql://shop:hunter2@db/mall",
        sandbox_secret=SecretStr("hunter3"),
        signing_key=SecretStr("hunter4"),
    )
    text = settings.reference(told)
    for name in Settings.model_fields:
        assert f"SHELFGRAPH_{name.upper()}=" in text
    assert "hunter" not in text + repr(told)
    assert "\nSHELFGRAPH_DATABASE_URL=postgresql://shop:********@db/mall\n" in text
    assert "\n# SHELFGRAPH_PORT=8000\n" in text


def test_a_misspelt_variable_is_noticed(monkeypatch):
    monkeypatch.setenv("SHELFGRAPH_PROT", "9000")
    monkeypatch.setenv("SHELFGRAPH_PORT", "9000")
    assert settings.unknown_variables() == ["SHELFGRAPH_PROT"]
