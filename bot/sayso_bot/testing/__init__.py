"""Contract suites that an adapter author can run against an adapter of their own."""
