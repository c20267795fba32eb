"""From the definition and an event to the plan."""
