"""The transport on asyncssh, the default."""
