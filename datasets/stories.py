"""Small stories from a stochastic grammar, and how much of them nobody can predict.

    python datasets/stories.py            prints the exact figures of the three sizes
    python datasets/stories.py --write    writes the texts, figures.json and SHA256SUMS

    anna has two apples . she finds one more . now anna has three apples .

Somebody has a number of things, some are found, some are lost, and the last sentence says how many
are left. A person becomes "she", "he" or "they", verbs and nouns agree with whose and how many they
are, the last sentence repeats names and things from the first, and the number in it is the sum.

A story is a walk through a small automaton, the *plan*: each move has a probability and says which
word comes next, or which slot. A slot is filled from a word list (a draw), or repeats an earlier
draw. In every state different moves give different words, so a text has one walk at most, whoever
reads a beginning knows the state, and the entropy of a text is that of the choices along its walk.
Draws do not depend on the walk and the walk does not depend on them, so the expected sums need the
states of the plan alone: `entropy`.
"""

import hashlib
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Floats = NDArray[np.float64]
HERE = Path(__file__).parent / "stories"
POSITIONS = 512  # for which figures.json lists the entropy
END = "\n"
NUMBERS = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


@dataclass(frozen=True)
class Grammar:
    """Word lists and limits of one size.

    `most` is the highest number, `events` the most sentences between the first and the last,
    `pair` the probability of two people. Verbs and nouns are (form for one, form for several).
    """

    women: tuple[str, ...]
    men: tuple[str, ...]
    nouns: tuple[tuple[str, str], ...]
    gains: tuple[tuple[str, str], ...]
    losses: tuple[tuple[str, str], ...]
    most: int
    events: int
    pair: float = 0.0
    colours: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Women and men in turn."""
        rows = zip(self.women, self.men, strict=True)
        return tuple(name for row in rows for name in row)


class Plan(NamedTuple):
    """A state of the automaton: what the next word depends on, apart from what was drawn."""

    at: str = "start"
    several: bool = False  # people
    held: int = 0
    events: int = 0
    placed: bool = False
    closing: bool = False


class Facts(NamedTuple):
    """What was drawn: the first and the second name, thing, colour and the last place."""

    name: str = ""
    other: str = ""
    noun: tuple[str, str] = ("", "")
    colour: str = ""
    place: str = ""


START, UNKNOWN = Plan(), Facts()
Move = tuple[float, str, Plan]  # probability, word or <slot>, next state


def moves(grammar: Grammar, plan: Plan) -> list[Move]:
    """What can follow in a state; no moves at the end of a story."""
    go = plan._replace
    has = "have" if plan.several else "has"
    match plan.at:
        case "start":
            return [(1.0, "<name>", go(at="named"))]
        case "named":
            one = (1.0 - grammar.pair, "has", go(at="number"))
            two = (grammar.pair, "and", go(at="other", several=True))
            return [one, two] if grammar.pair else [one]
        case "other":
            return [(1.0, "<other>", go(at="have"))]
        case "have":
            return [(1.0, has, go(at="number"))]
        case "number":
            return [
                (p, NUMBERS[n], go(at="colour" if grammar.colours else "noun", held=n))
                for n, p in _weighted(range(1, grammar.most + 1))
            ]
        case "colour":
            return [(1.0, "<colour>", go(at="noun"))]
        case "noun":
            return [(1.0, "<thing>" if plan.held == 1 else "<things>", go(at="stop"))]
        case "stop":
            return [(1.0, ".", go(at="end" if plan.closing else "event"))]
        case "end":
            return [(1.0, END, go(at="over"))]
        case "event":
            return _event(grammar, plan)
        case "over":
            return []
    return (_closing if plan.closing else _inside)(grammar, plan)


def _event(grammar: Grammar, plan: Plan) -> list[Move]:
    """The last sentence, or one more."""
    close = plan._replace(at="the last place" if plan.placed else "who", closing=True)
    more = plan._replace(events=plan.events + 1)
    end = "at" if plan.placed else "now"
    if plan.events == grammar.events:
        return [(1.0, end, close)]
    chances = [(0.3, end, close), (0.5, "<she>", more._replace(at="verb"))]
    walk = (0.2, "then", more._replace(at="walker"))
    return [*chances, walk] if grammar.places else [(p / 0.8, w, s) for p, w, s in chances]


def _inside(grammar: Grammar, plan: Plan) -> list[Move]:
    """Within a sentence between the first and the last."""
    go, form = plan._replace, int(plan.several)
    match plan.at:
        case "verb":
            gains = grammar.gains if plan.held < grammar.most else ()
            losses = grammar.losses if plan.held else ()
            verbs = [(v, "gain") for v in gains] + [(v, "loss") for v in losses]
            return [(1.0 / len(verbs), v[form], go(at=then)) for v, then in verbs]
        case "gain":
            room = range(1, grammar.most - plan.held + 1)
            after = [(p, n, go(at="more", held=plan.held + n)) for n, p in _weighted(room)]
            return [(p, NUMBERS[n], state) for p, n, state in after]
        case "loss":
            there = range(1, plan.held + 1)
            after = [(p, n, go(at="stop", held=plan.held - n)) for n, p in _weighted(there)]
            return [(p, NUMBERS[n], state) for p, n, state in after]
        case "more":
            return [(1.0, "more", go(at="stop"))]
        case "walker":
            return [(1.0, "<she>", go(at="goes"))]
        case "goes":
            return [(1.0, ("goes", "go")[form], go(at="to"))]
        case "to":
            return [(1.0, "to", go(at="the"))]
        case "the":
            return [(1.0, "the", go(at="place"))]
        case "place":
            return [(1.0, "<place>", go(at="stop", placed=True))]
    raise ValueError(f"there is no state {plan}")


def _closing(grammar: Grammar, plan: Plan) -> list[Move]:
    """Within the last sentence, where nothing is left to choose."""
    things = "<=thing>" if plan.held == 1 else "<=things>"
    has = "have" if plan.several else "has"
    word, then = {
        "the last place": ("the", "that place"),
        "that place": ("<=place>", "who"),
        "who": ("<=name>", "and" if plan.several else "holds"),
        "and": ("and", "who else"),
        "who else": ("<=other>", "holds"),
        "holds": (has, "total"),
        "total": (NUMBERS[plan.held], "that colour" if grammar.colours else "that noun"),
        "that colour": ("<=colour>", "that noun"),
        "that noun": (things, "stop"),
    }[plan.at]
    return [(1.0, word, plan._replace(at=then))]


def _weighted(things: Sequence[T]) -> list[tuple[T, float]]:
    """Earlier ones are likelier: with 1/2, 1/3, 1/4, ... as weights."""
    total = sum(1.0 / (i + 2) for i in range(len(things)))
    return [(thing, 1.0 / (i + 2) / total) for i, thing in enumerate(things)]


# Slots


def fillings(
    grammar: Grammar, slot: str, plan: Plan, facts: Facts
) -> list[tuple[float, str, Facts]]:
    """The words that a move's word or slot can become: probability, word, what is known then."""
    keep = facts._replace
    match slot:
        case "<name>":
            return [(p, name, keep(name=name)) for name, p in _weighted(grammar.names)]
        case "<other>":
            others = tuple(n for n in grammar.names if n != facts.name)
            return [(p, name, keep(other=name)) for name, p in _weighted(others)]
        case "<thing>" | "<things>":
            form = int(slot == "<things>")
            return [(p, noun[form], keep(noun=noun)) for noun, p in _weighted(grammar.nouns)]
        case "<colour>":
            return [(p, colour, keep(colour=colour)) for colour, p in _weighted(grammar.colours)]
        case "<place>":
            return [(p, place, keep(place=place)) for place, p in _weighted(grammar.places)]
        case "<she>":
            one = "she" if facts.name in grammar.women else "he"
            return [(1.0, "they" if plan.several else one, facts)]
    known = {
        "<=name>": facts.name,
        "<=other>": facts.other,
        "<=thing>": facts.noun[0],
        "<=things>": facts.noun[1],
        "<=colour>": facts.colour,
        "<=place>": facts.place,
    }
    return [(1.0, known.get(slot, slot), facts)]


