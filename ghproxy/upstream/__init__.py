"""The door to the network: one protocol, two implementations, one contract suite."""
