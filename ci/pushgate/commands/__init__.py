"""The commands, each a module with ``execute``."""
