"""Hidden checks for vol2_pytorch/bpe.

Texts are made of few letters, so that merges compete, and of everything that PATTERN tells apart.
What is encoded is encoded with the merges that the reference learns from a text of each student's.
No two special tokens overlap in a text in any other way than that one begins with another.
"""

import itertools

from autograder import Exercise, Items, constant, derived, raises
from solutions.vol2_pytorch import bpe

# Two are beginnings of longer ones, and none is in its place by length or by alphabet.
SPECIAL = ("<|a|>", "<|a|>ab", "<|b|>", "<|a|><|b|>", "(?)")
SYLLABLES = ["ab", "abc", "bc", "cab", "aaa", "aaaa", "bab", "ca", "a"]
SPACES = [" ", " ", " ", " ", "  ", "\n", "\n\n", " \n ", "\t"]
TAILS = ["'ll", "'ve", "'s", "n't", "'", "''", "'l"]
OTHERS = ["1", "12", "3.5", "_ab", "!?", "\u00e9", "e\u0301", "\U0001f642", "\u4e2d\u6587", "\x00"]
# Where one shows that does not care for words, spaces, ends of contractions or special tokens.
PAIRS = "ab ab  <|a|>ab<|a|>a(?)it'll ab\n<|a|><|b|>we've  <|b|> aaa\u00e9 <|a|"


def draw_text(rng, length):
    """So many words of one to three syllables, with something else here and there."""
    parts = []
    for _ in range(length):
        parts += rng.choice(SYLLABLES, size=rng.integers(1, 4)).tolist()
        for kind, chance in ((TAILS, 0.1), (OTHERS, 0.2), (SPECIAL, 0.1)):
            if rng.random() < chance:
                parts.append(kind[rng.integers(len(kind))])
        parts.append(SPACES[rng.integers(len(SPACES))])
    return "".join(parts) + PAIRS


def train(rng, length):
    """What the reference learns from another text."""
    return bpe.train_bpe(draw_text(rng, length), 256 + 20 + len(SPECIAL), SPECIAL)


def draw_ids(rng, vocab):
    """Tokens of every kind, bytes that are seldom valid UTF-8, a letter in two halves."""
    learned, bytes_ = rng.integers(256, len(vocab), size=8), rng.integers(128, 256, size=12)
    ids = [*map(int, learned), 0xC3, 0xA9, *map(int, bytes_), 97, 0xF0, 0x9F, 0x99, 0x82, 0xE4, 98]
    return [*ids, *map(int, learned[:3])]


exercise = Exercise(
    "vol2_pytorch/bpe",
    solution=bpe,
    difficulty=4,
    minutes=240,
    inputs={
        "text": derived(draw_text),
        "trained": derived(train),
        "vocab": derived(lambda trained: trained[0]),
        "merges": derived(lambda trained: trained[1]),
        "special_tokens": constant(SPECIAL),
        "vocab_size": derived(lambda rng: 256 + len(SPECIAL) + int(rng.integers(14, 20))),
        "ids": derived(draw_ids),
    },
    sizes={"length": [12, 8, 16]},
)
SMALL, TINY = {"length": [10]}, {"length": [6]}


def shuffled(rng, parts):
    """The parts in another order."""
    return [parts[i] for i in rng.permutation(len(parts))]


# train_bpe


exercise.matches_reference("train_bpe", points=4)


@exercise.satisfies("train_bpe", kind="R", points=1, sizes={"draw": [0, 1]})
def ties_go_to_the_smallest_pair(student, rng):
    """Of several pairs that are equally frequent, the smallest wins, whatever comes first."""
    words = shuffled(rng, ["zyx", "xzw", "bca", "cab", "ywz"])
    text = " ".join(words)
    return student.train_bpe(text, 270)[1], bpe.train_bpe(text, 270)[1]


@exercise.satisfies("train_bpe", kind="R", points=1, sizes=TINY)
def overlapping_pairs_count(student, rng):
    """A run of three equal bytes holds two pairs; it is replaced from left to right."""
    runs = shuffled(rng, ["aaa", "aaaaa", "bb", "bb", "bb", "aaa", "cdcdc", "dddddd"])
    text = "\n".join(runs)
    return student.train_bpe(text, 264)[1], bpe.train_bpe(text, 264)[1]


