"""Whole installations: backup, restore, and the move to other stores."""
