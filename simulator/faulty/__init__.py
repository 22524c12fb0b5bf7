"""A fleet of asyncssh servers that can play every fault."""
