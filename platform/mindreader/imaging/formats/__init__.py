"""What the libraries leave out of single file formats."""
