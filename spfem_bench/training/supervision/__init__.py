"""Pre-training of the supervisions, and the proof that each moves the right way, on rendered people."""