@exercise.satisfies("train_bpe", kind="R", points=1, sizes=TINY)
def special_tokens_take_no_part(student, rng):
    """The text is cut at special tokens, the longest first; they are not counted and come last."""
    pieces = shuffled(rng, ["xy", "xy", "zx", "yzz", "yz", "zzz", "y"])
    text = "".join(piece + SPECIAL[n % 5] for n, piece in enumerate(pieces)) + "<|a|>ab" * 5
    got = student.train_bpe(text, 266, special_tokens=SPECIAL)
    return got, bpe.train_bpe(text, 266, special_tokens=SPECIAL)


@exercise.satisfies("train_bpe", points=1, sizes=SMALL)
def every_token_is_made_of_two_earlier_ones(student, text, vocab_size, special_tokens):
    """Each merge joins the bytes of two tokens that were there before it."""
    vocab, merges = student.train_bpe(text, vocab_size, special_tokens=special_tokens)
    for number, (left, right) in enumerate(merges):
        yield max(left, right) < 256 + number
        yield vocab[256 + number], vocab[left] + vocab[right]


@exercise.satisfies("train_bpe", points=1, sizes=SMALL)
def a_text_twice_gives_the_same_merges(student, text, special_tokens):
    """When every count doubles, the order of the pairs stays as it is."""
    twice = f"{text}<|b|>{text}"
    got = student.train_bpe(twice, 274, special_tokens=special_tokens)
    return got, student.train_bpe(f"{text}<|b|>", 274, special_tokens=special_tokens)


@exercise.satisfies("train_bpe", kind="E", points=1, sizes=TINY)
def stops_when_no_pair_is_left(student, rng):
    """Training ends early where every word is one token; an empty text has no pair at all."""
    text = " ".join(shuffled(rng, ["abcd", "abcd", "x"]))
    yield (
        student.train_bpe(text, 400, special_tokens=("<|b|>",)),
        bpe.train_bpe(text, 400, special_tokens=("<|b|>",)),
    )
    yield student.train_bpe("", 300), bpe.train_bpe("", 300)


@exercise.satisfies("train_bpe", kind="E", points=1, sizes=TINY)
def a_vocabulary_that_is_too_small_is_refused(student, text, special_tokens):
    """256 bytes and the special tokens are the least; one fewer raises ValueError."""
    yield student.train_bpe(text, 261, special_tokens=special_tokens)[1], []
    yield raises(ValueError, student.train_bpe, text, 260, special_tokens)
    yield raises(ValueError, student.train_bpe, text, 255)


@exercise.mistake("train_bpe")
def ties_go_to_the_largest(text, vocab_size, special_tokens=()):
    """Of equally frequent pairs the largest is taken. The smallest wins: by the left id, then by
    the right one."""
    best = lambda counts, _: max(counts, key=lambda p: (counts[p], p))  # noqa: E731
    return plain(text, vocab_size, special_tokens, best=best)


@exercise.mistake("train_bpe")
def ties_go_to_the_first(text, vocab_size, special_tokens=()):
    """Of equally frequent pairs the one that was met first is taken. The smallest wins, so that the
    order of the text does not matter."""
    return plain(text, vocab_size, special_tokens, best=lambda c, v: max(c, key=c.get))


@exercise.mistake("train_bpe")
def ties_go_by_bytes(text, vocab_size, special_tokens=()):
    """Equally frequent pairs are compared by their bytes. They are compared by their ids: a token
    that was learned later is larger."""
    return plain(
        text,
        vocab_size,
        special_tokens,
        best=lambda c, v: min(c, key=lambda p: (-c[p], v[p[0]], v[p[1]])),
    )


@exercise.mistake("train_bpe")
def overlaps_count_once(text, vocab_size, special_tokens=()):
    """Pairs that overlap are counted once. In `aaa` the pair of two a stands at two places, and
    both count."""

    def pairs_of(word):
        last, found = -2, []
        for at, pair in enumerate(itertools.pairwise(word)):
            if not found or pair != found[-1] or at > last + 1:
                found.append(pair)
                last = at
        return found

    return plain(text, vocab_size, special_tokens, pairs_of=pairs_of)


@exercise.mistake("train_bpe")
def merges_from_the_right(text, vocab_size, special_tokens=()):
    """A pair is replaced from right to left: `aaa` becomes a and aa. Replace from left to right."""

    def merge(ids, pair, new):
        return bpe._merged(ids[::-1], pair[::-1], new)[::-1]

    return plain(text, vocab_size, special_tokens, merge=merge)


