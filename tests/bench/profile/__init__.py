"""Where time goes in one real `rlm ask`, and in what it imports: `make profile`."""
