"""Faces by named definitions, alignment and crops.

`spfem_metrics.faces.mediapipe`, `.yunet` and `.mtcnn` each hold a factory ``faces``; they find faces
differently and measure them differently, so their name is part of every signature that rests on them.
"""
