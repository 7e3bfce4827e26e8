"""Model versions: registered, tested, activated, and measured on the library."""
