"""Hidden checks for vol2_pytorch/text.

Texts are drawn from a small alphabet, so that everything that matters stands next to everything
else, and end in fixed pieces that each student's text must have.
"""

from autograder import Exercise, constant, derived
from solutions.vol2_pytorch import text as solution

LETTERS = ["a", "b", "B", "z", "Z", "e\u0301", "\u00e9", "\u00b2", "\ufb01", "\U0001f642", "\u0416"]
BLANKS = [" ", "\t", "  ", " \t "]
ENDS = ["\n", "\r\n", "\r", "\n\n", "\r\r\n", "\n\r"]
CONTROLS = ["\x00", "\x07", "\x0b", "\x0c", "\x1b", "\x1c", "\x7f", "\x85", "\x9b"]
INVISIBLE = ["\u200d", "\u2028", "\u00a0", "\u3000", "\u00ad", "\ue000"]
# Where the order of two steps shows, and where a line or a blank could be lost.
PAIRS = "a \x00\ne\x00\u0301\r\nb\t\x07 \r c\u0301 \n\n \n  x\x0b\x0cy\u2028\u00a0\n\u0323\u0307s "


def draw_messy(rng):
    """Some forty pieces of every kind in any order, and the pairs that matter."""
    kinds = [LETTERS, LETTERS, BLANKS, ENDS, CONTROLS, INVISIBLE]
    pieces = [str(rng.choice(kinds[rng.integers(len(kinds))])) for _ in range(40)]
    return "".join(pieces) + PAIRS


def joined(*kinds, must):
    """An input: pieces of the given kinds, a letter between them, and what must be there."""

    def draw(rng):
        pieces = [p for kind in kinds for p in kind] * 2
        rng.shuffle(pieces)
        return "".join(p + "abB"[rng.integers(3)] for p in pieces) + must

    return derived(draw)


def draw_words(rng):
    """A training text: few letters, so that symbols repeat; white space of many kinds."""
    letters = list("baeZA\u00e9\u0416\U0001f642._-'1\u4e2d")
    spaces = [" ", " ", "  ", "\n", "\t", "\u3000", "\r\n"]
    words = ["".join(rng.choice(letters, size=rng.integers(1, 4))) for _ in range(25)]
    text = "".join(w + spaces[rng.integers(len(spaces))] for w in words)
    return f" {text}b Zb a b, a Ab a. \n"


def draw_other(rng, text):
    """Words of the training text, words of its characters, and words it never saw."""
    known = list(rng.permutation(text.split())[:8])
    mixed = [*known, "ab", "b", "unseen", "bq", "Q\u20acb", "q", "a"]
    return "q " + "  ".join(rng.permutation(mixed)) + "\nq\u20ac a"


exercise = Exercise(
    "vol2_pytorch/text",
    solution=solution,
    difficulty=1,
    minutes=60,
    inputs={"text": derived(draw_words), "other": derived(draw_other)},
    sizes={"draw": [0, 1, 2]},
)
ONE = {"draw": [0]}

# clean


exercise.matches_reference("clean", points=4, text=derived(draw_messy))


@exercise.satisfies("clean", kind="R", points=1, sizes=ONE, text=joined(ENDS, must="\rx\r\n"))
def line_ends_are_one_character(student, text):
    r"""Every line ends with "\n", whichever system wrote it."""
    return student.clean(text), text.replace("\r\n", "\n").replace("\r", "\n")


@exercise.satisfies(
    "clean", kind="R", points=1, sizes=ONE, text=joined(CONTROLS, INVISIBLE, must="\x9b\tq")
)
def control_characters_vanish_and_others_stay(student, text):
    """Control characters are gone; tabs and characters that are only invisible stay."""
    return student.clean(text), "".join(c for c in text if c not in CONTROLS)


@exercise.satisfies(
    "clean", kind="R", points=1, sizes=ONE, text=joined(["  \n", "\t \n", "\n\n"], must=" x \t")
)
def blanks_vanish_at_the_end_of_lines_only(student, text):
    """Spaces and tabs go at the end of lines and nowhere else; empty lines stay."""
    return student.clean(text), "\n".join(line.rstrip(" \t") for line in text.split("\n"))


@exercise.satisfies("clean", points=1, text=derived(draw_messy))
def a_clean_text_stays_as_it_is(student, text):
    """Cleaning once more changes nothing."""
    once = student.clean(text)
    return student.clean(once), once


