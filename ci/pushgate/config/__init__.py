"""From pyproject and the repository to Settings."""
