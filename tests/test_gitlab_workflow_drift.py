"""The drift of ``.gitlab-ci.yml``, what stays in it, and files of others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conftest import NOXFILE, Project
from gated import MakeProject
from gitlab_files import CODE, FILE, PROJECT, PYTHONS, SERVICES, write
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import of_project
from pushgate.providers import gitlab, workflow


def drift(project: Project) -> list[str]:
    return list(workflow.check(of_project(project.root), [gitlab]))


def changed(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def without(job: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        start = text.index(f"\n{job}:\n")
        end = text.find("\n\n", start + 1)
        return text[:start] + (text[end:] if end > 0 else "")

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without("build"), "job build: is missing"),
        (changed("-s lint", "-s lint || true"), "job lint: script: the file has"),
        (changed("test-3.12, ", ""), "job test: parallel.matrix.0.PUSHGATE_SESSION: "),
        (changed("'3', ", ""), "job test: parallel.matrix.0.PUSHGATE_SHARD: "),
        (changed("job: lint", "job: build"), "job test: needs."),
        (changed("artifacts: true", "artifacts: false"), "job coverage: needs.test.artifacts: "),
        (changed("30 minutes", "3 minutes"), "job lint: timeout: "),
        (changed("  interruptible: true\n", ""), "job .pushgate: interruptible: is missing"),
        (changed("image: python:3.13", "image: python:3"), "job .pushgate: image: "),
        (changed('== "main"', '== "dev"'), "workflow.rules.0.if: "),
        (changed("on_new_commit: none", "on_new_commit: conservative"), "workflow.auto_cancel.on"),
        (changed("  needs: []", "  needs: []\n  allow_failure: true"), "job lint: allow_failure: "),
        (changed("        - docs\n", ""), "job docs: rules.0.changes: "),
        (changed("        - docs\n", "        - '**/*'\n"), "job docs: rules.0.changes: "),
        (changed("when: always", "when: on_success"), "job build: artifacts.when: "),
        (changed("name: postgres:16", "name: postgres:15"), "job test: services.postgres.name: "),
        (changed("alias: postgres", "alias: db"), "job test: services.postgres: is missing"),
        (
            changed("_DB: postgres", "_DB: demo"),
            "job test: services.postgres.variables.POSTGRES_DB",
        ),
        (changed("@postgres:5432", "@db:5432"), "job test: variables.PUSHGATE_POSTGRES_URL: "),
        (changed("  services:\n", "  services:\n    - redis\n"), "job test: services.redis: "),
        (lambda text: f"{text}\nmine:\n  script: ['true']\n", "job mine: is not of the definition"),
        (lambda text: f"{text}\ninclude: mine.yml\n", "include: "),
    ],
)
def test_drift(make_project: MakeProject, change: Callable[[str], str], told: str) -> None:
    """Each kind of change is told, with the job that it is in."""
    docs = "[tool.pushgate.gates.docs]\nrun = ['true']\non = ['push:main']\ninputs = ['docs/**']\n"
    project = make_project({"pyproject.toml": f"{SERVICES}{docs}", **CODE})
    write(project)
    text = (project.root / FILE).read_text(encoding="utf-8")
    project.write({FILE: change(text)})
    lines = drift(project)
    assert any(line.startswith(f"{FILE}: {told}") for line in lines), lines
    assert len(lines) <= 2


def test_no_drift(make_project: MakeProject) -> None:
    """Comments, order and digests of images are no difference; and the digests stay."""
    project = make_project({"pyproject.toml": SERVICES, **CODE})
    write(project)
    file = project.root / FILE
    text = file.read_text(encoding="utf-8")
    head, _, rest = text.partition("\n\n")
    pinned = f"image: python:3.13@sha256:{'0a' * 32}  # Renovate's"
    service = f"name: postgres:16@sha256:{'1b' * 32}"
    rest = rest.replace("image: python:3.13", pinned).replace("name: postgres:16", service)
    rest = rest.replace("test-3.12, test-3.13", "test-3.13, test-3.12")
    needs = [f"    - job: {job}\n      artifacts: false\n" for job in ("lint", "types:gate")]
    turned = "    - artifacts: false\n      job: types:gate\n    # why\n"
    assert "".join(needs) in rest
    rest = rest.replace("".join(needs), turned + "    - {job: lint, artifacts: false}\n")
    sections = rest.rstrip("\n").split("\n\n")
    project.write({FILE: "\n\n".join((head, *reversed(sections))) + "\n"})
    assert drift(project) == []
    write(project)
    assert pinned.partition("  #")[0] in file.read_text(encoding="utf-8")
    assert service in file.read_text(encoding="utf-8")
    assert drift(project) == []


def test_kept_blocks(make_project: MakeProject) -> None:
    """What the user puts between marked lines stays where it is, and is no difference."""
    project = make_project({"pyproject.toml": f"{PROJECT}{PYTHONS}", **CODE})
    write(project)
    file = project.root / FILE
    text = file.read_text(encoding="utf-8")
    tags = "  # pushgate: keep\n  tags: [docker]\n  # pushgate: end\n"
    own = "\n# pushgate: keep\ninclude:\n  - local: .gitlab/own.yml\n# pushgate: end\n"
    text = text.replace("  interruptible: true\n", f"  interruptible: true\n{tags}") + own
    project.write({FILE: text})
    assert drift(project) == []
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as pyproject:
        pyproject.write("ci.image = 'python:3.12'\n")
    write(project)
    assert file.read_text(encoding="utf-8") == text.replace("python:3.13", "python:3.12")


def test_services_of_the_users(make_project: MakeProject) -> None:
    """A kept block may add a service beside ours, and change nothing of ours."""
    project = make_project({"pyproject.toml": SERVICES, **CODE})
    write(project)
    file = project.root / FILE
    text = file.read_text(encoding="utf-8")

    def with_block(above: str, lines: str) -> str:
        assert text.count(above) == 1
        return text.replace(above, f"{above}{lines}")

    for item in ("redis:7", "name: redis:7", "{name: redis:7, alias: cache}"):
        block = f"    # pushgate: keep\n    - {item}\n    # pushgate: end\n"
        project.write({FILE: with_block("  services:\n", block)})
        assert drift(project) == []
        write(project)
        assert block in file.read_text(encoding="utf-8")
    own = "  # pushgate: keep\n  services: [redis]\n  # pushgate: end\n"
    project.write({FILE: with_block("\ntest:\n", own)})
    with pytest.raises(ConfigurationError, match='duplicate key "services"'):
        write(project)


def test_file_of_another(make_project: MakeProject) -> None:
    """A file that Pushgate did not write is left alone; where nobody asks for it, it is no harm."""
    project = make_project({"pyproject.toml": PYTHONS, FILE: "lint:\n  script: 'true'\n", **CODE})
    refused = project.pushgate("workflow", "gitlab")
    assert refused.returncode == 2
    assert f"{FILE}: not written by `pushgate workflow`: remove or rename it" in refused.stdout
    assert (project.root / FILE).read_text(encoding="utf-8") == "lint:\n  script: 'true'\n"
    written = project.pushgate("workflow")
    assert written.returncode == 0
    assert ".github/workflows/ci.yml" in written.stdout


def test_file_of_another_project(make_project: MakeProject) -> None:
    """The file of another project of the repository is left alone."""
    files = {f"{folder}/{name}": text for folder in ("one", "two") for name, text in (
        ("pyproject.toml", PYTHONS), ("noxfile.py", NOXFILE), ("demo.py", "")
    )}  # fmt: skip
    project = make_project(files)
    write(project, "one")
    with pytest.raises(ConfigurationError, match="not written by"):
        write(project, "two")