@exercise.mistake("train_bpe")
def merges_once_per_word(text, vocab_size, special_tokens=()):
    """In each word only the first of several such pairs is replaced. Go on to its end."""

    def merge(ids, pair, new):
        at = next((i for i, p in enumerate(itertools.pairwise(ids)) if p == pair), None)
        return ids if at is None else [*ids[:at], new, *ids[at + 2 :]]

    return plain(text, vocab_size, special_tokens, merge=merge)


@exercise.mistake("train_bpe")
def merges_hold_bytes(text, vocab_size, special_tokens=()):
    """The merges are pairs of bytes. They are pairs of ids."""
    vocab, merges = bpe.train_bpe(text, vocab_size, special_tokens)
    return vocab, [(vocab[left], vocab[right]) for left, right in merges]


@exercise.mistake("train_bpe")
def counts_only_once(text, vocab_size, special_tokens=()):
    """Pairs are counted once, at the beginning. A merge changes the counts around it and makes new
    pairs: the next merge needs the counts as they are then."""
    if vocab_size < 256 + len(special_tokens):
        raise ValueError
    pieces = bpe._cut(text, special_tokens)[::2]
    words = [w.encode() for piece in pieces for w in bpe.re.findall(bpe.PATTERN, piece)]
    counts = bpe.Counter(pair for word in words for pair in itertools.pairwise(word))
    merges = sorted(counts, key=lambda p: (-counts[p], p))[: vocab_size - 256 - len(special_tokens)]
    tokens = [*map(bytes, merges), *(t.encode() for t in special_tokens)]
    return {i: bytes([i]) for i in range(256)} | dict(enumerate(tokens, start=256)), merges


def plain(text, vocab_size, special_tokens, *, best=None, pairs_of=None, merge=None):
    """The plain version with one thing done in another way."""
    pieces = bpe._cut(text, special_tokens)[::2]
    words = [list(w.encode()) for piece in pieces for w in bpe.re.findall(bpe.PATTERN, piece)]
    vocab, merges = {i: bytes([i]) for i in range(256)}, []
    if vocab_size < 256 + len(special_tokens):
        raise ValueError
    while len(vocab) + len(special_tokens) < vocab_size:
        counts = {}
        for word in words:
            for pair in (pairs_of or itertools.pairwise)(word):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            break
        pair = best(counts, vocab) if best else min(counts, key=lambda p: (-counts[p], p))
        words = [(merge or bpe._merged)(word, pair, len(vocab)) for word in words]
        merges.append(pair)
        vocab[len(vocab)] = vocab[pair[0]] + vocab[pair[1]]
    return vocab | {len(vocab) + i: t.encode() for i, t in enumerate(special_tokens)}, merges


