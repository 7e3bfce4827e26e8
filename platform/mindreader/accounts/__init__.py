"""Who may come in: users, their passwords, the access tokens of their programs."""