def choices(grammar: Grammar, plan: Plan, facts: Facts) -> list[tuple[float, str, Plan, Facts]]:
    """Every next word with its probability and the state behind it; no word occurs twice."""
    return [
        (p * q, word, after, known)
        for p, slot, after in moves(grammar, plan)
        for q, word, known in fillings(grammar, slot, plan, facts)
    ]


# Texts


def draw(grammar: Grammar, rng: Random) -> list[str]:
    """The tokens of one story, the last one being `END`."""
    plan, facts, story = START, UNKNOWN, list[str]()
    while after := moves(grammar, plan):
        _, slot, then = rng.choices(after, [p for p, *_ in after])[0]
        words = fillings(grammar, slot, plan, facts)
        _, word, facts = rng.choices(words, [p for p, *_ in words])[0]
        plan = then
        story.append(word)
    return story


def log_probability(grammar: Grammar, story: list[str]) -> float:
    """The logarithm of the probability of a story's tokens.

    Raises:
        ValueError: The grammar does not give this story.
    """
    plan, facts, found = START, UNKNOWN, 0.0
    for word in story:
        fitting = [c for c in choices(grammar, plan, facts) if c[1] == word]
        if len(fitting) != 1:
            raise ValueError(f"{word!r} cannot follow here")
        p, _, plan, facts = fitting[0]
        found += math.log(p)
    if plan.at != "over":
        raise ValueError("the story has no end")
    return found


