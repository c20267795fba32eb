"""One module a gate, and what they share: the protocol, the context, the environments."""
