"""What is trained on: files, arrays, batches, augmentation, protocols."""
