"""What a request waits for: the network, the server, the home region."""
