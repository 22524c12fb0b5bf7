"""The receivers of notifications, a module for each kind."""
