"""Files: written whole or not at all, waited for, shared by processes and machines. Knows no search and no training."""
