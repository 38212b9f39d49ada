"""Certificates: what the metrics of a suite see, what they do not, and how small an effect they show.

claims (configs/certify) -> scenes -> degradations -> rows -> curves -> verdicts -> certificate
"""
