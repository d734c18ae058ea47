"""Byte-pair encoding: find frequent pieces of text, and cut any text into them."""

# %% [markdown]
# # Byte-pair encoding
#
# **The question.** Characters make sequences long; words make the vocabulary endless and still
# leave every new word unknown. Is there a set of symbols in between, of a size that we choose, in
# which frequent words are short and nothing is ever unknown?
#
# You write four functions:
#
# | function | what it does |
# | --- | --- |
# | `train_bpe(text, vocab_size, special_tokens=())` | finds the pieces: a vocabulary and merges |
# | `encode(text, vocab, merges, special_tokens=())` | text to ids |
# | `decode(ids, vocab)` | ids to text |
# | `encode_iterable(chunks, vocab, merges, special_tokens=())` | the same for a stream of text |
#
# You need lists, dictionaries, `re` and generators, and about four hours.

# %%
import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

# %% [markdown]
# ## 1. Bytes, and words
#
# **Bytes.** In UTF-8 every text is a sequence of bytes, one for an ASCII character, two to four for
# any other: `"né".encode()` is `110 195 169`. There are only 256 of them, so if the vocabulary
# begins with all bytes, ids 0 to 255, then *nothing is unknown*, in any script. All else is longer
# pieces, made by joining two shorter ones.
#
# **Words.** Pieces should not reach across words: `dog.` and `dog!` would become two symbols that
# have nothing in common. So text is cut into words first, by a pattern that is close to the one of
# GPT-2. A word takes the space before it along; several spaces leave the last one to the word:
#
# | text | words |
# | --- | --- |
# | `I'll see 42 dogs!` | `I` `'ll` ` see` ` 42` ` dogs` `!` |
# | two spaces: `a  b` | `a`, one space, ` b` |
# | `don't_stop\n\n` | `don` `'t` `_` `stop` `\n\n` |
#
# Every character belongs to exactly one word, so joining the words gives the text back.

# %%
# In this order: ends of English short forms, letters, digits, anything else that is visible, white
# space up to the last one before a word, white space.
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"

# %% [markdown]
# ## 2. Training
#
# Replace every word by the list of its bytes, and count how often each pair of neighbours occurs.
# Join the most frequent pair into one new symbol wherever it stands, and count again. Each round
# makes one *merge* `(left, right)` and one id: merge $i$ makes id $256 + i$, and its bytes are
# those of `left` followed by those of `right`.
#
# ![The words low, low with a space before it, and lower with a space before it, as bytes. After
# the first merge l and o are one symbol, after the second lo and w, after the third the space and
# low.](figures/bpe.svg)
#
# With the text `low low lower`:
#
# | round | pairs, the most frequent first | merge | id |
# | ---: | --- | --- | ---: |
# | 1 | `l o` 3, `o w` 3, `␣ l` 2, `w e` 1, `e r` 1 | `l o` | 256 |
# | 2 | `lo w` 3, `␣ lo` 2, `w e` 1, `e r` 1 | `lo w` | 257 |
# | 3 | `␣ low` 2, `low e` 1, `e r` 1 | `␣ low` | 258 |
# | 4 | `␣low e` 1, `e r` 1 | yours to find | 259 |
#
# The rules that make two programs agree:
#
# - **Ties.** Of several pairs that are most frequent the smallest wins, compared by the left id and
#   then by the right one. In round 1 that is `l o`, (108, 111), and not `o w`, (111, 119).
# - **Counting.** Pairs within a word count, pairs across words do not. Overlapping ones count: in
#   `aaa` the pair `a a` occurs twice. *Joining* goes from left to right and cannot overlap: `aaa`
#   becomes `aa a`.
# - **The end.** There are `vocab_size` ids in all. If no pair is left before that, training stops
#   early. A pair that occurs once is still a pair.
# - **Special tokens**, like `<|end|>` between two documents, are not text. The text is cut at them
#   before it is cut into words, so no merge sees any part of them. They get the last ids, in the
#   given order, and count in `vocab_size`.
#
# **What it costs.** Counting all pairs anew in every round takes (length of the text) times
# (number of merges). Two observations make it quick, and you may use one, both or none:
#
# 1. A text of a million characters has few distinct words. Keep each once, with how often it
#    occurs.
# 2. A merge changes the words that contain its pair, and no others. If you know which these are,
#    you subtract the counts of their old pairs and add those of their new ones. The most frequent
#    pair then comes from a heap, where outdated entries are recognised when they come up.


