"""Where photos are imported from; each says what goes into which collection."""