FOUND = "for word in re.findall(PATTERN, piece))"
for name, old, new, hint, within in (
    (
        "pairs_cross_words",
        FOUND,
        "for word in [piece])",
        "Pairs are counted across words: a token holds the end of one word and the space after it. "
        "Cut the text into words by PATTERN first.",
        "",
    ),
    (
        "splits_at_white_space",
        FOUND,
        "for word in piece.split())",
        "Spaces are lost: words are cut at white space and not by PATTERN, where a space belongs "
        "to the word after it.",
        "",
    ),
    (
        "each_word_counts_once",
        "list(words.values())",
        "[1 for _ in words]",
        "Every distinct word counts once, however often it occurs. Its pairs count as often as the "
        "word does.",
        "",
    ),
    (
        "special_tokens_are_text",
        "_cut(text, special_tokens)[::2]",
        "[text]",
        "The special tokens are counted like other text, and tokens are made of their parts. Cut "
        "the text at them first.",
        "",
    ),
    (
        "special_tokens_are_words",
        "_cut(text, special_tokens)[::2]",
        "_cut(text, special_tokens)",
        "The text is cut at special tokens, and then they are counted, too. Leave them out.",
        "",
    ),
    (
        "special_tokens_vanish",
        "_cut(text, special_tokens)[::2]",
        '["".join(_cut(text, special_tokens)[::2])]',
        "The special tokens are taken out, and what stood before and after them is joined. A cut "
        "stays a cut: no word reaches across it.",
        "",
    ),
    (
        "the_shortest_special_token_wins",
        "key=len, reverse=True",
        "key=len",
        "Where two special tokens begin at one place, the shorter is found, and the rest of the "
        "longer is taken for text. Look for the longest first.",
        "_any_of",
    ),
    (
        "special_tokens_are_not_counted",
        "vocab_size - 256 - len(special_tokens)",
        "vocab_size - 256",
        "The vocabulary is too large: special tokens count in `vocab_size`.",
        "",
    ),
    (
        "bytes_are_not_counted",
        "vocab_size - 256 - len(special_tokens)",
        "vocab_size - len(special_tokens)",
        "The vocabulary is too large: the 256 bytes count in `vocab_size`.",
        "",
    ),
    (
        "one_merge_too_few",
        "len(merges) < most",
        "len(merges) < most - 1",
        "One merge is missing: count what fits beside bytes and special tokens.",
        "_learn",
    ),
    (
        "a_pair_must_occur_twice",
        "if counts[pair]:",
        "if counts[pair] > 1:",
        "Training stops while there are pairs: one that occurs once is a pair, too.",
        "_learn",
    ),
    (
        "special_tokens_are_sorted",
        "for token in special_tokens:",
        "for token in sorted(special_tokens):",
        "The special tokens are not in the order in which they were given.",
        "",
    ),
    (
        "forgets_the_special_tokens",
        "for token in special_tokens:",
        "for token in ():",
        "The special tokens are not in the vocabulary. They get the last ids.",
        "",
    ),
):
    exercise.slip("train_bpe", name, old, new, hint, within=within)


# encode


exercise.matches_reference("encode", points=3)


@exercise.satisfies("encode", kind="R", points=2, sizes=SMALL)
def the_earliest_merge_goes_first(student, rng):
    """In a word, of all pairs that can be merged the one learned first is merged first."""
    merges = [(98, 99), (97, 98), (97, 257), (256, 256), (97, 97), (260, 260), (99, 97)]
    vocab = vocabulary(merges)
    words = ["abc", "aab", "abcbc", "aaaaa", "bcabc", "aabcab", "caab", "aaa", "cab"]
    text = " ".join(shuffled(rng, words))
    return student.encode(text, vocab, merges), bpe.encode(text, vocab, merges)


@exercise.satisfies("encode", kind="R", points=1, sizes=SMALL)
def special_tokens_are_found_only_if_they_are_given(student, text, vocab, merges):
    """A special token is one only if it is among those that are given, in any order."""
    some = SPECIAL[3:0:-2]
    for given in ((), some):
        got = student.encode(text, vocab, merges, special_tokens=given)
        yield got, bpe.encode(text, vocab, merges, special_tokens=given)


@exercise.satisfies("encode", points=1, sizes=SMALL)
def the_bytes_of_the_tokens_are_the_text(student, text, vocab, merges, special_tokens):
    """Nothing is lost: the bytes of all tokens, joined, are the text."""
    ids = student.encode(text, vocab, merges, special_tokens=special_tokens)
    return b"".join(vocab[i] for i in ids), text.encode()


@exercise.satisfies("encode", points=1, sizes=SMALL)
def pieces_between_special_tokens_stand_alone(student, text, special_tokens):
    """What stands before a special token is encoded as if the text ended there."""
    before, after = text.split("\n")[0] + "  ", "  ab" + text[-20:]
    given = student.hold(vocabulary(EDGES, *special_tokens)), student.hold(EDGES)
    whole = student.encode(f"{before}<|b|>{after}", *given, special_tokens=special_tokens)
    parts = [
        student.encode(part, *given, special_tokens=special_tokens)
        for part in (before, "<|b|>", after)
    ]
    return whole, [i for part in parts for i in part]


@exercise.satisfies("encode", kind="E", points=1, sizes=TINY)
def without_merges_there_are_bytes(student, text, vocab, merges):
    """Without merges the ids are the bytes; an empty text has none."""
    yield student.encode(text, vocab, []), list(text.encode())
    yield student.encode("", vocab, merges), []
    yield student.encode("<|b|>", vocab, merges, special_tokens=("<|b|>",)), [len(vocab) - 3]