@exercise.satisfies("clean", points=1, text=derived(draw_messy))
def each_line_is_cleaned_on_its_own(student, text):
    """Two texts with a line end between them come out as each of them alone."""
    together = student.clean(f"{text}\n{text[::-1]}x")
    return together, f"{student.clean(text)}\n{student.clean(text[::-1] + 'x')}"


@exercise.satisfies(
    "clean", kind="E", points=1, sizes=ONE, tidy=constant("\n\n  a\tb\u00a0\n\u200d\n")
)
def tidy_and_empty_texts_are_left_alone(student, tidy):
    """There is nothing to do on an empty text, and nothing on one that is clean already."""
    yield student.clean(""), ""
    yield student.clean(tidy), tidy
    yield student.clean(" \t"), ""


NORMAL = 'unicodedata.normalize("NFC", text)'
KEPT = 'c in "\\n\\t" or unicodedata.category(c) != "Cc"'
REPLACED = 'text.replace("\\r\\n", "\\n").replace("\\r", "\\n")'
STRIPPED = '"\\n".join(line.rstrip(" \\t") for line in text.split("\\n"))'

for name, old, new, hint in (
    (
        "takes_letters_apart",
        NORMAL,
        'unicodedata.normalize("NFD", text)',
        "Letters and accents are taken apart. NFD decomposes; which form composes again?",
    ),
    (
        "replaces_what_looks_similar",
        NORMAL,
        'unicodedata.normalize("NFKC", text)',
        "A raised 2 has become a plain 2. The forms with a K replace what only looks similar; "
        "the text should keep it.",
    ),
    (
        "leaves_both_spellings",
        NORMAL,
        "text",
        "A letter with an accent still has two spellings. Bring the text into its normal form.",
    ),
    (
        "single_returns_vanish",
        REPLACED,
        'text.replace("\\r\\n", "\\n")',
        'A line end that is a single "\\r" is lost: it is a control character, too, and has to '
        "become a line end before those are removed.",
    ),
    (
        "two_line_ends_for_one",
        REPLACED,
        'text.replace("\\r", "\\n")',
        'One "\\r\\n" has become two line ends. It is one: replace the pair before the single '
        '"\\r".',
    ),
    (
        "tabs_vanish",
        KEPT,
        'c == "\\n" or unicodedata.category(c) != "Cc"',
        "Tabs are gone. They are control characters that stay, as line ends do.",
    ),
    (
        "only_those_below_32",
        KEPT,
        'c in "\\n\\t" or ord(c) >= 32',
        "Some control characters are left. Not all of them are below 32: look at "
        "`unicodedata.category`.",
    ),
    (
        "everything_invisible_vanishes",
        KEPT,
        'c in "\\n\\t" or unicodedata.category(c)[0] != "C"',
        "Too much is removed: a joiner is invisible, but no control character. Only the category "
        "Cc goes.",
    ),
    (
        "leaves_control_characters",
        KEPT,
        "True",
        "Control characters are still there. Leave out every character of the category Cc, but "
        "for line ends and tabs.",
    ),
    (
        "strips_all_white_space",
        STRIPPED,
        '"\\n".join(line.rstrip() for line in text.split("\\n"))',
        "More than spaces and tabs is gone at the end of lines: `rstrip()` without an argument "
        "also takes no-break spaces and other white space.",
    ),
    (
        "spaces_only",
        STRIPPED,
        '"\\n".join(line.rstrip(" ") for line in text.split("\\n"))',
        "Tabs are left at the end of lines. Blanks are spaces and tabs.",
    ),
    (
        "leaves_blanks",
        STRIPPED,
        "text",
        "Lines still end with blanks. Take spaces and tabs away at the end of each line.",
    ),
    (
        "strips_both_sides",
        STRIPPED,
        '"\\n".join(line.strip(" \\t") for line in text.split("\\n"))',
        "Blanks at the beginning of lines are gone. They mean something; only the ones at the end "
        "go.",
    ),
    (
        "strips_the_whole_text",
        STRIPPED,
        'text.rstrip(" \\t\\n")',
        "Only the end of the whole text is stripped, with its line ends. It is about the end of "
        "each line, and line ends stay.",
    ),
    (
        "drops_empty_lines",
        STRIPPED,
        '"\\n".join(line.rstrip(" \\t") for line in text.split("\\n") if line.strip(" \\t"))',
        "Empty lines are gone. They separate paragraphs: keep them.",
    ),
    (
        "splits_at_too_much",
        STRIPPED,
        '"\\n".join(line.rstrip(" \\t") for line in text.splitlines())',
        "The text has line ends that nobody wrote, or lost its last one. `splitlines` splits at "
        'more than "\\n" and drops the end of the last line.',
    ),
    (
        "blanks_become_one",
        STRIPPED,
        '"\\n".join(" ".join(line.split(" ")).rstrip(" \\t").replace("  ", " ") '
        'for line in text.split("\\n"))',
        "Blanks inside a line are changed. Only those at its end go.",
    ),
):
    exercise.slip("clean", name, old, new, hint)


