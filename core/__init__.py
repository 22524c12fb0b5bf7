"""What every layer needs: errors, exit codes, records, text that is safe to print."""
