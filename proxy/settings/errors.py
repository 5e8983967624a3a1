"""What is raised when a configuration can't serve."""


class ConfigError(ValueError):
    """One line for each thing that is wrong: file, path in it, and what would be right."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
