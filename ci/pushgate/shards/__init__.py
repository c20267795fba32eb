"""Split test suites: what each shard writes, the proof that nothing was lost, the durations."""