def every(
    grammar: Grammar, plan: Plan = START, facts: Facts = UNKNOWN
) -> Iterator[tuple[float, list[str]]]:
    """Every story there is, with its probability. For small grammars."""
    found = choices(grammar, plan, facts)
    if not found:
        yield 1.0, []
    for p, word, after, known in found:
        for q, rest in every(grammar, after, known):
            yield p * q, [word, *rest]


def text(story: list[str]) -> str:
    """Words with one blank between them, and a newline at the end."""
    return " ".join(story[:-1]) + END


def tokens(line: str) -> list[str]:
    """The tokens of a story's text."""
    return [*line.split(), END]


# Figures


@dataclass(frozen=True)
class Figures:
    """Exact expectations over all stories: nats, tokens and characters of one.

    `by_position[t]` is the entropy in nats of token t of an endless text, one story after the
    other, given all tokens before it, where token 0 is the first one of a story.
    """

    nats: float
    tokens: float
    characters: float
    by_position: tuple[float, ...]


def slot_figures(grammar: Grammar, slot: str, plan: Plan) -> tuple[float, float]:
    """The entropy of a slot in nats, and the expected characters of its word with the blank."""
    if not slot.startswith("<"):
        return 0.0, 0.0 if slot == END else len(slot) + 1.0
    parts = [(1.0, UNKNOWN)]
    if slot in ("<other>", "<=other>", "<she>"):  # these depend on the first name: average over it
        parts = [(p, f) for p, _, f in fillings(grammar, "<name>", plan, UNKNOWN)]
    words = [
        (p, q, len(word) + 1)
        for p, facts in parts
        for q, word, _ in fillings(grammar, slot.replace("=", ""), plan, facts)
    ]
    nats = 0.0 if "=" in slot else -sum(p * q * math.log(q) for p, q, _ in words)
    return nats, sum(p * q * length for p, q, length in words)


def entropy(grammar: Grammar, positions: int = POSITIONS) -> Figures:
    """Add up, over positions and states, the probability to be there times what is chosen there."""
    slot_of = lru_cache(maxsize=None)(partial(slot_figures, grammar))
    number, todo = {START: 0}, [START]
    edges: list[tuple[int, int, float]] = []
    nats, characters = [0.0], [0.0]
    while todo:
        plan = todo.pop()
        here = number[plan]
        for p, slot, after in moves(grammar, plan):
            if after not in number:
                number[after] = len(number)
                nats.append(0.0)
                characters.append(0.0)
                todo.append(after)
            edges.append((here, number[after], p))
            inside, length = slot_of(slot, Plan(several=plan.several))
            nats[here] += p * (inside - math.log(p))
            characters[here] += p * length
    return _added_up(edges, np.array(nats), np.array(characters), number, positions)


def _added_up(
    edges: list[tuple[int, int, float]],
    nats: Floats,
    characters: Floats,
    number: dict[Plan, int],
    positions: int,
) -> Figures:
    source, target = (np.array([edge[k] for edge in edges]) for k in (0, 1))
    share = np.array([p for *_, p in edges])
    over = np.array([plan.at == "over" for plan in number])

    def after(here: Floats) -> Floats:
        there: Floats = np.bincount(target, here[source] * share, len(number)).astype(np.float64)
        return there

    here = start = np.eye(1, len(number))[0]
    sums = np.zeros(3)
    while (here := np.where(over, 0.0, here)).any():  # one story
        sums += here @ nats, here.sum(), here @ characters
        here = after(here)
    by_position, here = [], start
    for _ in range(positions):  # one after the other
        by_position.append(float(here @ nats))
        here = after(here)
        here = np.where(over, 0.0, here) + here[over].sum() * start
    return Figures(float(sums[0]), float(sums[1]), float(sums[2]), tuple(by_position))


