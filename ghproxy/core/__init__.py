"""Pure functions over frozen values: no framework, no clock, no event loop, no logging."""
