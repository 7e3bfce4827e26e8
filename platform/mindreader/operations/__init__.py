"""What an operator asks for: state of workers and disks, metrics, repair."""
