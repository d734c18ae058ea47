"""Answers that are there before they are asked for."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from ..student import Ask, Laid, Ref


@dataclass(frozen=True)
class Answer:
    """What a call gave: a value, or the exception that it raised."""

    ask: Ask
    target: Ref
    value: Any

    def result(self) -> Any:
        """The value; raises the exception if it is one."""
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Known:
    """Answers in the order in which they were asked for; each is given out once."""

    def __init__(self) -> None:
        self._answers: deque[Answer] = deque()

    def add(self, ask: Ask, target: Ref, value: Any) -> None:
        """Remember an answer."""
        self._answers.append(Answer(ask, target, value))

    def take(
        self, kind: str, target: Ref, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Answer | None:
        """The answer to this very call; those before it are dropped, nobody will ask for them."""
        for position, answer in enumerate(self._answers):
            if _same(answer, kind, target, args, kwargs):
                for _ in range(position + 1):
                    self._answers.popleft()
                return answer
        return None

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()


def _same(
    answer: Answer, kind: str, target: Ref, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    ask = answer.ask
    return (
        ask.trial == (kind == "trial")
        and answer.target.key == target.key
        and len(ask.args) == len(args)
        and ask.kwargs.keys() == kwargs.keys()
        and all(map(_is, ask.args, args))
        and all(_is(value, kwargs[name]) for name, value in ask.kwargs.items())
    )


def _is(a: Any, b: Any) -> bool:
    """The same object; a call with an equal one is another call."""
    if isinstance(a, Laid) and isinstance(b, Laid):
        return a.array is b.array and (a.layout, a.read_only) == (b.layout, b.read_only)
    return a is b
