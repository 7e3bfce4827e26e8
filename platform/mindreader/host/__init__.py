"""The machine MindReader runs on: its processors and memory, locks on it, programs started on it."""
