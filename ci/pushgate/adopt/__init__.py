"""The way in: a repository's first definition, from what it already says."""
