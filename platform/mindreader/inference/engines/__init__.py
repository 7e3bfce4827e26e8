"""Engines that run the networks: torch (GPUs, any network) and OpenVINO (processors), behind one protocol."""
