"""What ``spfem-bench init`` writes, kept as working modules so that they cannot go stale."""