@exercise.mistake("clean")
def strips_before_controls_go(text):
    """Some lines still end with a blank: a control character stood behind it when blanks were
    taken away. What has to go first?"""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    text = "".join(c for c in text if c in "\n\t" or c not in CONTROLS)
    return solution.unicodedata.normalize("NFC", text)


@exercise.mistake("clean")
def composes_before_controls_go(text):
    """A letter and its accent are still two characters: a control character stood between them
    when the text was brought into its normal form. What has to go first?"""
    text = solution.unicodedata.normalize("NFC", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c in "\n\t" or c not in CONTROLS)
    return "\n".join(line.rstrip(" \t") for line in text.split("\n"))


# The two tokenizers have the same checks; only their symbols differ.


def symbols_of(name, text):
    """The distinct symbols of a text, sorted, behind `<unk>`."""
    return ["<unk>", *sorted(set(parts_of(name, text)))]


def parts_of(name, text):
    """A text as characters or as words."""
    return list(text) if name == "CharTokenizer" else text.split()


def ids_of(name, text, other):
    """What a tokenizer trained on `text` makes of `other`."""
    symbols = symbols_of(name, text)
    return [symbols.index(s) if s in symbols else 0 for s in parts_of(name, other)]


def declare_checks(name, sign, what):
    """The checks of one of the two classes."""

    @exercise.satisfies(name, kind="R", points=3)
    def encodes_as_the_reference(student, text, other):
        """The number of ids is right, and every known and unknown symbol has its own."""
        tokenizer = getattr(student, name)(text)
        yield tokenizer.vocab_size, len(symbols_of(name, text))
        yield tokenizer.encode(text), ids_of(name, text, text)
        yield tokenizer.encode(other), ids_of(name, text, other)

    @exercise.satisfies(name, kind="R", points=2)
    def decodes_as_the_reference(student, text, rng):
        """Every id becomes its symbol, and 0 becomes `<unk>`."""
        symbols = symbols_of(name, text)
        tokenizer = getattr(student, name)(text)
        ids = [*range(len(symbols)), 0, *(int(i) for i in rng.integers(len(symbols), size=9))]
        yield tokenizer.decode(ids), sign.join(symbols[i] for i in ids)
        yield tokenizer.decode([len(symbols) - 1]), symbols[-1]

    def comes_back(student, text, other):
        tokenizer = getattr(student, name)(text)
        yield tokenizer.decode(tokenizer.encode(text)), sign.join(parts_of(name, text))
        known = symbols_of(name, text)
        shown = [p if p in known else "<unk>" for p in parts_of(name, other)]
        yield tokenizer.decode(tokenizer.encode(other)), sign.join(shown)

    comes_back.__doc__ = f"Decoding what was encoded gives {what}; unknown parts show as <unk>."
    exercise.satisfies(name, points=2)(comes_back)

    @exercise.satisfies(name, kind="E", points=1, sizes=ONE)
    def two_tokenizers_are_apart(student, text, other):
        """A second tokenizer does not change the first one."""
        first = getattr(student, name)(text)
        second = getattr(student, name)(f"{other} {text} new")
        yield first.encode(other), ids_of(name, text, other)
        yield first.vocab_size, len(symbols_of(name, text))
        yield second.encode(other), ids_of(name, f"{other} {text} new", other)

    @exercise.satisfies(name, kind="E", points=1, sizes=ONE)
    def empty_texts_are_texts(student, text, other):
        """An empty training text knows <unk> alone; an empty text has no ids; no ids, no text."""
        nothing = getattr(student, name)("")
        yield nothing.vocab_size, 1
        yield nothing.encode(other), [0] * len(parts_of(name, other))
        tokenizer = getattr(student, name)(text)
        yield tokenizer.encode(""), []
        yield tokenizer.decode([]), ""


declare_checks("CharTokenizer", "", "the text itself")
declare_checks("WhitespaceTokenizer", " ", "its words with one space between them")


