"""The trainable backbone: a compact model of our own on which every supervision is compared.

`spfem_baselines.backbone.generator` is the network, `losses` its terms, `checkpoint` its files, and
`adapter` runs a checkpoint over clips of any size and rate. Importing this package imports no torch.
"""
