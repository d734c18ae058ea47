"""A grammar of small stories: what may be said next, and how likely it is.

Somebody has some things, finds more and gives some away, animals come by, and at the end the
things are counted. To continue such a story one has to know

    agreement     "one apple", "two apples"; "it is", "they are"; "the dogs near the tree sleep"
    anaphora      "she" or "he" for a name, "it" or "they" for things
    numbers       what is left of five when two are given away
    long range    place, name, colour and thing come back in the last sentence

A story is a walk from scene to scene. `after` lists the ways on from a scene, each with a weight.
Two rules make all probabilities computable:

- Ways from one scene differ in their first word. Whoever has read a story up to some word knows
  which ways were taken, so the probability of the next word, given *all* words before it, is the
  weight of its way divided by the sum of the weights; the other words of a way follow for certain.
- The weights depend on the scene alone, not on the facts (who, where, what, which colour). Facts
  only fill in words. So scenes are few, and sums over all of them are short.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

END = "\n"
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
GIRLS = ["anna", "cleo", "emma", "greta", "ida"]
BOYS = ["ben", "dan", "finn", "hugo", "jonas"]
NAMES = [name for pair in zip(GIRLS, BOYS, strict=True) for name in pair]
THINGS = ["apple", "egg", "shell", "stone", "pear", "button", "nut", "key"]
COLOURS = ["red", "green", "blue", "black", "white"]
PLACES = ["garden", "forest", "kitchen", "village"]
FRIENDS = ["mother", "father", "sister", "brother"]
ANIMALS = ["dog", "cat", "bird", "horse"]
SIGHTS = ["tree", "house", "river", "bridge"]
VERBS = ["sleep", "run", "sing", "wait"]


@dataclass(frozen=True)
class Size:
    """How much of everything a grammar has.

    Attributes:
        most: The largest number.
        events: The most events in a story.
        kinds: Different animals, and as many sights and verbs.
        places: 0 for stories that happen nowhere.
        friends: Who is given something, and says thanks; 0 when things are just given away.
        clauses: Whether there is "the dog that the cats see sleeps", too.
    """

    names: int
    things: int
    colours: int
    most: int
    events: int
    kinds: int
    places: int = 0
    friends: int = 0
    clauses: bool = False


SIZES = {
    "small": Size(names=4, things=3, colours=3, most=5, events=2, kinds=2),
    "medium": Size(names=6, things=5, colours=4, most=7, events=3, kinds=3, places=2, friends=2),
    "large": Size(10, 8, 5, most=9, events=4, kinds=4, places=4, friends=4, clauses=True),
}


class Scene(NamedTuple):
    """Where a story is.

    Attributes:
        part: Which rule says how it may go on.
        events: How many more events there may be.
        number: How many things there are now.
        many: "s" while the talk is of several animals.
    """

    part: str
    events: int
    number: int = 0
    many: str = ""


class Way(NamedTuple):
    """A way on: the words said, the scene after them (None at the end), a fact that is new."""

    weight: int
    words: str
    then: Scene | None
    fact: tuple[str, str] = ("", "")


Facts = Mapping[str, str]
# What has been said of a story, or its blanks: a rule given these returns a pattern of words.
BLANKS: Facts = {kind: "{" + kind + "}" for kind in ("place", "name", "she", "colour", "thing")}


def start(size: Size) -> Scene:
    """The scene before the first word."""
    return Scene("place" if size.places else "name", size.events)


def learn(facts: Facts, new: tuple[str, str]) -> Facts:
    """The facts after a new one; a name tells the pronoun."""
    kind, word = new
    more = {"she": "she" if word in GIRLS else "he"} if kind == "name" else {}
    return {**facts, **more, kind: word} if kind else facts


def after(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    """Every way on from a scene. Their first words differ."""
    return RULES[scene.part](scene, facts, size)


def falling(words: Sequence[str]) -> list[tuple[int, str]]:
    """Words with the weights n, n - 1, ..., 1: the first is said most often."""
    return [(len(words) - i, word) for i, word in enumerate(words)]


def plural(thing: str, number: int) -> str:
    return thing if number == 1 else thing + "s"


def _place(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    then = scene._replace(part="name")
    return [Way(w, f"in the {p}", then, ("place", p)) for w, p in falling(PLACES[: size.places])]


def _name(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    then = scene._replace(part="count")
    return [Way(w, f"{n} has", then, ("name", n)) for w, n in falling(NAMES[: size.names])]


def _count(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    return [
        Way(w, n, scene._replace(part="thing", number=NUMBERS.index(n)))
        for w, n in falling(NUMBERS[1 : size.most])
    ]


def _thing(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    then = scene._replace(part="colour")
    they = "it is" if scene.number == 1 else "they are"
    return [
        Way(w, f"{plural(t, scene.number)} . {they}", then, ("thing", t))
        for w, t in falling(THINGS[: size.things])
    ]


def _colour(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    then = scene._replace(part="next")
    return [Way(w, f"{c} .", then, ("colour", c)) for w, c in falling(COLOURS[: size.colours])]


def _things(scene: Scene, facts: Facts) -> str:
    return f"{NUMBERS[scene.number]} {facts['colour']} {plural(facts['thing'], scene.number)}"


def _next(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    """The last sentence, or an event of one of two kinds."""
    does = f"leaves the {facts['place']} with" if size.places else "counts"
    ways = [Way(2, f"at last {facts['name']} {does} {_things(scene, facts)} . {END}", None)]
    if scene.events:
        later = scene._replace(events=scene.events - 1)
        ways.append(Way(3, facts["she"], later._replace(part="act")))
        ways.append(Way(2, "the", later._replace(part="animal")))
    return ways


def _act(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    ways = []
    if scene.number < size.most:
        ways.append(Way(3, "finds", scene._replace(part="find")))
    if scene.number > 1:
        ways.append(Way(2, "gives", scene._replace(part="give")))
    return ways


def _find(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    return [
        Way(w, f"{n} more .", scene._replace(part="now", number=scene.number + NUMBERS.index(n)))
        for w, n in falling(NUMBERS[1 : 1 + min(2, size.most - scene.number)])
    ]


def _give(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    words, part = ("to", "friend") if size.friends else ("away .", "now")
    return [
        Way(w, f"{n} {words}", scene._replace(part=part, number=scene.number - NUMBERS.index(n)))
        for w, n in falling(NUMBERS[1 : 1 + min(2, scene.number - 1)])
    ]


def _friend(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    then = scene._replace(part="now")
    friends = falling(FRIENDS[: size.friends])
    return [Way(w, f"{f} and {f} thanks {facts['name']} .", then) for w, f in friends]


def _now(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    words = f"now {facts['she']} has {_things(scene, facts)} ."
    return [Way(1, words, scene._replace(part="next"))]


def _animal(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    """One animal or several. The verb will have to agree."""
    return [
        Way(2 * w if many else 3 * w, a + many, scene._replace(part="where", many=many))
        for w, a in falling(ANIMALS[: size.kinds])
        for many in ("", "s")
    ]


def _where(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    """Between the animals and their verb comes a noun that may be in the other number."""
    ways = [Way(2, "near the", scene._replace(part="sight"))]
    return ways + [Way(1, "that the", scene._replace(part="clause"))] * size.clauses


def _sight(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    then = scene._replace(part="verb")
    return [Way(w, n + s, then) for w, n in falling(SIGHTS[: size.kinds]) for s in ("", "s")]


def _clause(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    then = scene._replace(part="verb")
    return [
        Way(w, f"{a}{s} see{'' if s else 's'}", then)
        for w, a in falling(ANIMALS[: size.kinds])
        for s in ("", "s")
    ]


def _verb(scene: Scene, facts: Facts, size: Size) -> list[Way]:
    then = scene._replace(part="next", many="")
    ending = "" if scene.many else "s"
    return [Way(w, f"{v}{ending} .", then) for w, v in falling(VERBS[: size.kinds])]


RULES = {
    "place": _place,
    "name": _name,
    "count": _count,
    "thing": _thing,
    "colour": _colour,
    "next": _next,
    "act": _act,
    "find": _find,
    "give": _give,
    "friend": _friend,
    "now": _now,
    "animal": _animal,
    "where": _where,
    "sight": _sight,
    "clause": _clause,
    "verb": _verb,
}
