"""Adapters: whatever turns a trial into a clip, checked at the door."""
