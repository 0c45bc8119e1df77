"""An adversary that never tires: each target is a piece of mailsac, fed with what nobody should send it.

`make test` gives every target a few thousand inputs, `make fuzz` as many as one likes. What once made one fail is kept
in `cases/`, and tried again in every run of the tests.
"""
