"""A cold run of all test jobs, beside Nox and tox with the same commands and those alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from contest import Contestant, held, run, table
from projects import Suite, Workshop, uncached


def report(workshop: Workshop) -> Iterator[str]:
    """Yield a table for each project."""
    for suite in (workshop.click, workshop.marshmallow):
        contestants = _contestants(suite)
        results = held(contestants, workshop.rounds, warm=False)
        passed = results[contestants[0].name][0].done
        yield f"{suite.root.name}: {len(suite.raw_shards)} jobs, {passed} tests passed in each turn"
        yield table(results, [contestants[1].name, contestants[0].name])


def _contestants(suite: Suite) -> Sequence[Contestant]:
    root, shards = suite.root, suite.raw_shards
    nox = ("nox", "-f", ".bench/noxfile.py")
    tox = ("tox", "-c", ".bench/tox.ini", "-e", ",".join(shard.name for shard in shards))
    run((*tox, "--notest"), root)  # its environments, which the commands don't use, are warm too
    contestant = partial(Contestant, folder=root, before=suite.forget)
    raw = partial(contestant, done=lambda _: suite.passed(".bench"))
    pushgate = ("pushgate", "run", *uncached(root), "-j", "2", "test")
    return (
        raw(
            name="raw commands, `xargs -P 2`",
            command=("xargs", "-0", "-P", "2", "-n", "1", "-a", ".bench/shards.txt", "sh", "-c"),
        ),
        raw(name="`nox -j 2`", command=(*nox, "-j", "2")),
        raw(name="`nox`", command=nox),
        raw(name="`tox -p 2`", command=("tox", "run-parallel", *tox[1:], "-p", "2")),
        contestant(
            name="`pushgate run -j 2`",
            command=pushgate,
            done=lambda _: suite.passed(".pushgate/out"),
        ),
    )
