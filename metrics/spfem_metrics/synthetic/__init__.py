"""``palette-v0``: extractors for rendered talking heads that need no network and no download.

They read the colours a rendered face is painted with, from pixels alone. On real faces they mean nothing.
"""
