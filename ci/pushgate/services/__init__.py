"""What jobs need beside their project: servers that are there for as long as they are used."""
