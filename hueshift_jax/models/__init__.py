"""One file per network, and nothing but the network."""
