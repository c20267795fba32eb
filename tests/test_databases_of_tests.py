"""The tests of a project are given a PostgreSQL: a database for each shard and each worker."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Final

import psutil
import pytest

from carrying_out import carry_out
from conftest import PYTHON, Project
from database_suites import project_files, seen
from living import until
from postgres_servers import filled, left_of, require, served
from pushgate.model.outcome import Result
from pushgate.model.services import Provider
from pushgate.services.postgres import databases

pytestmark = [pytest.mark.docker, pytest.mark.slow]

MakeProject = Callable[..., Project]


@pytest.mark.parametrize("provider", ["docker", "local"])
def test_six_shards_at_once(make_project: MakeProject, provider: str) -> None:
    """On the one server of their run, no shard sees another's rows, nor the tables of one."""
    require(provider)
    project = make_project(project_files(provider=provider, options="shards = 6"))
    answer = project.pushgate("run", "-j", "6", "test")
    assert answer.returncode == 0, answer.stdout
    found = seen(project)
    assert sorted(each["number"] for each in found) == list(range(6))
    assert len({each["port"] for each in found}) == 1
    assert len({each["database"] for each in found}) == 6
    for each in found:
        assert (each["rows"], each["tables"]) == ([each["database"]], ["rows"])


def test_the_shards_of_a_session_share_a_server(make_project: MakeProject) -> None:
    """Also where Nox carries them out, and the log says which server it is."""
    require("local")
    project = make_project(project_files(options="shards = 3"))
    answer = project.nox("-s", f"test-{PYTHON}")
    assert answer.returncode == 0, answer.stdout
    assert "proven: the 3 shards" in answer.stdout
    assert answer.stdout.count("> PostgreSQL ") == 3
    found = seen(project)
    assert len({each["port"] for each in found}) == 1
    assert len({each["database"] for each in found}) == 3


def test_each_worker_has_its_own(make_project: MakeProject) -> None:
    """Those of pytest-xdist, and the one that stands in for a worker that crashed."""
    require("local")
    crash = "import os\n\ndef test_crash():\n    os._exit(3)\n"
    files = {**project_files(options="shards = 1\nworkers = 2", tests=12), "tests/test_a.py": crash}
    project = make_project(files)
    outcome = carry_out(project, f"test-{PYTHON}")
    assert outcome.result is Result.FAILED
    found = seen(project)
    assert sorted(each["number"] for each in found) == list(range(12))
    of_worker = {each["worker"]: each["database"] for each in found}
    assert len(of_worker) >= 2
    assert len(set(of_worker.values())) == len(of_worker)
    assert {each["port"] for each in found} == {found[0]["port"]}
    for each in found:
        assert each["rows"] == [of_worker[each["worker"]]]


def test_a_template_is_filled_once(make_project: MakeProject) -> None:
    """All databases are copies of what its command has made."""
    require("local")
    filling = (
        "import sys, test_rows\n"
        "connection = test_rows.connected()\n"
        "connection.run('CREATE TABLE prices (amount integer)')\n"
        "open('.git/filled.txt', 'a').write('once ')\n"
    )
    service = 'template = "python tests/filling.py"'
    files = project_files(options="shards = 3\nworkers = 2", service=service)
    project = make_project({**files, "tests/filling.py": filling})
    answer = project.pushgate("run", "-j", "3", "test")
    assert answer.returncode == 0, answer.stdout
    assert (project.root / ".git" / "filled.txt").read_text(encoding="utf-8") == "once "
    found = seen(project)
    assert len({each["database"] for each in found}) >= 3
    assert all(each["tables"] == ["prices", "rows"] for each in found)
    assert all(each["rows"] == [each["database"]] for each in found)


def test_a_template_that_cannot_be_filled(make_project: MakeProject) -> None:
    """It fails the job, with what was typed."""
    require("local")
    files = project_files(options="shards = 1", service='template = "python -m nothing"')
    outcome = carry_out(make_project(files), f"test-{PYTHON}")
    assert outcome.result is Result.FAILED
    assert "`python -m nothing` ended with 1" in outcome.reason


