"""Notifications, receivers and servers for the tests of sinks."""