# %%
### BEGIN SOLUTION
Pair = tuple[int, int]


def _cut(text: str, special_tokens: Sequence[str]) -> list[str]:
    """Text, special token, text, special token, ..., text: joined, it is the text again."""
    return re.split(f"({_any_of(special_tokens)})", text)


def _any_of(special_tokens: Sequence[str]) -> str:
    """A pattern for special tokens. The first alternative that fits wins: the longest it is."""
    longest_first = sorted(special_tokens, key=len, reverse=True)
    return "|".join(map(re.escape, longest_first)) or "(?!)"  # (?!) fits nowhere


def _merge(ids: Sequence[int], pair: Pair, new: int) -> list[int]:
    """`ids` with `new` wherever `pair` stood, from left to right."""
    out: list[int] = []
    i = 0
    while i < len(ids):
        found = tuple(ids[i : i + 2]) == pair
        out.append(new if found else ids[i])
        i += 2 if found else 1
    return out


### END SOLUTION
def train_bpe(
    text: str, vocab_size: int, special_tokens: Sequence[str] = ()
) -> tuple[dict[int, bytes], list[tuple[int, int]]]:
    """Find the merges for a text.

    Args:
        text: What to learn from.
        vocab_size: How many ids there are at most: bytes, merges and special tokens.
        special_tokens: Distinct and not empty. The text is cut wherever one of them stands.

    Returns:
        vocab: dict of id: bytes. The 256 single bytes, one entry per merge, the special tokens.
        merges: list of (left id, right id), in the order in which they were found.

    Raises:
        ValueError: `vocab_size` has no room for the bytes and the special tokens.

    Source:
        Sennrich, Haddow and Birch 2016, section 3.2 (arXiv:1508.07909).
    """
    ### BEGIN SOLUTION
    room = vocab_size - 256 - len(special_tokens)
    if room < 0:
        least = 256 + len(special_tokens)
        raise ValueError(f"vocab_size is {vocab_size}; bytes and special tokens are {least}")
    times = Counter(
        w for part in _cut(text, special_tokens)[::2] for w in re.findall(PATTERN, part)
    )
    words = {word: list(word.encode()) for word in times}
    count: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[str]] = defaultdict(set)
    for word, ids in words.items():
        for pair in pairwise(ids):
            count[pair] += times[word]
            where[pair].add(word)
    # The smallest entry is the most frequent pair, and the smallest one of these.
    heap = [(-n, pair) for pair, n in count.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < room:
        n, best = heapq.heappop(heap)
        if -n != count[best]:
            continue  # its count has changed since
        changed = set()
        for word in where[best]:
            old, new = words[word], _merge(words[word], best, 256 + len(merges))
            words[word] = new
            for pair in pairwise(old):
                count[pair] -= times[word]
                changed.add(pair)
            for pair in pairwise(new):
                count[pair] += times[word]
                where[pair].add(word)
                changed.add(pair)
        merges.append(best)
        for pair in changed:
            if count[pair]:
                heapq.heappush(heap, (-count[pair], pair))
    vocab = {i: bytes([i]) for i in range(256)}
    for left, right in merges:
        vocab[len(vocab)] = vocab[left] + vocab[right]
    for token in special_tokens:
        vocab[len(vocab)] = token.encode()
    return vocab, merges
    ### END SOLUTION


# %%
from typing import Any

from autograder.selfcheck import Check, Student


def _lengths_and_bytes(student: Student, vocab: Any) -> list[list[int]]:
    """The tokens of a vocabulary in the order of their ids, as lists of numbers."""
    as_list = student.library("builtins.list")
    values = student.keep(student.part(vocab, "values"))
    tokens = as_list(student.keep(student.library("builtins.map"), as_list, values))
    return [token for _, token in sorted(zip(as_list(vocab), tokens, strict=True))]


def visible_train_bpe(student: Student, check: Check) -> None:
    """The text of the handout to its end, overlapping pairs, a special token, too little room."""
    item = student.library("operator.getitem")

    def train(*args: Any) -> tuple[Any, list[list[int]]]:
        result = student.keep(student.train_bpe, *args)
        return item(result, 1), _lengths_and_bytes(student, student.keep(item, result, 0))

    merges, tokens = train("low low lower", 300)
    want = [(108, 111), (256, 119), (32, 257), (101, 114), (258, 259)]
    check.true(len(merges) == 5, f"low low lower has 5 merges, got {len(merges)}")
    check.close(merges, want, "the merges of low low lower")
    check.true(len(tokens) == 261, f"the vocabulary has {len(tokens)} entries, expected 256 + 5")
    check.true(tokens[:256] == [[i] for i in range(256)], "ids 0 to 255 are the single bytes")
    check.close(tokens[260], list(b" lower"), "the bytes of id 260")
    merges, _ = train("aaa bb bb", 257)
    check.close(merges, [(32, 98)], "the first merge of 'aaa bb bb': three pairs occur twice")
    merges, tokens = train("ab<|end|>ab<|end|>", 300, ("<|end|>",))
    check.close(merges, [(97, 98)], "the merges of 'ab<|end|>ab<|end|>'")
    check.close(tokens[-1], list(b"<|end|>"), "the bytes of the last id")
    check.raises(ValueError, student.train_bpe, "ab", 256, ("<|end|>",))


# %% [markdown]
# ## 3. Encoding
#
# Encoding replays the training on a new text: cut at special tokens, cut into words, write each
# word as bytes, and merge. The merges are applied *in the order in which they were found*, because
# each was chosen in a text where the earlier ones had been made. In a word, look for the pair that
# was merged earliest, join it wherever it stands in the word, and repeat until no pair of the word
# is among the merges.
#
# With the merges of section 2, ` lowest` begins as seven bytes. Three merges apply, then what is
# left is `␣low` `e` `s` `t`. A longer piece is not always better: with the merges `b c` and then
# `a b`, in this order, `abc` is `a` `bc`.
#
# **Special tokens.** Only those that are passed count; a text that users typed is encoded without
# any, so that nobody can smuggle in an end of document. A special token becomes its one id. Where
# two fit at one place the longest wins: with `<|a|>` and `<|a|><|b|>` the text `<|a|><|b|>` is one
# id. Their ids stand in `vocab`, and if an ordinary piece happens to have the same bytes, the
# special token is the one that comes last.
#
# **Speed.** A long text repeats its words. Encode each distinct word once and look it up the next
# time: this alone makes a program in Python as quick as compiled ones that do not.
#
# The last step is yours: which id has the pair that was merged as number $i$? Two merges may make
# the same bytes in different ways, so do not look the bytes up.


# %%
### BEGIN SOLUTION
def _word_encoder(merges: Sequence[Pair]) -> Callable[[str], tuple[int, ...]]:
    """A function that gives the ids of a word, and remembers many but not all of them."""
    order = {pair: i for i, pair in enumerate(merges)}

    @lru_cache(maxsize=1 << 16)
    def encode_word(word: str) -> tuple[int, ...]:
        ids = list(word.encode())
        while True:
            earliest = min((order.get(p, len(order)) for p in pairwise(ids)), default=len(order))
            if earliest == len(order):
                return tuple(ids)
            ids = _merge(ids, merges[earliest], 256 + earliest)

    return encode_word


### END SOLUTION
def encode(
    text: str,
    vocab: Mapping[int, bytes],
    merges: Sequence[tuple[int, int]],
    special_tokens: Sequence[str] = (),
) -> list[int]:
    """Turn text into ids.

    Args:
        text: Any text.
        vocab: What `train_bpe` returned.
        merges: What `train_bpe` returned.
        special_tokens: Those of the vocabulary that are to be recognised in the text.

    Returns:
        ids: list of int. Their bytes, joined, are the bytes of the text.

    Source:
        Radford et al. 2019, Language models are unsupervised multitask learners, section 2.2.
    """
    ### BEGIN SOLUTION
    encode_word = _word_encoder(merges)
    numbers = {token: i for i, token in vocab.items()}
    ids: list[int] = []
    for i, part in enumerate(_cut(text, special_tokens)):
        if i % 2:
            ids.append(numbers[part.encode()])
        else:
            for word in re.findall(PATTERN, part):
                ids += encode_word(word)
    return ids
    ### END SOLUTION


# %%
from typing import Any

from autograder.selfcheck import Check, Student

_MERGES = [(108, 111), (256, 119), (32, 257), (101, 114), (258, 259)]
_PIECES = [[i] for i in range(256)] + [list(b) for b in (b"lo", b"low", b" low", b"er", b" lower")]
_SPECIAL = ("<|a|>", "<|a|><|b|>")


def _vocabulary(student: Student) -> Any:
    """The vocabulary of `low low lower` with two special tokens, as a dict of bytes."""
    pieces = _PIECES + [list(token.encode()) for token in _SPECIAL]
    tokens = student.keep(
        student.library("builtins.map"), student.library("builtins.bytes"), pieces
    )
    numbered = student.keep(student.library("builtins.enumerate"), tokens)
    return student.keep(student.library("builtins.dict"), numbered)


def visible_encode(student: Student, check: Check) -> None:
    """Words worked out by hand, the order of merges, special tokens, other scripts."""
    vocab = _vocabulary(student)
    check.close(student.encode("low lower", vocab, _MERGES), [257, 260], 'encode("low lower")')
    lowest = student.encode(" lowest", vocab, _MERGES)
    check.close(lowest, [258, 101, 115, 116], 'encode(" lowest")')
    early = student.encode("abc", vocab, [(98, 99), (97, 98)])
    check.close(early, [97, 256], 'encode("abc") with the merges b c and a b, in this order')
    text = "low<|a|><|b|><|a|>"
    ids = student.encode(text, vocab, _MERGES, _SPECIAL)
    check.close(ids, [257, 262, 261], f"encode({text!r}) with both special tokens")
    ids = student.encode(text, vocab, _MERGES)
    check.close(ids, [257, *text[3:].encode()], f"encode({text!r}) without special tokens")
    check.close(student.encode("n\u00e9", vocab, _MERGES), [110, 195, 169], 'encode("n\u00e9")')
    check.close(student.encode("", vocab, _MERGES), [], 'encode("")')


# %% [markdown]
# ## 4. Decoding
#
# Look up the bytes of every id, join them, and read them as UTF-8. In which order do you join and
# read? A character of three bytes can be spread over three ids, and none of them is text on its
# own.
#
# A model may also say bytes that are no UTF-8 at all: half a character, say, because it was cut
# off. That must not end the program: what cannot be read becomes U+FFFD, the replacement character,
# and `bytes.decode` has an argument for this.


# %%
def decode(ids: Iterable[int], vocab: Mapping[int, bytes]) -> str:
    """Turn ids into text.

    Args:
        ids: Ids of the vocabulary, in any order.
        vocab: What `train_bpe` returned.

    Returns:
        text: The bytes of the ids, read as UTF-8; U+FFFD stands for what cannot be read.

    Source:
        The Unicode Standard, section 3.9 (U+FFFD substitution).
    """
    ### BEGIN SOLUTION
    return b"".join(vocab[i] for i in ids).decode("utf-8", errors="replace")
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_decode(student: Student, check: Check) -> None:
    """Pieces, a character of three bytes, a special token, half a character."""
    vocab = _vocabulary(student)
    for ids, want in (
        ([257, 260, 33], "low lower!"),
        ([226, 130, 172, 32, 195, 169], "\u20ac \u00e9"),
        ([261, 257], "<|a|>low"),
        ([97, 195, 98], "a\ufffdb"),
        ([], ""),
    ):
        got = student.decode(ids, vocab)
        check.true(got == want, f"decode({ids}) is {got!r}, expected {want!r}")


# %% [markdown]
# ## 5. A stream of text
#
# A corpus may be larger than the memory. `encode_iterable` gets it in chunks, cut anywhere, and
# yields the ids that `encode` would give for the whole. It never holds more than it has to: a chunk
# comes in, the ids that are certain go out, and only then is the next chunk asked for.
#
# What is certain? Say the text read so far ends here:
#
# | the end so far | what may follow | and the last words are |
# | --- | --- | --- |
# | `… low` | `er` | ` lower`, and not ` low` |
# | `… a` and two spaces | `b` | one space, ` b` |
# | `… it'l` | `l` | `'ll`, and not `'` `l` |
#
# So the last word can still change, and in the third case the last two. The pattern looks no
# further: whatever comes, all words before the last two stay as they are.
#
# Special tokens need more care. With `<|end|>`, the end `… low <|e` may become a special token.
# Then the text before it ends at the space, and words end where text ends. How many characters
# must there be after a position before it is certain that no special token begins there, or which
# one? Call this position the end of the safe text. What holds for the end of the text read so far
# then holds for the end of the safe text, and the last step is yours:
#
# 1. Which ids can go out: special tokens that begin in the safe text, the words before them, and
#    which words after the last of them?
# 2. What stays for the next round?
#
# Do not forget what is left when the stream ends.


# %%
def encode_iterable(
    chunks: Iterable[str],
    vocab: Mapping[int, bytes],
    merges: Sequence[tuple[int, int]],
    special_tokens: Sequence[str] = (),
) -> Iterator[int]:
    """Turn a stream of text into ids.

    Args:
        chunks: Text in pieces of any length, cut anywhere; may be longer than the memory.
        vocab: What `train_bpe` returned.
        merges: What `train_bpe` returned.
        special_tokens: Those of the vocabulary that are to be recognised in the text.

    Returns:
        ids: Iterator of what `encode` gives for the joined chunks. It asks for a chunk only when
            all ids that are certain without it have been taken, and holds nothing but the end of
            the text that can still change.

    Source:
        Kudo and Richardson 2018 (arXiv:1808.06226): raw text in, and nothing lost.
    """
    ### BEGIN SOLUTION
    encode_word = _word_encoder(merges)
    numbers = {token: i for i, token in vocab.items()}
    special = re.compile(_any_of(special_tokens))
    longest = max(map(len, special_tokens), default=1)
    held = ""
    for chunk in chunks:
        held += chunk
        start, safe = 0, len(held) - longest + 1  # what begins before `safe` is there to its end
        for found in special.finditer(held):
            if found.start() >= safe:
                break
            for word in re.findall(PATTERN, held[start : found.start()]):
                yield from encode_word(word)
            yield numbers[found[0].encode()]
            start = found.end()
        for word in re.findall(PATTERN, held[start : max(start, safe)])[:-2]:
            yield from encode_word(word)
            start += len(word)
        held = held[start:]
    yield from encode(held, vocab, merges, special_tokens)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_encode_iterable(student: Student, check: Check) -> None:
    """One text cut in many ways, and how much of a stream is read before the first id comes."""
    vocab, text = _vocabulary(student), "low  low'll lower<|a|><|b|> <|a|>low <|a low\n\nlow "
    want = student.encode(text, vocab, _MERGES, _SPECIAL)
    as_list = student.library("builtins.list")
    for size in (1, 2, 3, 7, len(text)):
        cut = [text[i : i + size] for i in range(0, len(text), size)]
        ids = as_list(student.keep(student.encode_iterable, cut, vocab, _MERGES, _SPECIAL))
        check.close(ids, want, f"the ids of {text!r} in chunks of {size}")
    check.close(as_list(student.keep(student.encode_iterable, [], vocab, _MERGES)), [], "no chunks")
    read: list[str] = []

    def chunk() -> str:
        read.append(" low" if len(read) < 50 else "")
        return read[-1]

    as_iterator, take = student.library("builtins.iter"), student.library("builtins.next")
    chunks = student.keep(as_iterator, chunk, "")
    stream = student.keep(
        as_iterator, student.keep(student.encode_iterable, chunks, vocab, _MERGES)
    )
    for number in range(1, 11):
        take(stream)
        sentence = f"{len(read)} chunks are read for {number} ids, though a chunk is an id here"
        check.true(len(read) <= number + 4, sentence)


# %% [markdown]
# ## One thing to try
#
# Train on a text of yours with 256, 512, 1024, 2048 and 4096 ids and plot bytes per id. Where does
# it stop paying? Then encode a text in another language with the same merges, and compare. Print
# the longest pieces of the vocabulary: which of them say something about the text that you took?
#
# ## Where to read more
#
# - Sennrich, Haddow and Birch, *Neural Machine Translation of Rare Words with Subword Units*, 2016
#   (arXiv:1508.07909): algorithm 1 is training in ten lines of Python.
# - Radford et al., *Language Models are Unsupervised Multitask Learners*, 2019: section 2.2, bytes
#   instead of characters, and why merges stay within words.
# - Kudo, *Subword Regularization*, 2018 (arXiv:1804.10959): another way to choose the pieces.