def test_a_template_that_nothing_has_filled(make_project: MakeProject) -> None:
    """Its command has gone to another database, or nowhere."""
    require("local")
    files = project_files(options="shards = 1", service='template = "python -c pass"')
    outcome = carry_out(make_project(files), f"test-{PYTHON}")
    assert outcome.result is Result.FAILED
    assert outcome.reason.startswith("`python -c pass` left the database empty: ")


SCHEMES: Final = [
    (["pg8000", "pytest"], "postgresql"),
    (["pg8000", "pytest", "sqlalchemy"], "postgresql+pg8000"),
    (["pg8000", "pytest", "sqlalchemy", "psycopg2-binary"], "postgresql+psycopg2"),
    (["pg8000", "pytest", "sqlalchemy<2", "psycopg", "asyncpg"], "postgresql+pg8000"),
]


@pytest.mark.parametrize(("requirements", "scheme"), SCHEMES)
def test_the_driver_is_one_that_is_there(
    make_project: MakeProject, requirements: list[str], scheme: str
) -> None:
    """Named for SQLAlchemy where that is used."""
    require("local")
    files = project_files(options="shards = 1", tests=1, requirements=requirements)
    project = make_project(files)
    assert carry_out(project, f"test-{PYTHON}").result is Result.PASSED
    (found,) = seen(project)
    assert found["url"].startswith(f"{scheme}://postgres:")
    assert found["url"].endswith(f"@127.0.0.1:{found['port']}/{found['database']}")


def test_variables_that_the_project_names(make_project: MakeProject) -> None:
    """They are there beside `DATABASE_URL`, whose form is the project's, too."""
    require("local")
    service = (
        'database-url = "postgres://{user}:{password}@{host}:{port}/{database}?sslmode=disable"\n'
        'variables = ["SHOP_DSN={url}", "SHOP_DB={database}"]'
    )
    test = (
        "import os\n\ndef test_variables():\n"
        "    assert os.environ['SHOP_DSN'] == os.environ['DATABASE_URL']\n"
        "    assert os.environ['SHOP_DSN'].endswith(os.environ['SHOP_DB'] + '?sslmode=disable')\n"
    )
    files = project_files(options="shards = 1", service=service)
    outcome = carry_out(make_project({**files, "tests/test_names.py": test}), f"test-{PYTHON}")
    assert (outcome.result, outcome.reason) == (Result.PASSED, "")


