"""Who is rendered: looks, voice and habits of one person, from a seed and an index."""
