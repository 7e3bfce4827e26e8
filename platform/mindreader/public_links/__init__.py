"""Links that show photos to whoever has them, without an account: made, listed, revoked; what a visitor sees."""