@exercise.satisfies("encode", kind="E", points=1, sizes=TINY)
def vocab_and_merges_stay_as_they_are(student, text, vocab, merges, special_tokens):
    """Encoding changes neither the vocabulary nor the merges."""
    held = student.hold(vocab), student.hold(merges)
    student.encode(text, *held, special_tokens=special_tokens)
    yield student.fetch(held[0]), vocab
    yield student.fetch(held[1]), merges


def in_each_word(text, vocab, merges, special_tokens, encode_word, cut=None):
    """`encode` with another way to encode a word or to cut a piece into words."""
    id_of = {token: i for i, token in vocab.items()}
    ids = []
    for number, piece in enumerate(bpe._cut(text, special_tokens)):
        if number % 2:
            ids.append(id_of[piece.encode()])
        else:
            for word in (cut or (lambda p: bpe.re.findall(bpe.PATTERN, p)))(piece):
                ids += encode_word(word)
    return ids


@exercise.mistake("encode")
def takes_the_longest_token(text, vocab, merges, special_tokens=()):
    """At each place the longest token that fits is taken. Merge pairs instead, in the order in
    which they were learned; the two agree often, but not always."""
    known = {token: i for i, token in vocab.items() if i < 256 + len(merges)}

    def encode_word(word):
        raw, ids = word.encode(), []
        while raw:
            size = max(n for n in range(1, len(raw) + 1) if raw[:n] in known)
            ids.append(known[raw[:size]])
            raw = raw[size:]
        return ids

    return in_each_word(text, vocab, merges, special_tokens, encode_word)


@exercise.mistake("encode")
def merges_from_left_to_right(text, vocab, merges, special_tokens=()):
    """The leftmost pair that can be merged is merged first. The pair that was learned first comes
    first, wherever it stands."""
    ranks = {tuple(pair): i for i, pair in enumerate(merges)}

    def encode_word(word):
        ids = list(word.encode())
        while able := [n for n, p in enumerate(itertools.pairwise(ids)) if p in ranks]:
            n = able[0]
            ids[n : n + 2] = [256 + ranks[ids[n], ids[n + 1]]]
        return ids

    return in_each_word(text, vocab, merges, special_tokens, encode_word)


@exercise.mistake("encode")
def goes_through_the_word_once(text, vocab, merges, special_tokens=()):
    """Each word is gone through once, so that a merged pair is never merged again. Repeat until no
    pair is left that can be merged."""
    ranks = {tuple(pair): i for i, pair in enumerate(merges)}

    def encode_word(word):
        ids = list(word.encode())
        pairs = sorted({p for p in itertools.pairwise(ids) if p in ranks}, key=ranks.get)
        for pair in pairs:
            ids = bpe._merged(ids, pair, 256 + ranks[pair])
        return ids

    return in_each_word(text, vocab, merges, special_tokens, encode_word)


for name, old, new, hint, within in (
    (
        "the_latest_merge_goes_first",
        "ranks.get(p, len(ranks))",
        "-ranks.get(p, -1)",
        "The pair that was learned last is merged first. Training began with merge 0, so encoding "
        "does, too.",
        "_word_encoder",
    ),
    (
        "makes_one_merge_per_word",
        "            ids = _merged(ids, pair, 256 + ranks[pair])",
        "            return _merged(ids, pair, 256 + ranks[pair])",
        "Only one pair is merged in each word. Go on until none is left that can be merged.",
        "_word_encoder",
    ),
    (
        "ids_are_one_off",
        "256 + ranks[pair]",
        "257 + ranks[pair]",
        "The ids of merged pairs are one too large: merge 0 makes the id 256.",
        "_word_encoder",
    ),
    (
        "code_points_for_bytes",
        "word.encode()",
        "[ord(character) for character in word]",
        "Characters are taken by their number in Unicode. The ids up to 255 are bytes of UTF-8: an "
        "accented letter has two.",
        "_word_encoder",
    ),
    (
        "merges_across_words",
        "for word in re.findall(PATTERN, piece):",
        "for word in [piece]:",
        "Pairs are merged across words. Cut the text by PATTERN first, as training does.",
        "",
    ),
    (
        "loses_spaces",
        "for word in re.findall(PATTERN, piece):",
        "for word in piece.split():",
        "White space is lost. Cut the text by PATTERN: a space belongs to the word after it.",
        "",
    ),
    (
        "special_tokens_are_encoded_as_text",
        "_cut(text, special_tokens)",
        "[text]",
        "Special tokens are encoded like other text. Cut the text at them first; each is one id.",
        "",
    ),
    (
        "a_shorter_special_token_wins",
        "key=len, reverse=True",
        "key=len",
        "Where two special tokens begin at one place, the shorter is found. The longest wins.",
        "_any_of",
    ),
    (
        "special_tokens_are_patterns",
        "map(re.escape, longest_first)",
        "longest_first",
        "A special token is read as a regular expression, in which | and ? mean something. See "
        "`re.escape`.",
        "_any_of",
    ),
    (
        "special_tokens_vanish_when_encoded",
        "ids.append(id_of[piece.encode()])",
        "continue",
        "Special tokens are left out. Each is one id.",
        "",
    ),
    (
        "special_ids_from_256_on",
        "ids.append(id_of[piece.encode()])",
        "ids.append(256 + list(special_tokens).index(piece))",
        "The ids of special tokens begin at 256. They come after the merges: look them up in "
        "`vocab`.",
        "",
    ),
):
    exercise.slip("encode", name, old, new, hint, within=within)


