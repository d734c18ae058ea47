"""How much of the sample class is graded."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--sample-class=all` grades a class that makes every declared mistake; else a sample."""
    parser.addoption("--sample-class", choices=("sample", "all"), default="sample")
