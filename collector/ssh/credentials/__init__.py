"""What a login uses: private keys, agent, passphrases, user."""
