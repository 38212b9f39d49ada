"""The store: content-addressed objects, run bundles, manifests."""
