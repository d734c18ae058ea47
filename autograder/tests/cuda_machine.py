"""What tests of autograder.cuda need of the machine, and how they say that it is not there."""

from pathlib import Path

import pytest

from autograder.cuda import Launch, Program, Report, Source, Tier, Unavailable, build, launch


def built(text: str, tier: Tier = Tier.CHECKED, *, name: str = "k.cu", **more: object) -> Program:
    """Build, or skip the test with the reason why this machine cannot."""
    try:
        return build(Source(text, name), tier, **more)  # type: ignore[arg-type]
    except Unavailable as reason:
        pytest.skip(str(reason))


def ran(text: str, one: Launch, tier: Tier = Tier.CHECKED, **more: object) -> Report:
    """Build and launch, or skip the test."""
    program = built(text, tier, **more)
    try:
        return launch(program, one)
    except Unavailable as reason:
        pytest.skip(str(reason))


def line_of(text: str, part: str) -> int:
    """The line of the first appearance of `part`."""
    return text[: text.index(part)].count("\n") + 1


KERNELS = Path(__file__).parent / "cuda_kernels.cu"
