"""Where stored responses are kept: one protocol, one contract suite."""
