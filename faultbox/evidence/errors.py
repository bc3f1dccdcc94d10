"""What can be wrong with evidence."""


class Unreadable(Exception):
    """A spool that lacks what makes it one: the run ended before its plan was made."""


class BadBundle(Exception):
    """The file is no bundle, a broken one, a hostile one, or one of a newer version."""
