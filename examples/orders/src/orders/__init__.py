"""A small service that takes orders."""
