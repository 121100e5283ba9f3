"""What the cluster's machines have, and what a search takes of them."""
