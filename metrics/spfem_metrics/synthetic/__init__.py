"""Extractors for rendered talking heads: small networks that ship in ``judges/``, with a card each.

They learned from rendered people alone. On real faces they mean nothing.
"""
