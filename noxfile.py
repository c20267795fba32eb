# /// script
# dependencies = ["nox", "pushgate"]
# ///
"""Pushgate's own gates, as Nox sessions."""

import pushgate

pushgate.register()
