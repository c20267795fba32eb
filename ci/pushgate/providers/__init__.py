"""The workflow files of CI providers, derived from the definition."""
