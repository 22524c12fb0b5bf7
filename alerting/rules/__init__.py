"""The rules of ``sockfleet alert``: their file, its faults, the rules that ship."""
