"""A start that is refused: what failed, why, and what the person can do."""


class Refusal(Exception):
    """Told to the caller of `start` as one JSON line."""

    def __init__(self, error, why="", hint=""):
        super().__init__(error)
        self.error, self.why, self.hint = error, why, hint

    def as_dict(self):
        return {"error": self.error, "why": self.why, "hint": self.hint}
