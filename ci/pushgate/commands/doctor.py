"""Show what this machine has and lacks for the gates."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from pushgate.commands import asked
from pushgate.model.outcome import ExitCode
from pushgate.reports import terminal
from pushgate.run import doctor


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Look, and tell."""
    findings = list(doctor.examine(asked.definition()))
    if parsed.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        terminal.show_findings(findings)
    missing = any(finding.required and not finding.found for finding in findings)
    return ExitCode.INCOMPLETE if missing else ExitCode.PASSED
