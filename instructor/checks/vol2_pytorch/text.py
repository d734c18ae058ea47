"""Hidden checks for vol2_pytorch/text."""

import unicodedata

import numpy as np

from autograder import Exercise, derived
from solutions.vol2_pytorch import text

LETTERS = "abcdefghkmnop"


def word(rng):
    """Two to six letters."""
    return "".join(rng.choice(list(LETTERS), size=int(rng.integers(2, 7))))


def words(rng, count):
    """Distinct words in a random order; some with capitals, one with a comma."""
    found = {word(rng) for _ in range(count)} | {"Zebra", "apple", "apples,", "Zoo"}
    return [str(w) for w in rng.permutation(sorted(found))]


def shuffled(rng, lines):
    """Lines in a random order."""
    return [lines[i] for i in rng.permutation(len(lines))]


def with_line_ends(rng):
    """Every kind of line end, also twice in a row and as the first and the last character."""
    ends = shuffled(rng, ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\r\r"])
    return "\n" + "".join(word(rng) + end for end in ends)


def with_controls(rng):
    """Control characters within, before and after words, and two that stay."""
    bells = [chr(c) for c in rng.permutation([1, 7, 8, 14, 24, 27])]
    parts = [word(rng) + bell + word(rng) for bell in bells[:3]]
    return bells[3] + "\t".join(parts) + "\n" + bells[4] + bells[5]


def with_blanks(rng):
    """Blanks at both ends of lines, within them, and alone on them."""
    lines = [f"  {word(rng)}  {word(rng)} ", f"\t{word(rng)} \t ", " ", word(rng), f"{word(rng)}\t"]
    return "\n".join(shuffled(rng, lines)) + "\n" + word(rng) + "  "


def with_accents(rng):
    """Letters and accents apart; composed ones; an accent that no letter can take up."""
    accents = ["e\u0301", "n\u0303", "u\u0308", "\u00e9", "x\u0301", "o\u0302\u0323", "\u212b"]
    return "".join(word(rng) + accent for accent in shuffled(rng, accents))


def everything(rng):
    """Something for every rule."""
    kinds = [with_line_ends, with_controls, with_blanks, with_accents]
    return "\n".join(kinds[i](rng) for i in rng.permutation(4))


exercise = Exercise(
    "vol2_pytorch/text",
    solution=text,
    arrays="torch",
    difficulty=1,
    minutes=60,
    inputs={"text": derived(everything), "known": derived(lambda rng: words(rng, 12))},
    sizes={"draw": [0, 1]},
)
ONE = {"draw": [0]}

# clean

exercise.matches_reference("clean", points=2)
for kind, name, title in (
    (with_line_ends, "line_ends", "Every kind of line end becomes one \\n."),
    (with_controls, "control_characters", "Control characters vanish; \\t and \\n stay."),
    (with_blanks, "blanks_at_line_ends", "Spaces and tabs at the end of a line vanish."),
    (with_accents, "composed_characters", "Letters and their accents are composed."),
):
    exercise.matches_reference(
        "clean", points=1, name=name, title=title, sizes=ONE, text=derived(kind)
    )


@exercise.satisfies("clean", points=1, sizes=ONE)
def one_pass_is_enough(student, rng):
    """Cleaning a text again changes nothing, and nothing is left that should vanish."""
    bell = chr(rng.choice([0, 7, 27]))
    lines = [f"{word(rng)} {bell}", f"{word(rng)}e{bell}\u0301", f"{word(rng)}\r{bell}", word(rng)]
    mixed = "\n".join(shuffled(rng, lines))
    once = student.clean(mixed)
    yield student.clean(once), once
    yield once, unicodedata.normalize("NFC", once)
    yield not any([bell in once, " \n" in once, once.endswith(" ")])


@exercise.satisfies("clean", points=1, kind="E", sizes=ONE)
def invisible_is_not_control(student, rng):
    """Characters of other categories stay: joiners, no-break spaces, line separators, ligatures."""
    a, b, c, d, e = (word(rng) for _ in range(5))
    family = "\U0001f469\u200d\U0001f4bb"
    kept = f"{a}\u00a0\n{family}\u00ad{b}\u2028{c} \ufb01\u00b2\n\n{d}\u3000\ue000{e}\ufeff\n"
    return student.clean(kept), kept


@exercise.satisfies("clean", points=1, kind="E", sizes=ONE)
def all_controls_are_found(student, rng):
    """All 63 control characters vanish, also those beyond ASCII; none of them ends a line."""
    controls = [chr(c) for c in (*range(32), *range(127, 160)) if chr(c) not in "\n\t\r"]
    parts = [word(rng) for _ in controls]
    mixed = "".join(p + c for p, c in zip(parts, controls, strict=True))
    return student.clean(mixed), "".join(parts)


@exercise.satisfies("clean", points=1, kind="E", sizes=ONE)
def texts_without_anything(student):
    """The empty text, and texts of line ends and blanks alone."""
    for given, want in (("", ""), (" \t", ""), ("\r\n", "\n"), ("\n", "\n"), ("\x00", "")):
        yield student.clean(given), want


@exercise.null("clean")
def as_it_is(text):
    return text


@exercise.null("clean")
def always_empty(text):
    return ""


exercise.slip(
    "clean",
    "does_not_compose",
    'text = unicodedata.normalize("NFC", text)',
    "pass",
    "Letters and accents that are apart stay apart: one word can still be written in two ways.",
)
exercise.slip(
    "clean",
    "takes_apart",
    '"NFC"',
    '"NFD"',
    "This is the normal form that takes letters and accents apart. Wanted is the composed one.",
)
exercise.slip(
    "clean",
    "compatibility_form",
    '"NFC"',
    '"NFKC"',
    "This normal form replaces characters by similar ones, a raised 2 by a plain one. Wanted is "
    "the one that only composes.",
)
exercise.slip(
    "clean",
    "windows_line_ends_count_twice",
    r'.replace("\r\n", "\n").replace("\r", "\n")',
    r'.replace("\r", "\n")',
    r"A line end of Windows is \r\n together, and becomes one \n, not two.",
)
exercise.slip(
    "clean",
    "old_line_ends_vanish",
    r'.replace("\r", "\n")',
    "",
    r"A \r on its own ends a line, too. It is a control character as well, and vanishes with these "
    "unless line ends come first: two lines become one.",
)
exercise.slip(
    "clean",
    "line_ends_stay",
    r'text = text.replace("\r\n", "\n").replace("\r", "\n")',
    r'text = text.replace("\r\n", "\r")',
    "Line ends become one kind, but not the right one, and then they vanish as control characters.",
)
exercise.slip(
    "clean",
    "controls_stay",
    '"".join(c for c in text if c in "\\n\\t" or unicodedata.category(c) != "Cc")',
    "text",
    "Control characters are still there: category Cc.",
)
exercise.slip(
    "clean",
    "tabs_vanish",
    r'c in "\n\t"',
    r'c in "\n"',
    "A tab has the category of control characters, and is one of the two that stay.",
)
exercise.slip(
    "clean",
    "line_ends_vanish",
    r'c in "\n\t"',
    r'c in "\t"',
    r"\n has the category of control characters, and is one of the two that stay.",
)
exercise.slip(
    "clean",
    "controls_become_spaces",
    '"".join(c for c in text if c in "\\n\\t" or unicodedata.category(c) != "Cc")',
    '"".join(c if c in "\\n\\t" or unicodedata.category(c) != "Cc" else " " for c in text)',
    "Control characters become spaces. They should vanish and leave no gap.",
)
exercise.slip(
    "clean",
    "every_other_category",
    'unicodedata.category(c) != "Cc"',
    'unicodedata.category(c)[0] != "C"',
    "All categories that begin with C vanish. Only Cc holds control characters; joiners and soft "
    "hyphens (Cf) and private characters (Co) stay.",
)
exercise.slip(
    "clean",
    "printable_only",
    'unicodedata.category(c) != "Cc"',
    "c.isprintable()",
    "isprintable() is false for more than control characters: no-break spaces, joiners, line "
    "separators. Ask for the category.",
)
exercise.slip(
    "clean",
    "controls_of_ascii_only",
    'unicodedata.category(c) != "Cc"',
    'c >= " "',
    "Control characters below the space vanish. There are 33 more: 127 and those after it.",
)
exercise.slip(
    "clean",
    "ascii_only",
    'unicodedata.category(c) != "Cc"',
    '" " <= c <= "~"',
    "Everything beyond ASCII vanishes, and with it most of the world's letters.",
)
exercise.slip(
    "clean",
    "end_of_the_text_only",
    r'"\n".join(line.rstrip(" \t") for line in text.split("\n"))',
    r'text.rstrip(" \t")',
    "Blanks vanish at the end of the text only. Every line has an end.",
)
exercise.slip(
    "clean",
    "both_ends_of_lines",
    r'line.rstrip(" \t")',
    r'line.strip(" \t")',
    "Blanks at the beginning of lines vanish, too. They are part of the text.",
)
exercise.slip(
    "clean",
    "blanks_stay",
    r'line.rstrip(" \t")',
    "line",
    "Blanks at the end of lines are still there.",
)
exercise.slip(
    "clean",
    "spaces_only",
    r'line.rstrip(" \t")',
    r'line.rstrip(" ")',
    "Spaces at the end of lines vanish, tabs do not.",
)
exercise.slip(
    "clean",
    "all_white_space",
    r'line.rstrip(" \t")',
    "line.rstrip()",
    "rstrip() without an argument takes more than spaces and tabs, no-break spaces for example.",
)
exercise.slip(
    "clean",
    "splits_at_more_than_line_ends",
    r'text.split("\n")',
    "text.splitlines()",
    r"splitlines() drops the last line end, and splits at other characters than \n.",
)
exercise.slip(
    "clean",
    "strips_the_text",
    r'return "\n".join(line.rstrip(" \t") for line in text.split("\n"))',
    r'return "\n".join(line.rstrip(" \t") for line in text.split("\n")).strip("\n")',
    "Line ends at the beginning or the end of the text vanish. They stay.",
)
exercise.slip(
    "clean",
    "blank_lines_vanish",
    r'text.split("\n"))',
    r'text.split("\n") if line)',
    "Empty lines vanish. They stay: they separate verses and paragraphs.",
)


@exercise.mistake("clean")
def blanks_before_controls(text):
    """Blanks are taken off before control characters are: some of them come to the end of their
    line only afterwards."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
    return unicodedata.normalize("NFC", text)


@exercise.mistake("clean")
def composes_before_controls(text):
    """Letters and accents are composed before control characters vanish: some of them meet only
    afterwards."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
    return "\n".join(line.rstrip(" \t") for line in text.split("\n"))


# CharTokenizer


def numbers(ids):
    """Ids to compare with: shape and values, in a list, a tuple or an array."""
    return np.array(ids, dtype=np.int64)


def verse(rng, known):
    """A text of some known words with all kinds of white space between them."""
    chosen = [str(w) for w in rng.choice(known, size=9)]
    gaps = [*shuffled(rng, [" ", "\n", "\t", "  ", " \n", " ", "\n\n", " "]), ""]
    return "".join(w + gap for w, gap in zip(chosen, gaps, strict=True))


def training(rng, known):
    """A text in which every known word occurs, some of them often, and all kinds of white space."""
    often = [w for w in known for _ in range(int(rng.integers(1, 4)))]
    often = [*shuffled(rng, often), "Zoo", "Zoo", "Zoo", "Zoo"]
    gaps = [str(g) for g in rng.choice([" ", "\n", "\t"], size=len(often))]
    return "".join(w + gap for w, gap in zip(often, gaps, strict=True)) + " \t\n\u00e9\U0001f600"


BOTH = {"train": derived(training), "verse": derived(verse)}


@exercise.satisfies("CharTokenizer", kind="R", points=2, **BOTH)
def characters_get_their_numbers(student, train, verse):
    """Each character gets 1 plus its place among the sorted distinct ones."""
    tokenizer = student.CharTokenizer(train)
    return tokenizer.encode(verse), numbers(text.CharTokenizer(train).encode(verse))


@exercise.satisfies("CharTokenizer", kind="R", points=1, **BOTH)
def numbers_become_characters(student, train, verse):
    """decode gives the characters back, one after the other."""
    ids = text.CharTokenizer(train).encode(verse)
    return student.CharTokenizer(train).decode(ids), verse


@exercise.satisfies("CharTokenizer", points=1, sizes=ONE, **BOTH)
def round_trip_of_characters(student, train, verse):
    """A text of known characters comes back as it was, white space included."""
    tokenizer = student.CharTokenizer(train)
    for one in (train, verse, "\n\n \t", "\U0001f600\u00e9"):
        yield tokenizer.decode(tokenizer.encode(one)), one


@exercise.satisfies("CharTokenizer", points=1, sizes=ONE, **BOTH)
def as_many_ids_as_characters(student, train, known, rng):
    """vocab_size counts the distinct characters and the unknown one; their order is no matter."""
    tokenizer = student.CharTokenizer(train)
    again = student.CharTokenizer(train[::-1] + train)
    distinct = "".join(rng.permutation(sorted(set(train))))
    yield tokenizer.vocab_size, 1 + len(distinct)
    yield again.vocab_size, 1 + len(distinct)
    yield np.sort(np.asarray(tokenizer.encode(distinct))), np.arange(1, 1 + len(distinct))
    yield again.encode(distinct), numbers(tokenizer.encode(distinct))


@exercise.satisfies("CharTokenizer", points=1, sizes=ONE, **BOTH)
def tokenizers_stand_alone(student, train, verse, rng):
    """A second tokenizer, made of another text, changes nothing about the first."""
    first = student.CharTokenizer(train)
    second = student.CharTokenizer("xyz" + word(rng))
    yield first.encode(verse), numbers(text.CharTokenizer(train).encode(verse))
    yield first.decode(first.encode(verse)), verse
    yield second.decode(second.encode("zyx")), "zyx"


@exercise.satisfies("CharTokenizer", points=1, kind="E", sizes=ONE, **BOTH)
def unknown_characters(student, train, verse):
    """Characters that the vocabulary lacks become 0, every time; 0 is written <unk>."""
    tokenizer, size = student.CharTokenizer(train), len(set(train)) + 1
    for _ in range(2):
        want = text.CharTokenizer(train).encode(f"Q{verse}\u00e8!")
        yield tokenizer.encode(f"Q{verse}\u00e8!"), numbers(want)
    yield tokenizer.vocab_size, size
    yield tokenizer.decode([0, 0]), "<unk><unk>"


@exercise.satisfies("CharTokenizer", points=1, kind="E", sizes=ONE)
def no_characters(student):
    """Empty texts have no ids, and an empty vocabulary has the unknown character only."""
    empty = student.CharTokenizer("")
    yield empty.vocab_size, 1
    yield empty.encode("ab"), numbers([0, 0])
    yield empty.encode(""), numbers([])
    yield empty.decode([]), ""


@exercise.null("CharTokenizer")
class code_points:
    def __init__(self, text):
        self.vocab_size = 0x110000

    def encode(self, text):
        return [ord(c) for c in text]

    def decode(self, ids):
        return "".join(map(chr, ids))


@exercise.null("CharTokenizer")
class nothing_is_known(code_points):
    def encode(self, text):
        return [0] * len(text)

    def decode(self, ids):
        return "<unk>" * len(ids)


UNSORTED = {
    "order_of_appearance": (
        "dict.fromkeys({})",
        "They are numbered in the order of their appearance. Sort them, so that the numbers do not "
        "depend on the order of the text.",
    ),
    "backwards": (
        "sorted(set({}), reverse=True)",
        "They are sorted backwards.",
    ),
    "repeats_count": (
        "sorted({})",
        "Each occurrence gets a number of its own. Number the distinct ones.",
    ),
    "by_frequency": (
        "sorted(sorted(set({})), key=list({}).count, reverse=True)",
        "The most frequent ones come first. Sort them by themselves.",
    ),
}
for name, (new, hint) in UNSORTED.items():
    for tokenizer, given in (("CharTokenizer", "text"), ("WhitespaceTokenizer", "text.split()")):
        exercise.slip(tokenizer, name, f"sorted(set({given}))", new.format(given, given), hint)

for tokenizer, one, many in (
    ("CharTokenizer", "symbol", "symbols"),
    ("WhitespaceTokenizer", "word", "words"),
):
    first = f'self.{many} = ["<unk>", *'
    exercise.slip(
        tokenizer,
        "no_unknown",
        first,
        f"self.{many} = [*",
        "There is no place for what is unknown: id 0 belongs to <unk>, and the others begin at 1.",
    )
    exercise.slip(
        tokenizer,
        "size_without_unknown",
        f"self.vocab_size = len(self.{many})",
        f"self.vocab_size = len(self.{many}) - 1",
        "vocab_size is one too small: <unk> has an id, too.",
    )
    exercise.slip(
        tokenizer,
        "starts_at_one",
        f"for i, {one} in enumerate(self.{many})",
        f"for i, {one} in enumerate(self.{many}, 1)",
        "encode gives numbers that are one too large for decode: <unk> is 0, so the first of the "
        "others is 1.",
    )
    exercise.slip(
        tokenizer,
        "decodes_one_too_low",
        f"self.{many}[i] for i in ids",
        f"self.{many}[i - 1] for i in ids",
        "decode gives the neighbour of what was asked for: the list begins with <unk>, so id 1 is "
        "at place 1.",
    )
    exercise.slip(
        tokenizer,
        "unknown_is_minus_one",
        ", 0) for",
        ", -1) for",
        "What is unknown becomes -1. Ids index a table from 0 on: <unk> is 0.",
    )
    exercise.slip(
        tokenizer,
        "unknown_is_one_more",
        ", 0) for",
        ", self.vocab_size) for",
        "What is unknown gets an id beyond the vocabulary. <unk> is 0.",
    )
    exercise.slip(
        tokenizer,
        "learns_while_it_encodes",
        ", 0) for",
        ", 0) if self.ids.setdefault(X, len(self.ids)) + 1 else 0 for".replace(
            "X", "character" if one == "symbol" else "word"
        ),
        "encode adds to the vocabulary. It is fixed once the tokenizer is made.",
    )
    exercise.slip(
        tokenizer,
        "writes_nothing_for_unknown",
        f"self.{many}[i] for i in ids",
        f"self.{many}[i] for i in ids if i",
        "decode leaves out what is unknown. Write <unk>, so that a reader sees the gap.",
    )

exercise.slip(
    "CharTokenizer",
    "unknown_comes_last",
    '["<unk>", *sorted(set(text))]',
    '[*sorted(set(text)), "<unk>"]',
    "<unk> comes last. It has id 0, and the others follow.",
)
exercise.slip(
    "CharTokenizer",
    "skips_what_is_unknown",
    "[self.ids.get(character, 0) for character in text]",
    "[self.ids[character] for character in text if character in self.ids]",
    "Unknown characters are left out. Each becomes 0, so that nothing moves.",
)
exercise.slip(
    "CharTokenizer",
    "joins_with_spaces",
    '"".join',
    '" ".join',
    "decode puts a space between the characters. Spaces are characters: nothing comes in between.",
)
exercise.slip(
    "CharTokenizer",
    "ignores_case",
    "set(text)",
    "set(text.lower())",
    "Large letters are not in the vocabulary. They are characters of their own.",
)
exercise.slip(
    "CharTokenizer",
    "no_white_space",
    "set(text)",
    'set("".join(text.split()))',
    "White space is not in the vocabulary. Spaces and line ends are characters like others.",
)
exercise.slip(
    "CharTokenizer",
    "cleans_first",
    "for character in text",
    "for character in clean(text)",
    "encode cleans the text first, so it does not come back as it was. Cleaning is another step.",
)
exercise.slip(
    "CharTokenizer",
    "words",
    "set(text)",
    "set(text.split())",
    "The vocabulary consists of words. Here the symbols are characters.",
)

# WhitespaceTokenizer


@exercise.satisfies("WhitespaceTokenizer", kind="R", points=2, **BOTH)
def words_get_their_numbers(student, train, verse):
    """Each word gets 1 plus its place among the sorted distinct ones."""
    tokenizer = student.WhitespaceTokenizer(train)
    return tokenizer.encode(verse), numbers(text.WhitespaceTokenizer(train).encode(verse))


@exercise.satisfies("WhitespaceTokenizer", kind="R", points=1, **BOTH)
def numbers_become_words(student, train, verse):
    """decode gives the words back, joined by one space."""
    ids = text.WhitespaceTokenizer(train).encode(verse)
    return student.WhitespaceTokenizer(train).decode(ids), " ".join(verse.split())


@exercise.satisfies("WhitespaceTokenizer", points=1, sizes=ONE, **BOTH)
def round_trip_of_words(student, train, verse):
    """A text of known words comes back with single spaces, and that comes back as it is."""
    tokenizer = student.WhitespaceTokenizer(train)
    for one in (train, verse):
        plain = " ".join(one.split())
        yield tokenizer.decode(tokenizer.encode(one)), plain
        yield tokenizer.decode(tokenizer.encode(plain)), plain


@exercise.satisfies("WhitespaceTokenizer", points=1, sizes=ONE, **BOTH)
def as_many_ids_as_words(student, train, rng):
    """vocab_size counts the distinct words and the unknown one; their order is no matter."""
    tokenizer, found = student.WhitespaceTokenizer(train), sorted(set(train.split()))
    mixed = " ".join(rng.permutation(found))
    again = student.WhitespaceTokenizer(f"{mixed} {mixed}")
    yield tokenizer.vocab_size, 1 + len(found)
    yield again.vocab_size, 1 + len(found)
    yield np.sort(np.asarray(tokenizer.encode(mixed))), np.arange(1, 1 + len(found))
    yield again.encode(mixed), numbers(tokenizer.encode(mixed))


@exercise.satisfies("WhitespaceTokenizer", points=1, sizes=ONE, **BOTH)
def word_tokenizers_stand_alone(student, train, verse, rng):
    """A second tokenizer, made of another text, changes nothing about the first."""
    first = student.WhitespaceTokenizer(train)
    second = student.WhitespaceTokenizer(f"xx yy zz {word(rng)}")
    yield first.encode(verse), numbers(text.WhitespaceTokenizer(train).encode(verse))
    yield first.decode(first.encode(verse)), " ".join(verse.split())
    yield second.decode(second.encode("zz yy xx")), "zz yy xx"


@exercise.satisfies("WhitespaceTokenizer", points=1, kind="E", sizes=ONE, **BOTH)
def unknown_words(student, train, verse):
    """Words that the vocabulary lacks become 0, every time; so do known ones with a comma."""
    tokenizer, size = student.WhitespaceTokenizer(train), len(set(train.split())) + 1
    mixed = f"Quark {verse} apple, APPLE q"
    for _ in range(2):
        yield tokenizer.encode(mixed), numbers(text.WhitespaceTokenizer(train).encode(mixed))
    yield tokenizer.vocab_size, size
    yield tokenizer.decode([0, 0]), "<unk> <unk>"


@exercise.satisfies("WhitespaceTokenizer", points=1, kind="E", sizes=ONE)
def no_words(student):
    """Texts of white space have no ids, and an empty vocabulary has the unknown word only."""
    gaps = " \n\t  "
    empty = student.WhitespaceTokenizer(gaps)
    yield empty.vocab_size, 1
    yield empty.encode("a b"), numbers([0, 0])
    yield empty.encode(gaps), numbers([])
    yield empty.encode(""), numbers([])
    yield empty.decode([]), ""


@exercise.null("WhitespaceTokenizer")
class no_word_is_known:
    def __init__(self, text):
        self.vocab_size = 1

    def encode(self, text):
        return [0] * len(text.split())

    def decode(self, ids):
        return " ".join(["<unk>"] * len(ids))


exercise.slip(
    "WhitespaceTokenizer",
    "unknown_comes_last",
    '["<unk>", *sorted(set(text.split()))]',
    '[*sorted(set(text.split())), "<unk>"]',
    "<unk> comes last. It has id 0, and the others follow.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "skips_what_is_unknown",
    "[self.ids.get(word, 0) for word in text.split()]",
    "[self.ids[word] for word in text.split() if word in self.ids]",
    "Unknown words are left out. Each becomes 0, so that a reader sees the gap.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "splits_at_single_spaces",
    "for word in text.split()",
    'for word in text.split(" ")',
    "Words are cut at single spaces: line ends stay inside of words, and two spaces in a row make "
    "an empty word.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "lines_for_words",
    "set(text.split())",
    "set(text.splitlines())",
    "The vocabulary consists of lines. Cut them into words.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "characters",
    "set(text.split())",
    "set(text)",
    "The vocabulary consists of characters. Here the symbols are words.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "joins_without_spaces",
    '" ".join',
    '"".join',
    "decode writes the words without a space between them.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "joins_with_line_ends",
    '" ".join',
    '"\\n".join',
    "decode joins with line ends. Join with one space.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "ignores_case",
    "self.ids.get(word, 0)",
    "self.ids.get(word.lower(), 0)",
    "encode looks small letters up. Words in large letters are words of their own.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "drops_punctuation",
    "self.ids.get(word, 0)",
    'self.ids.get(word.strip(",.;:!?"), 0)',
    "Punctuation is taken off before a word is looked up. A word is all that stands between white "
    "space.",
)
exercise.slip(
    "WhitespaceTokenizer",
    "sorts_by_length",
    "sorted(set(text.split()))",
    "sorted(sorted(set(text.split())), key=len)",
    "Words are sorted by their length. Sort them as Python sorts strings.",
)


@exercise.mistake("CharTokenizer")
class one_vocabulary_for_all(text.CharTokenizer):
    """The tables belong to the class, not to the object: a second tokenizer overwrites them."""

    def __init__(self, given):
        symbols = ["<unk>", *sorted(set(given))]
        mine = type(self)
        mine.symbols, mine.vocab_size = symbols, len(symbols)
        mine.ids = {symbol: i for i, symbol in enumerate(symbols)}


@exercise.mistake("WhitespaceTokenizer")
class one_vocabulary_for_all_words(text.WhitespaceTokenizer):
    """The tables belong to the class, not to the object: a second tokenizer overwrites them."""

    def __init__(self, given):
        words = ["<unk>", *sorted(set(given.split()))]
        mine = type(self)
        mine.words, mine.vocab_size = words, len(words)
        mine.ids = {word: i for i, word in enumerate(words)}
