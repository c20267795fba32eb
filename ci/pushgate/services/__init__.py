"""What gates need beside themselves while they run."""
