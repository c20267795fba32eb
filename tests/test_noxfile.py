"""Whether a noxfile may declare something else another time."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushgate.plan import noxfile

END = "\npushgate.register()\n"

PLAIN = {
    "three lines": "import pushgate\n",
    "a gate": "import os, pushgate\n@pushgate.gate(inputs=['a'])\ndef a(g): os.getcwd()\n",
    "an import in a gate": "import pushgate\n@pushgate.gate()\ndef a(g):\n    import yaml\n",
    "from": "from pushgate import gate\nimport os\n@gate()\ndef a(g): os.getcwd()\n",
    "a session": "import nox, pushgate, os\n@nox.session\ndef docs(s): s.run(os.environ['A'])\n",
    "unused": "import os\nimport pushgate\n",
    "a loop": "import pushgate\nfor name in 'ab': pushgate.gate(on=[name])\n",
    "a pure module": "import re, pushgate\nA = re.compile('a')\n",
}
LOOKING = {
    "a variable": "import os, pushgate\nif os.environ.get('A'): pass\n",
    "renamed": "from os import environ as e\nimport pushgate\ne.get('A')\n",
    "a submodule": "import os.path\nimport pushgate\nos.path.exists('a')\n",
    "a file": "import pushgate\nopen('a')\n",
    "in a decorator": "import os, pushgate\n@pushgate.gate(on=os.listdir())\ndef a(g): ...\n",
    "in a default": "import os, pushgate\n@pushgate.gate()\ndef a(g, b=os.getcwd()): ...\n",
    "another decorator": "import os, pushgate\ndef d(f): f()\n@d\ndef a(): os.getcwd()\n",
    "a function": "import os, pushgate\ndef a(): return os.getcwd()\nB = a()\n",
    "a module of the project": "import gates\nimport pushgate\n",
    "a relative one": "from . import gates\nimport pushgate\n",
    "everything": "from os import *\nimport pushgate\n",
    "built in": "import pushgate\n__import__('os').getcwd()\n",
    "hidden": "import pushgate\nexec('import os')\n",
    "a class": "import os, pushgate\nclass A:\n    b = os.getcwd()\n",
    "time": "import time, pushgate\nif time.time() > 1: pass\n",
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_noxfile(tmp_path: Path, name: str) -> None:
    """What says the same everywhere need not be read again."""
    file = tmp_path / "noxfile.py"
    file.write_text(PLAIN[name] + END, encoding="utf-8")
    assert not noxfile.looks_around(file)


@pytest.mark.parametrize("name", LOOKING)
def test_a_noxfile_that_looks_around(tmp_path: Path, name: str) -> None:
    """What sees more than its own text may say something else another time."""
    file = tmp_path / "noxfile.py"
    file.write_text(LOOKING[name] + END, encoding="utf-8")
    assert noxfile.looks_around(file)
