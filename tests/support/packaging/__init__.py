"""What the tests of the distributions share."""
