import pushgate


@pushgate.gate(inputs=["NOTES.md"])
def titles(gate):
    """Every note has a title."""
    gate.run("python", "check_titles.py")


pushgate.register()
