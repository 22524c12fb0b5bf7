"""The fleet that plays every fault, on asyncssh's server."""
