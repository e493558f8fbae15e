"""What every check has: the empty directory that it is given, and `fails`."""
import os
import sys

directory = os.fsencode(sys.argv[1])


def fails(expected, call, *args, **keywords):
    """The call fails with this errno."""
    try:
        call(*args, **keywords)
    except OSError as error:
        assert error.errno == expected, error
    else:
        assert False, "no error"
