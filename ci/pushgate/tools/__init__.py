"""The outside: processes, git, uv, interpreters, Docker. Nothing here knows a gate."""