# decode


exercise.matches_reference("decode", points=2)


@exercise.satisfies("decode", points=1, sizes=SMALL)
def what_was_encoded_comes_back(student, text, vocab, merges, special_tokens):
    """A text comes back from its ids as it was, whatever it is made of."""
    ids = bpe.encode(text, vocab, merges, special_tokens=special_tokens)
    yield student.decode(ids, vocab), text
    yield student.decode(list(text.encode()), vocab), text


@exercise.satisfies("decode", kind="E", points=1, sizes=TINY)
def no_ids_are_no_text(student, vocab):
    """No ids give an empty text; half a character at the end is one U+FFFD."""
    yield student.decode([], vocab), ""
    yield student.decode([97, 0xE4, 0xB8], vocab), "a\ufffd"


@exercise.mistake("decode")
def decodes_each_token(ids, vocab):
    """Every token is decoded on its own. A character may consist of several tokens: join the bytes
    first."""
    return "".join(vocab[i].decode(errors="replace") for i in ids)


for name, new, hint in (
    (
        "ignores_what_is_invalid",
        'decode(errors="ignore")',
        "Bytes that are no valid UTF-8 vanish. They become U+FFFD, so that one sees them.",
    ),
    (
        "writes_escapes",
        'decode(errors="backslashreplace")',
        "Bytes that are no valid UTF-8 are written with backslashes. They become U+FFFD.",
    ),
    (
        "reads_latin_1",
        'decode("latin-1")',
        "Every byte becomes a character. The bytes are UTF-8, where a character has up to four.",
    ),
):
    exercise.slip("decode", name, 'decode(errors="replace")', new, hint)
exercise.slip(
    "decode",
    "puts_spaces_between",
    'b"".join',
    'b" ".join',
    "There are spaces between the tokens. Spaces are in the tokens already.",
)


# encode_iterable


def ids_of(student, chunks, *given):
    """All ids of a stream, at once."""
    stream = student.keep(student.encode_iterable, Items(iter(chunks)), *given)
    return student.library("builtins.list")(stream)


def cut(rng, text, longest):
    """The text in chunks of up to `longest` characters; some are empty."""
    chunks, at = [], 0
    while at < len(text):
        size = int(rng.integers(longest + 1))
        chunks.append(text[at : at + size])
        at += size
    return chunks


@exercise.satisfies("encode_iterable", kind="R", points=3, sizes={"length": [12, 8]})
def gives_the_ids_of_the_whole_text(student, text, vocab, merges, special_tokens, rng):
    """Cut into chunks of any size, a text has the ids that it has as a whole."""
    want = bpe.encode(text, vocab, merges, special_tokens=special_tokens)
    given = student.hold(vocab), student.hold(merges), special_tokens
    for longest in (2, 15):
        yield ids_of(student, cut(rng, text, longest), *given), want
    yield ids_of(student, [text], *given), want
    whole = bpe.encode(text, vocab, merges)
    yield ids_of(student, [text[:9], text[9:]], *given[:2]), whole


def vocabulary(merges, *more):
    """The tokens that merges make, and further ones."""
    vocab = {i: bytes([i]) for i in range(256)}
    for left, right in merges:
        vocab[len(vocab)] = vocab[left] + vocab[right]
    return vocab | {len(vocab) + i: token.encode() for i, token in enumerate(more)}


