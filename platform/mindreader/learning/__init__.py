"""A model version learns this library: its query encoder is trained further on the photos that are here."""