def declare_mistakes(name, part, parts, sign):
    """The mistakes that can be made in both classes.

    Args:
        part, parts: What one symbol is called in the reference, and what a text's symbols are.
        sign: What `decode` puts between symbols.
    """
    symbols, look_up = f"sorted(set({parts}))", f"self.ids.get({part}, 0) for {part} in {parts}"
    for mistake, old, new, hint in (
        (
            "numbered_as_they_come",
            symbols,
            f"dict.fromkeys({parts})",
            "The symbols are numbered in the order of their first appearance. They are sorted, so "
            "that the numbers do not depend on what comes first.",
        ),
        (
            "every_occurrence_counts",
            symbols,
            f"sorted({parts})",
            "Symbols that occur twice have two numbers. The vocabulary holds each one once.",
        ),
        (
            "capital_letters_are_lost",
            symbols,
            symbols.replace("text", "text.lower()"),
            "Capital letters are not known. The training text is taken as it is.",
        ),
        (
            "sorted_without_case",
            symbols,
            f"sorted({symbols}, key=str.casefold)",
            "The symbols are sorted as in a dictionary for people. Sort them as Python sorts "
            "texts: by code point, capital letters first.",
        ),
        (
            "sorted_backwards",
            symbols,
            f"reversed({symbols})",
            "The symbols are numbered from the last one to the first one.",
        ),
        (
            "sorted_by_frequency",
            symbols,
            f"sorted({symbols}, key=lambda s: -list({parts}).count(s))",
            "Frequent symbols come first. The symbols are sorted by themselves, by code point.",
        ),
        (
            "unknown_comes_last",
            f'["<unk>", *{symbols}]',
            f'[*{symbols}, "<unk>"]',
            "`<unk>` stands at the end of the vocabulary. It is the symbol with the id 0.",
        ),
        (
            "unknown_is_not_counted",
            "len(self.symbols)",
            "len(self.symbols) - 1",
            "`vocab_size` leaves `<unk>` out. It is an id like the others: the model needs a row "
            "for it.",
        ),
        (
            "all_share_one_table",
            "self.ids = ",
            "self.__class__.ids = ",
            "A second tokenizer changes the first one: the table belongs to the class and not to "
            "the object. Set it on `self`.",
        ),
        (
            "unknown_is_left_out",
            look_up,
            f"self.ids[{part}] for {part} in {parts} if {part} in self.ids",
            "Unknown symbols are left out. Then nobody sees that something is missing, and the "
            "sequence is too short: each becomes 0.",
        ),
        (
            "unknown_is_minus_one",
            look_up,
            look_up.replace(", 0)", ", -1)"),
            "An unknown symbol becomes -1, which is no id. It becomes 0.",
        ),
        (
            "unknown_is_the_first_symbol",
            look_up,
            look_up.replace(", 0)", ", 1)"),
            "An unknown symbol is taken for the first one of the vocabulary. It becomes 0.",
        ),
        (
            "decodes_one_off",
            "self.symbols[i]",
            "self.symbols[i - 1]",
            "Decoding is off by one: id 1 is the first symbol after `<unk>`.",
        ),
        (
            "unknown_vanishes_when_decoded",
            "self.symbols[i] for i in ids",
            "self.symbols[i] for i in ids if i",
            "Decoding drops the unknown symbols. Show them as `<unk>`, so that a reader sees where "
            "something is missing.",
        ),
        (
            "joined_with_the_wrong_thing",
            f'"{sign}".join',
            '"".join' if sign else '" ".join',
            "Decoding puts the wrong thing between the symbols: nothing between characters, one "
            "space between words.",
        ),
    ):
        exercise.slip(name, mistake, old, new, hint)


declare_mistakes("CharTokenizer", "character", "text", "")
declare_mistakes("WhitespaceTokenizer", "word", "text.split()", " ")
exercise.slip(
    "CharTokenizer",
    "forgets_white_space",
    "set(text)",
    "{c for c in text if not c.isspace()}",
    "White space is not known. A space is a character like the others, or texts do not come back.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "splits_at_single_spaces",
    "[self.ids.get(word, 0) for word in text.split()]",
    "[self.ids.get(word, 0) for word in text.split(' ')]",
    "Two spaces in a row give an empty word, and line ends stay inside words. `split()` without "
    "an argument splits at any white space.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "trains_on_single_spaces",
    "set(text.split())",
    "set(text.split(' '))",
    "The vocabulary holds an empty word, or words with line ends in them. `split()` without an "
    "argument splits at any white space.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "leaves_the_first_word_out",
    "for word in text.split()]",
    "for word in text.split()[1:]]",
    "The first word is missing.",
)
