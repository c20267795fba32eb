"""The import: an existing GitHub workflow as gates and settings."""
