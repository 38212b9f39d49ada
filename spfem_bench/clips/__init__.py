"""Clips: video and audio on one rational time base, decoded and encoded lazily."""