def vocabulary(grammar: Grammar) -> list[str]:
    """Every token, sorted, `END` first."""
    verbs = {form for verb in (*grammar.gains, *grammar.losses) for form in verb}
    words = {*grammar.names, *(w for noun in grammar.nouns for w in noun), *grammar.colours}
    words |= {*grammar.places, *NUMBERS[: grammar.most + 1], "she", "he", "has", "now", ".", "more"}
    if grammar.pair:
        words |= verbs | {"and", "have", "they"}
    else:
        words |= {one for one, _ in (*grammar.gains, *grammar.losses)}
    if grammar.places:
        words |= {"at", "the", "then", "goes", "to"} | ({"go"} if grammar.pair else set())
    return [END, *sorted(words)]


# The three sizes

_WOMEN = ("anna", "clara", "emma", "greta", "ida", "kira", "maria", "olga", "rosa", "tina")
_MEN = ("ben", "david", "felix", "hugo", "jan", "leo", "noah", "paul", "sam", "victor")
_NOUNS = (
    ("apple", "apples"),
    ("book", "books"),
    ("coin", "coins"),
    ("shell", "shells"),
    ("key", "keys"),
    ("stone", "stones"),
    ("ticket", "tickets"),
    ("flower", "flowers"),
    ("candle", "candles"),
    ("feather", "feathers"),
)
_GAINS = (("finds", "find"), ("buys", "buy"), ("gets", "get"))
_LOSSES = (("loses", "lose"), ("sells", "sell"), ("breaks", "break"))

SMALL = Grammar(_WOMEN[:3], _MEN[:3], _NOUNS[:4], _GAINS[:2], _LOSSES[:2], most=6, events=2)
SIZES = {
    "small": SMALL,
    "medium": replace(
        SMALL,
        women=_WOMEN[:6],
        men=_MEN[:6],
        nouns=_NOUNS[:6],
        most=9,
        events=4,
        pair=0.3,
        colours=("red", "blue", "green"),
        places=("market", "river", "school"),
    ),
    "large": Grammar(
        _WOMEN,
        _MEN,
        _NOUNS,
        _GAINS,
        _LOSSES,
        most=12,
        events=6,
        pair=0.3,
        colours=("red", "blue", "green", "white", "black"),
        places=("market", "river", "school", "garden", "station"),
    ),
}
# Stories in the file, and the seed they come from.
COUNTS = {"small": (5_000, 1), "medium": (10_000, 2), "large": (20_000, 3)}


def stories(size: str) -> list[list[str]]:
    """The stories of one size's file."""
    count, seed = COUNTS[size]
    rng = Random(seed)
    return [draw(SIZES[size], rng) for _ in range(count)]


def _rounded(value: float) -> float:
    """Without the last digits, which differ from machine to machine."""
    return round(value, 12)


def record(size: str, drawn: list[list[str]]) -> dict[str, Any]:
    """What figures.json says of one size."""
    grammar, (count, seed) = SIZES[size], COUNTS[size]
    found = entropy(grammar)
    return {
        "seed": seed,
        "stories": count,
        "tokens": sum(map(len, drawn)),
        "vocabulary": vocabulary(grammar),
        "nats_per_story": _rounded(found.nats),
        "tokens_per_story": _rounded(found.tokens),
        "characters_per_story": _rounded(found.characters),
        "nats_per_token": _rounded(found.nats / found.tokens),
        "nats_per_character": _rounded(found.nats / found.characters),
        "nats_by_position": [_rounded(nats) for nats in found.by_position],
    }


def contents() -> dict[str, bytes]:
    """The files of the folder `stories`, by name."""
    files: dict[str, bytes] = {}
    records: dict[str, dict[str, Any]] = {}
    for size in SIZES:
        drawn = stories(size)
        records[size] = record(size, drawn)
        files[f"{size}.txt"] = "".join(map(text, drawn)).encode()
    files["figures.json"] = (json.dumps(records, indent=1) + "\n").encode()
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    return files | {"SHA256SUMS": "".join(sums).encode()}


def table(records: dict[str, dict[str, Any]]) -> str:
    """The figures as a table in Markdown."""
    heads = ["size", "stories", "tokens", "vocabulary", "tokens per story"]
    heads += ["nats per token", "nats per character", "bits per character"]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * 7}"]
    for size, one in records.items():
        rate = one["nats_per_character"]
        lines.append(
            f"| {size} | {one['stories']:,} | {one['tokens']:,} | {len(one['vocabulary'])} "
            f"| {one['tokens_per_story']:.4f} | {one['nats_per_token']:.6f} | {rate:.6f} "
            f"| {rate / math.log(2):.6f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    made = contents()
    if "--write" in sys.argv[1:]:
        HERE.mkdir(exist_ok=True)
        for name, data in made.items():
            (HERE / name).write_bytes(data)
    print(table(json.loads(made["figures.json"])))
