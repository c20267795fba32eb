"""A PostgreSQL for as long as a job uses it, wherever one can be had."""

from __future__ import annotations

from pushgate.model.services import PostgresOptions as Options
from pushgate.services.postgres.model import Server
from pushgate.services.postgres.providers import described, server

__all__ = ["Options", "Server", "described", "server"]