def test_what_the_shell_says_of_another_server(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not reach the tests: PostgreSQL's own library would follow it."""
    require("local")
    for name in ("PGHOSTADDR", "PGSERVICE", "PGSSLMODE", "PGOPTIONS"):
        monkeypatch.setenv(name, "elsewhere")
    test = (
        "import os, psycopg\n\ndef test_connect():\n"
        "    with psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
        "        assert connection.execute('SELECT 1').fetchone() == (1,)\n"
    )
    files = project_files(options="shards = 1", requirements=["psycopg[binary]", "pytest"])
    files["tests/test_rows.py"] = test
    outcome = carry_out(make_project(files), f"test-{PYTHON}")
    assert (outcome.result, outcome.reason) == (Result.PASSED, "")


def test_a_look_has_a_database(make_project: MakeProject) -> None:
    """So a single test can be run as the gate runs it, with workers or without."""
    require("local")
    project = make_project(project_files(options="shards = 2\nworkers = 2"))
    for arguments in (["-k", "0]"], ["-n", "0"]):
        answer = project.nox("-s", f"test-{PYTHON}", "--", "-q", *arguments)
        assert answer.returncode == 0, answer.stdout
        assert "passed" in answer.stdout
    workers = {each["worker"] for each in seen(project)}
    assert "" in workers
    assert len(workers) >= 2


def test_the_users_own_database_is_left_alone(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `DATABASE_URL` names in the user's shell is not what the tests are given."""
    with served("local") as found, filled(found) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setenv("PGDATABASE", url.rpartition("/")[2])
        monkeypatch.setenv("PGHOSTADDR", "127.0.0.9")
        project = make_project(
            project_files(
                provider="url", service=f'url = "{url}"', options="shards = 2\nworkers = 2"
            )
        )
        answer = project.pushgate("run", "test")
        assert answer.returncode == 0, answer.stdout
        assert url.rpartition("/")[2] not in {each["database"] for each in seen(project)}
        until(lambda: not [one for one in databases.names(found) if one.startswith("pushgate")])


def test_no_server_is_no_pass(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job could not look, and says what was tried."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    project = make_project(project_files(provider="docker", options="shards = 1"))
    outcome = carry_out(project, f"test-{PYTHON}")
    assert outcome.result is Result.UNAVAILABLE
    assert outcome.reason.startswith("docker: ")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("image = 'postgres 16'", "image = 'postgres 16': expected the name of an image"),
        ("variables = ['1X={url}']", "variables[0] = '1X={url}': expected NAME=VALUE"),
        ("variables = ['PATH={url}']", "variables[0] = 'PATH={url}': expected another name"),
        ("database-url = 'postgresql://me@prod/shop'", "expected a URL with {database} in it"),
        ("template = 'a && b'", "template = 'a && b': expected a command without &&"),
        ("provider = 'postgres'", "provider = 'postgres': expected 'auto' or 'docker' or"),
    ],
)
def test_a_mistake_in_the_settings(make_project: MakeProject, line: str, told: str) -> None:
    """It is told when the definition is read."""
    pyproject = f'[tool.pushgate]\npython = ["{PYTHON}"]\n[tool.pushgate.services.postgres]\n'
    answer = make_project({"pyproject.toml": f"{pyproject}{line}\n"}).pushgate("plan")
    assert answer.returncode == 2
    assert told in answer.stdout


def test_a_service_that_nobody_knows(make_project: MakeProject) -> None:
    """It is told when the definition is read."""
    files = project_files(options="shards = 1")
    files["pyproject.toml"] = files["pyproject.toml"].replace('["postgres"]', '["postgre"]')
    answer = make_project(files).pushgate("plan")
    assert answer.returncode == 2
    assert "tool.pushgate.gates.test.services[0] = 'postgre': expected 'postgres'" in answer.stdout


def test_a_pass_counts_for_its_server_only(make_project: MakeProject) -> None:
    """Another one, or a server that may have changed, is a reason to run the tests again."""
    require("local")
    project = make_project(project_files(options="shards = 1", tests=1))
    assert "passed" in project.pushgate("run", "test").stdout
    assert "1 from records" in project.pushgate("run", "test").stdout
    text = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    project.write({"pyproject.toml": text.replace('"local"', '"embedded"')})
    assert "from records" not in project.pushgate("run", "test").stdout
    with served("local") as found:
        url = f"postgresql://{found.user}:{found.password}@{found.host}:{found.port}/none"
        named = text.replace('"local"', f'"url"\nurl = "{url}"')
        project.write({"pyproject.toml": named})
        for _ in range(2):
            assert "from records" not in project.pushgate("run", "test").stdout
        why = project.pushgate("why", f"test-{PYTHON}").stdout
        assert "a server of the user's own may have changed" in why
        assert found.password not in why


WAITING: Final = (
    "import os, pathlib, time\n\ndef test_waiting():\n"
    "    pathlib.Path('.git', os.environ['PGDATABASE'] + '.0').write_text('0')\n"
    "    time.sleep(600)\n"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("provider", ["docker", "local"])
def test_a_server_ends_with_its_run(
    make_project: MakeProject, provider: Provider, number: signal.Signals
) -> None:
    """Nothing of it is left by an interrupted run, nor by a killed one after the next."""
    require(provider)
    files = project_files(provider=provider, options="shards = 2")
    gate = 'quick = { run = ["true"], environment = false }'
    files["pyproject.toml"] += f"\n[tool.pushgate.gates]\n{gate}\n"
    files["tests/test_rows.py"] = WAITING + WAITING.replace("test_waiting", "test_waiting_too")
    project = make_project(files)
    with subprocess.Popen(
        [sys.executable, "-m", "pushgate", "run", "-j", "2", "test"],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        until(lambda: len(list((project.root / ".git").glob("pushgate_*"))) == 2)
        assert left_of(run.pid) != []
        started = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(number)
        run.wait(60)
    if number == signal.SIGKILL:
        assert project.pushgate("run", "quick").returncode == 0
    else:
        assert run.returncode == 130
    until(lambda: left_of(run.pid) == [])
    # One that nobody waits for any more is no process to speak of.
    _, left = psutil.wait_procs(started, 0)
    assert [each for each in left if each.status() != psutil.STATUS_ZOMBIE] == []
