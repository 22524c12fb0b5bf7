"""The transport on paramiko."""
