"""From a photo to its vector: the queue, the embedder, embedding spaces, jobs."""
