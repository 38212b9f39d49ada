"""Leaderboards as text, Markdown, CSV, LaTeX and JSON."""
