"""Connection variables of the inventory, and their resolution into hosts to connect to."""
