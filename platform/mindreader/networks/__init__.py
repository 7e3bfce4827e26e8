"""The networks: generator (G), discriminator (D), query encoder (E1) and photo encoder (E2).

`descriptions` is free of torch, so the catalog and the web UI can name encoders without loading any.
"""