# Pairs in which it shows to which word a space, a line end or an apostrophe belongs:
# "\n\n", "  ", " \n", "\n ", "'l", "'ll", "'v", "'ve", "'r", " a", " '", "ab".
EDGES = [(10, 10), (32, 32), (32, 10), (10, 32), (39, 108), (260, 108), (39, 118), (262, 101)]
EDGES += [(39, 114), (32, 97), (32, 39), (97, 98)]
# Two words change at "'l" and "'v"; white space belongs here or there; a special token begins, or
# ends and may go on, or has two spaces or a piece of a contraction before it.
CUTS = (
    "it'll we've a  b\n\n c",
    "ab  <|a|>ab'l<|a|><|b|>l",
    "a<|a|> <|a|>a  <|b|>(?)'re",
    "''s\n\nx y z ab ab ab",
    "a \n<|b|>ab 12 ab",
)


@exercise.satisfies("encode_iterable", kind="R", points=2, sizes=TINY)
def it_does_not_matter_where_a_text_is_cut(student, special_tokens):
    """Two chunks give the same ids wherever the cut is: in a word, in white space, in a token."""
    vocab = vocabulary(EDGES, *special_tokens)
    given = student.hold(vocab), student.hold(EDGES), special_tokens
    for text in CUTS:
        want = bpe.encode(text, vocab, EDGES, special_tokens=special_tokens)
        for at in range(1, len(text)):
            yield ids_of(student, [text[:at], text[at:]], *given), want


@exercise.satisfies("encode_iterable", points=3, sizes=TINY)
def only_the_unsettled_end_is_held_back(student, vocab, merges, special_tokens, rng):
    """Whenever a chunk is pulled, all ids are out but those of the last few words."""
    words = rng.choice(["ab", "abc", "cab,", "a'll", "12", "\u00e9"], size=60).tolist()
    words[5:20:5] = ["<|b|>"] * 3
    text = " ".join(words)
    chunks = [c for c in cut(rng, text, 8) if c]
    pulled, out, held = 0, 0, []

    def stream():
        nonlocal pulled
        for chunk in chunks:
            held.append(pulled - out)
            pulled += len(chunk.encode())
            yield chunk

    ids = student.keep(
        student.encode_iterable, Items(stream()), vocab, merges, special_tokens=special_tokens
    )
    yield not held  # nothing is pulled before an id is asked for
    ids, got = student.keep(student.library("builtins.iter"), ids), []
    following = student.library("builtins.next")
    while len(got) <= len(text) and (token := following(ids, None)) is not None:
        got.append(token)
        out += len(vocab[token])
    # Ten bytes of a special token, five words of up to seven, and one chunk more than is needed.
    yield max(held) <= 60
    yield got, bpe.encode(text, vocab, merges, special_tokens=special_tokens)


@exercise.measures("encode_iterable", bands={2.2: 1}, seconds=8.0)
def a_long_stream_takes_no_memory(student, vocab, merges):
    """Four megabytes of text take at most {} megabytes more memory than a tenth of it."""
    face = "\U0001f642" * 100  # four bytes of memory a character, and quickly encoded
    given = student.hold({**vocab, len(vocab): face.encode()}), merges, (face,)

    def consume(count):
        chunks = (f"{face * 20} {number}" for number in range(count))
        stream = student.keep(student.encode_iterable, Items(chunks), *given)
        student.keep(student.library("collections.deque"), stream, 0)

    consume(50)
    return student.memory_during(lambda: consume(550)) / 1e6


@exercise.satisfies("encode_iterable", kind="E", points=1, sizes=TINY)
def empty_chunks_change_nothing(student, vocab, merges, special_tokens):
    """No chunks, empty chunks, and an empty chunk in the middle of a word."""
    given = student.hold(vocab), student.hold(merges), special_tokens
    yield ids_of(student, [], *given), []
    yield ids_of(student, ["", ""], *given), []
    want = bpe.encode("ab <|b|>ab", vocab, merges, special_tokens=special_tokens)
    yield ids_of(student, ["a", "", "b <", "", "|b|>", "", "ab", ""], *given), want


@exercise.mistake("encode_iterable")
def encodes_each_chunk_on_its_own(chunks, vocab, merges, special_tokens=()):
    """Every chunk is encoded on its own. A word or a special token may be cut: hold back what is
    not certain yet, and put the next chunk behind it."""
    for chunk in chunks:
        yield from bpe.encode(chunk, vocab, merges, special_tokens)


