"""The pre-push hook's two ends: installing it, and reading what is pushed."""
