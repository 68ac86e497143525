"""What training minimizes: pure functions of arrays, no network and no parameter."""