@exercise.mistake("encode_iterable")
def reads_everything_first(chunks, vocab, merges, special_tokens=()):
    """Text is held back that can no longer change, perhaps all of it. Yield what is certain before
    the next chunk is pulled."""
    yield from bpe.encode("".join(chunks), vocab, merges, special_tokens)


@exercise.mistake("encode_iterable")
def returns_a_list(chunks, vocab, merges, special_tokens=()):
    """The text is read when the function is called, and all ids are returned at once. Write a
    generator: it yields ids as they become certain."""
    return bpe.encode("".join(chunks), vocab, merges, special_tokens)


@exercise.mistake("encode_iterable")
def yields_lists(chunks, vocab, merges, special_tokens=()):
    """Lists are yielded. Yield one id after the other."""
    for token in bpe.encode_iterable(chunks, vocab, merges, special_tokens):
        yield [token]


@exercise.mistake("encode_iterable")
def cuts_at_the_last_space(chunks, vocab, merges, special_tokens=()):
    """What stands before the last space is taken for settled. White space before it may belong to a
    longer run, and a special token may have begun: only whole words that cannot change are
    settled."""
    held = ""
    for chunk in chunks:
        head, space, tail = (held + chunk).rpartition(" ")
        yield from bpe.encode(head, vocab, merges, special_tokens)
        held = space + tail
    yield from bpe.encode(held, vocab, merges, special_tokens)


@exercise.mistake("encode_iterable")
def goes_line_by_line(chunks, vocab, merges, special_tokens=()):
    """Each line is encoded as soon as it is complete. White space after a line end belongs to the
    same word, and a line may be very long."""
    held = ""
    for chunk in chunks:
        *lines, held = (held + chunk).split("\n")
        for line in lines:
            yield from bpe.encode(line + "\n", vocab, merges, special_tokens)
    yield from bpe.encode(held, vocab, merges, special_tokens)


WORDS = "        for word in words:\n            yield from encode_word(word)\n"
for name, old, new, hint in (
    (
        "holds_back_one_word",
        "[:-2]",
        "[:-1]",
        "Only the last word is held back. When a contraction is cut, the next letter changes the "
        "last two: look for one in the first row of the table of PATTERN.",
    ),
    (
        "holds_back_no_word",
        "[:-2]",
        "",
        "The last word is taken for settled, but the next chunk may go on with it.",
    ),
    (
        "waits_for_special_tokens",
        "[:-2]",
        "[:0]",
        "Text is held back that can no longer change, perhaps all of it. Yield what is certain "
        "before the next chunk is pulled.",
    ),
    (
        "forgets_the_tail",
        "yield from encode(held, vocab, merges, special_tokens)",
        "return",
        "The end of the text is missing. When the chunks are used up, what is held is settled.",
    ),
    (
        "special_tokens_have_not_begun",
        "len(held) - longest + 1",
        "len(held)",
        "A special token that is cut is not found: its beginning is taken for text. Hold back what "
        "may be the beginning of one.",
    ),
    (
        "a_longer_special_token_is_missed",
        "found.start() >= sure",
        "False",
        "A special token is yielded although a longer one may begin in the same way. Wait until "
        "the longest one would have had room.",
    ),
    (
        "words_are_cut_again",
        WORDS,
        "        yield from encode(''.join(words), vocab, merges)\n",
        "The settled words are joined and cut into words once more. PATTERN looks at what follows: "
        "white space at the end becomes another word then. Encode them one by one.",
    ),
    (
        "stops_at_an_empty_chunk",
        "        held += chunk\n",
        "        if not chunk:\n            break\n        held += chunk\n",
        "An empty chunk is taken for the end. The end is where the iterator ends.",
    ),
    (
        "yields_words_twice",
        "held[start + sum(map(len, words)) :]",
        "held[start:]",
        "Words that were yielded are kept and yielded again. Keep what comes after them.",
    ),
    (
        "special_tokens_are_kept",
        "held[start + sum(map(len, words)) :]",
        "held[sum(map(len, words)) :]",
        "The wrong part of the text is kept after a special token: what stood before it is done.",
    ),
):
    exercise.slip("encode_iterable", name, old, new, hint)
