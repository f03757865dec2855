"""The speed comparison: see benches/README.md."""
