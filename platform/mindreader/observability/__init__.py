"""What MindReader tells of its work: logs, seconds of each stage, traces."""
