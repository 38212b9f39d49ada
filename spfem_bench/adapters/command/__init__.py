"""Models that run as programs of their own, in whatever environment they need.

`manifest` says what a program is and wants, `places` where it is installed, `check` what is missing;
`prepare` makes its inputs, `job` is what it is told and what it answers, `launch` runs it, `collect` reads
what came, and `adapter.CommandAdapter` is all of that behind the harness's one door.
"""
