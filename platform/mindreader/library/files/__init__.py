"""Photos as files: how they come in, what lies beside them and in them, and how they are taken home."""
