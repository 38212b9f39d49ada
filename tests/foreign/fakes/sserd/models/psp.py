"""Stands for the networks: the source, tinted by how light the driving face is."""

from facekit import picture, tinted


def network(source, driving):
    light = int(picture(driving)[..., 1].mean())
    return tinted(picture(source, 256), (light // 4, 0, 0))
