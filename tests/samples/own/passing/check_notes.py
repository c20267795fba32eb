import sys
from pathlib import Path

sys.exit(0 if Path("NOTES.md").read_text(encoding="utf-8").endswith(".\n") else "no full stop")
