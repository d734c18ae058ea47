"""Byte pair encoding: begin with bytes, and make one token of frequent neighbours."""

# %% [markdown]
# # Byte pair encoding
#
# **The question.** Words make short sequences and an endless vocabulary; characters and bytes make
# a small vocabulary and long sequences. Can a vocabulary have as many entries as we like, know
# every text there is, and spend its entries on what is frequent?
#
# | to write | what it does |
# | --- | --- |
# | `train_bpe(text, vocab_size, special_tokens)` | chooses the tokens |
# | `encode(text, vocab, merges, special_tokens)` | text to token ids |
# | `decode(ids, vocab)` | token ids to text |
# | `encode_iterable(chunks, vocab, merges, special_tokens)` | the same for an endless text |
#
# This is the tokenizer of GPT-2 and its successors. You need dictionaries, regular expressions,
# generators, the exercise `text`, and about four hours. No tensor appears on this page.
#
# ## 1. Why bytes
#
# UTF-8 writes any text as bytes, numbers from 0 to 255. A vocabulary that holds all 256 of them can
# express every text: every language, every emoji, every file that is broken. No symbol is ever
# unknown, and there is no `<unk>` on this page. The price is length: `"é"` takes two numbers and
# `"🙂"` four. So the frequent neighbours get numbers of their own.
#
# ## 2. One merge, and the next
#
# Take the text as bytes. Count every pair of neighbours, give the most frequent pair a new id, and
# put that id wherever the pair stands. The new token is a symbol like the others: it can be half of
# a later pair. Repeat until the vocabulary has the size that was asked for.
#
# ![The word banana in four rows. Six single bytes b, a, n, a, n, a. After merge 0, of a and n: b,
# an, an, a. After merge 1, of b and an: ban, an, a. After merge 2, of an and a: ban, ana. Beside
# each row stand the pairs that were counted.](figures/bpe_merges.svg)
#
# The result is two things:
#
# - `vocab`, a dictionary from id to bytes. Ids 0 to 255 are the single bytes, and the merge number
#   $i$ (from 0 on) makes the id $256 + i$;
# - `merges`, the list of pairs `(left id, right id)` in the order in which they were made. The
#   order is half of the information: section 5 needs it.
#
# **Three details decide whether two people get the same tokenizer.**
#
# - *Overlapping pairs.* In `aaa` the pair `(a, a)` stands at two places, and both count. Replacing
#   goes from left to right, and a byte that has been used is gone: `aaa` becomes `aa`, `a`. What
#   becomes of `aaaaa`?
# - *Ties.* Many pairs are equally frequent, more and more of them towards the end. Here the
#   smallest pair wins, compared as Python compares tuples: by the left id first, then by the right
#   one.
# - *The end.* When no pair is left, training stops early, and the vocabulary is smaller than asked
#   for.
#
# ## 3. Words first
#
# Without a limit the best pairs are things like `e` and a space, and soon `dog`, `dog.`, `dog!` and
# ` dog?` are four tokens that share nothing. So the text is cut into words first, and *pairs never
# cross from one word into the next*. The cut is made by a regular expression, `PATTERN`, with
# `re.findall`. It loses nothing: joined, the words are the text again. At each place it tries, in
# this order:
#
# | alternative | takes |
# | --- | --- |
# | `'(?:[sdmt]\|ll\|ve\|re)` | the end of a contraction: `don't` is `don`, `'t` |
# | ` ?[^\W\d_]+` | letters, with one space before them if there is one |
# | ` ?\d+` | digits, likewise |
# | ` ?(?:[^\s\w]\|_)+` | anything that is neither white space, letter nor digit, likewise |
# | `\s+(?!\S)` | white space, but not its last character if something follows |
# | `\s+` | what is left of it |
#
# A space belongs to the word after it, so that ` dog` is one token wherever it stands in a
# sentence. In `"a   b"` there are three words: `a`, two spaces, ` b`.
#
# Words also make training fast. A word that occurs 500 times is handled once and counted 500 times:
# keep a table from distinct words to how often they occur. And a merge changes only the words that
# contain the pair. A first version may count all pairs anew after every merge; a good one keeps the
# counts, and for each pair the words that contain it, and corrects both.
#
# ## 4. Special tokens
#
# A corpus consists of documents, and the model has to see where one ends. For that there are
# *special tokens* like `<|end|>`, which no merge ever touches:
#
# - They are not learned. They get the last ids, in the order in which they are given, and count in
#   `vocab_size`; what is left after the bytes and the special tokens is the number of merges.
# - The text is cut at them *before* it is cut into words, so no pair and no word reaches across
#   one. They themselves take no part in the counts.
# - Where several of them begin at the same place, the longest one wins: with `<|a|>` and
#   `<|a|><|b|>` the text `<|a|><|b|>` is one token.
#
# `re.split` with a group around the alternatives keeps what it splits at. Mind that an alternative
# is tried in the order it is written in, and that `|` means something in a regular expression: see
# `re.escape`.

# %%
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import pairwise

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
Pair = tuple[int, int]


# %%
### BEGIN SOLUTION
def _any_of(special_tokens: Sequence[str]) -> str:
    """A regular expression for the longest of the special tokens; without any, for nothing."""
    longest_first = sorted(special_tokens, key=len, reverse=True)
    return "|".join(map(re.escape, longest_first)) or "(?!)"


def _cut(text: str, special_tokens: Sequence[str]) -> list[str]:
    """The pieces of a text, every second one a special token."""
    return re.split(f"({_any_of(special_tokens)})", text)


def _merged(ids: Iterable[int], pair: Pair, new: int) -> list[int]:
    """`ids` with `new` wherever `pair` stands, from left to right."""
    out: list[int] = []
    for right in ids:
        if out and (out[-1], right) == pair:
            out[-1] = new
        else:
            out.append(right)
    return out


def _learn(words: list[Sequence[int]], times: list[int], most: int) -> list[Pair]:
    """Up to `most` merges; `words[i]` occurs `times[i]` times. Counts are corrected, not redone."""
    counts: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for i, ids in enumerate(words):
        for pair in pairwise(ids):
            counts[pair] += times[i]
            where[pair].add(i)
    # The most frequent pair comes first and, of several, the smallest one.
    heap = [(-count, pair) for pair, count in counts.items()]
    heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < most:
        count, best = heappop(heap)
        if counts[best] != -count:
            continue  # has changed since, and has another entry
        changed = set()
        for i in where.pop(best):
            for pair in pairwise(words[i]):
                counts[pair] -= times[i]
                changed.add(pair)
            words[i] = _merged(words[i], best, 256 + len(merges))
            for pair in pairwise(words[i]):
                counts[pair] += times[i]
                where[pair].add(i)
                changed.add(pair)
        for pair in changed:
            if counts[pair]:
                heappush(heap, (-counts[pair], pair))
        merges.append(best)
    return merges


### END SOLUTION


def train_bpe(
    text: str, vocab_size: int, special_tokens: Sequence[str] = ()
) -> tuple[dict[int, bytes], list[Pair]]:
    """Choose the tokens: merge the most frequent pair, again and again.

    Args:
        text: The training text. It is cut at special tokens, then into words by `PATTERN`.
        vocab_size: How many entries the vocabulary has at most, bytes and special tokens included.
        special_tokens: Distinct texts that are one token each and take no part in the counts.

    Returns:
        vocab: Id to bytes: 0 to 255 are the bytes, then one id per merge, then the special tokens
            in the given order. Fewer than `vocab_size` if no pair was left.
        merges: Pairs (left id, right id) in the order in which they were made. The most frequent
            pair is made first; of several, the smallest.

    Raises:
        ValueError: `vocab_size` is too small for the bytes and the special tokens.

    Source:
        Sennrich, Haddow and Birch 2016, section 3.2 (arXiv:1508.07909); Radford et al. 2019,
        section 2.2, for bytes.
    """
    ### BEGIN SOLUTION
    most = vocab_size - 256 - len(special_tokens)
    if most < 0:
        raise ValueError(f"256 bytes and the special tokens do not fit into {vocab_size} ids")
    pieces = _cut(text, special_tokens)[::2]
    words = Counter(word for piece in pieces for word in re.findall(PATTERN, piece))
    merges = _learn([word.encode() for word in words], list(words.values()), most)
    vocab = {i: bytes([i]) for i in range(256)}
    for left, right in merges:
        vocab[len(vocab)] = vocab[left] + vocab[right]
    for token in special_tokens:
        vocab[len(vocab)] = token.encode()
    return vocab, merges
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_train_bpe(student: Student, check: Check) -> None:
    """Merges worked out by hand: frequency, ties, overlaps, words, special tokens, an early end."""
    vocab, merges = student.train_bpe("banana", 259)
    check.same(merges, [(97, 110), (98, 256), (256, 97)], "the merges of 'banana'")
    want = {97: b"a", 256: b"an", 257: b"ban", 258: b"ana"}
    check.same({i: vocab.get(i) for i in want}, want, "a part of vocab")
    check.same(len(vocab), 259, "the length of vocab")
    # (b, b) stands at three places of bbbb, (a, a) at two of aaa, (b, a) and the space at one.
    check.same(student.train_bpe("bbbb aaa", 257)[1], [(98, 98)], "the first merge of 'bbbb aaa'")
    check.same(student.train_bpe("cd ab", 257)[1], [(32, 97)], "the first merge of three pairs")
    # No pair crosses from one word into the next: x and the space never meet.
    _, merges = student.train_bpe("x x x", 300)
    check.same(merges, [(32, 120)], "the merges of 'x x x', where one pair is all there is")
    vocab, merges = student.train_bpe("ab<|end|>ab<|end|>c", 260, special_tokens=("<|end|>", "<p>"))
    check.same(merges, [(97, 98)], "the merges of a text with special tokens")
    last = {256: b"ab", 257: b"<|end|>", 258: b"<p>"}
    check.same({i: vocab[i] for i in sorted(vocab)[256:]}, last, "the ids from 256 on")
    check.raises(ValueError, student.train_bpe, "text", 257, ("<|end|>", "<p>"))


# %% [markdown]
# ## 5. Encoding
#
# A new text is cut as the training text was: at special tokens, then into words. Each word starts
# as bytes, and the merges have to be made *as training would have made them*. Training made merge 0
# everywhere before it made merge 1, and so on.
#
# Say the merges are `(a, b)`, `(b, c)` in this order, and the word is `abc`. Which pairs could be
# merged, which of them came first in training, and what is left? And with the merges in the other
# order? Now a rule for a word of any length: among all pairs of neighbours that are in `merges`,
# which one is next? When is the word finished?
#
# Two shortcuts are wrong: taking the *longest* token that fits at each place, and merging from left
# to right whatever can be merged. Going through all of `merges` for every word is right, and slow:
# there are tens of thousands of them, and only a handful of pairs in a word.
#
# Words repeat. Remember the ids of those that you have encoded.


# %%
### BEGIN SOLUTION
def _word_encoder(merges: Sequence[Pair]) -> Callable[[str], Sequence[int]]:
    """A function from a word to its ids that remembers many words, but not without end."""
    ranks = {pair: i for i, pair in enumerate(merges)}

    @lru_cache(1 << 16)
    def encode_word(word: str) -> Sequence[int]:
        ids: Sequence[int] = word.encode()
        while len(ids) > 1:
            pair = min(pairwise(ids), key=lambda p: ranks.get(p, len(ranks)))
            if pair not in ranks:
                break
            ids = _merged(ids, pair, 256 + ranks[pair])
        return ids

    return encode_word


### END SOLUTION


def encode(
    text: str,
    vocab: dict[int, bytes],
    merges: Sequence[Pair],
    special_tokens: Sequence[str] = (),
) -> list[int]:
    """Turn a text into token ids.

    Args:
        text: Any text.
        vocab: Id to bytes, from `train_bpe`. Not modified.
        merges: Pairs of ids; pair i makes the id 256 + i. Not modified.
        special_tokens: Those that are looked for; each is in `vocab`. The longest one that begins
            at a place wins. Where none is given, their texts are texts like any other.

    Returns:
        ids: Token ids. In every word, of the pairs that can be merged the one that was learned
            first is merged first.

    Source:
        Sennrich, Haddow and Birch 2016, section 3.2 (arXiv:1508.07909).
    """
    ### BEGIN SOLUTION
    encode_word, id_of = _word_encoder(merges), {token: i for i, token in vocab.items()}
    ids: list[int] = []
    for number, piece in enumerate(_cut(text, special_tokens)):
        if number % 2:
            ids.append(id_of[piece.encode()])
        else:
            for word in re.findall(PATTERN, piece):
                ids += encode_word(word)
    return ids
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student

# ab, bc, abc, and a special token; merges 0 to 2 are the pairs of these.
_MERGES = [(97, 98), (98, 99), (256, 99)]
_VOCAB = {i: bytes([i]) for i in range(256)} | {256: b"ab", 257: b"bc", 258: b"abc"}
_SPECIAL = {259: b"<|a|>", 260: b"<|a|><|b|>"}


def visible_encode(student: Student, check: Check) -> None:
    """Words worked out by hand, special tokens, a text without merges."""
    vocab = _VOCAB | _SPECIAL
    for text, want in {
        "abc": [258],
        "bcbc": [257, 257],
        "bbcab": [98, 257, 256],
        "ab c": [256, 32, 99],
        "\u00e9": [0xC3, 0xA9],
        "": [],
        "<|a|>": list(b"<|a|>"),
    }.items():
        check.same(student.encode(text, vocab, _MERGES), want, f"encode({text!r})")
    reverse = [(98, 99), (97, 98)]
    got = student.encode("abc", _VOCAB | {256: b"bc", 257: b"ab"}, reverse)
    check.same(got, [97, 256], "encode('abc') with the merges bc, ab")
    names = ("<|a|>", "<|a|><|b|>")
    got = student.encode("ab<|a|>c<|a|><|b|>", vocab, _MERGES, special_tokens=names)
    check.same(got, [256, 259, 99, 260], "encode with special tokens")


# %% [markdown]
# ## 6. Decoding
#
# Decoding looks every id up and joins the bytes. One thing can go wrong: a model may produce ids
# whose bytes are no valid UTF-8, half of an é for example. Such bytes become the replacement
# character U+FFFD. Joining the bytes and decoding the tokens are two steps: in which order, if `é`
# is made of two tokens?


# %%
def decode(ids: Iterable[int], vocab: dict[int, bytes]) -> str:
    """Turn token ids into a text.

    Args:
        ids: Token ids, each in `vocab`.
        vocab: Id to bytes. Not modified.

    Returns:
        text: The bytes of all tokens, read as UTF-8; U+FFFD for what is not valid, as Python's
            `errors="replace"` does it.

    Source:
        The Unicode Standard, section 3.9 (UTF-8 and U+FFFD).
    """
    ### BEGIN SOLUTION
    return b"".join(vocab[i] for i in ids).decode(errors="replace")
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_decode(student: Student, check: Check) -> None:
    """Tokens, a character in two halves, half a character, nothing."""
    vocab = _VOCAB | _SPECIAL
    for ids, want in (
        ([258, 32, 257, 259], "abc bc<|a|>"),
        ([0xC3, 0xA9], "\u00e9"),
        ([97, 0xC3, 98], "a\ufffdb"),
        ([], ""),
    ):
        check.same(student.decode(ids, vocab), want, f"decode({ids})")


# %% [markdown]
# ## 7. A text that does not fit into memory
#
# A corpus has gigabytes. It arrives in chunks, a block of a file or a line at a time, and the ids
# should come out as soon as they are certain: one at a time, by a generator. Two things are asked.
# The ids are those of the whole text, *wherever the chunks are cut*, also in the middle of a word
# or of a special token. And whenever the generator asks for the next chunk, everything is out but
# the end that is not certain yet.
#
# ![A stream of text in chunks. On the left, text whose ids have been yielded. Then a short tail
# that is held back: the word lovel and the beginning of a special token. On the right, chunks that
# have not been pulled yet.](figures/bpe_stream.svg)
#
# So which words can still change when more text follows? Certainly the last one: `hell` may become
# `hello`. Go through `PATTERN` and find out
#
# - what becomes of the words of `"a  "`, two spaces at the end, when `"b"` follows;
# - a text of two characters in which the next one changes *both* words. The first row of the table
#   in section 3 is the one to look at;
# - why no more than two can change. What does the regular expression look at when it decides where
#   a word ends?
#
# And which characters at the end may belong to a special token that has only begun? If the longest
# one has $n$ characters, how many have to be held back? Why is it not enough to look whether a
# special token stands there: what if a longer one begins in the same way?
#
# After a special token that is certain, the text before it is finished, two spaces at its end
# included. At the end of the stream, the tail is finished, too.
#
# **Memory.** What is held back should not grow with the text, and neither should anything else: a
# table of *all* words that ever occurred grows slowly, but without end. `functools.lru_cache` has a
# size.


# %%
def encode_iterable(
    chunks: Iterable[str],
    vocab: dict[int, bytes],
    merges: Sequence[Pair],
    special_tokens: Sequence[str] = (),
) -> Iterator[int]:
    """Yield the token ids of a text that arrives in chunks.

    Args:
        chunks: Pieces of the text, cut anywhere; some may be empty. Pulled one by one, when needed.
        vocab: Id to bytes. Not modified.
        merges: Pairs of ids; pair i makes the id 256 + i. Not modified.
        special_tokens: As in `encode`.

    Returns:
        ids: An iterator over what `encode("".join(chunks), ...)` gives. Nothing is pulled before
            the first id is asked for. Whenever a chunk is pulled, all ids have been yielded but
            those of the end that may still change: the last words, and what may be the beginning
            of a special token. Nothing else of the text is kept.

    Source:
        The interface is that of Stanford's CS336, assignment 1; the tail follows from PATTERN.
    """
    ### BEGIN SOLUTION
    encode_word, id_of = _word_encoder(merges), {token: i for i, token in vocab.items()}
    special, longest = _any_of(special_tokens), max(map(len, special_tokens), default=1)
    held = ""
    for chunk in chunks:
        held += chunk
        start, sure = 0, len(held) - longest + 1  # from `sure` on, a special token may begin
        for found in re.finditer(special, held):
            if found.start() >= sure:
                break
            for word in re.findall(PATTERN, held[start : found.start()]):
                yield from encode_word(word)
            yield id_of[found.group().encode()]
            start = found.end()
        # The last word may grow, and the one before it may be a "'" that becomes "'ll".
        words = re.findall(PATTERN, held[start : max(start, sure)])[:-2]
        for word in words:
            yield from encode_word(word)
        held = held[start + sum(map(len, words)) :]
    yield from encode(held, vocab, merges, special_tokens)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_encode_iterable(student: Student, check: Check) -> None:
    """Every cut of a short text into two chunks, one character at a time, and when ids come out."""
    vocab, names = _VOCAB | _SPECIAL, ("<|a|>", "<|a|><|b|>")
    take = student.library("builtins.list")

    def ids_of(chunks: list[str]) -> list[int]:
        return list(take(student.keep(student.encode_iterable, chunks, vocab, _MERGES, names)))

    text = "abc it'll  <|a|>bc <|a|><|b|>ab\n\n c"
    want = [258, *b" it'll  ", 259, 257, 32, 260, 256, *b"\n\n c"]
    for at in range(len(text)):
        check.same(ids_of([text[:at], text[at:]]), want, f"ids of {text[:at]!r} and the rest")
    check.same(ids_of([*text, ""]), want, "ids of one character at a time")
    pulled: list[int] = []

    def stream() -> Iterator[str]:
        for number in range(9):
            pulled.append(number)
            yield "abc ab bc "

    ids = student.keep(student.encode_iterable, stream(), vocab, _MERGES, names)
    check.true(not pulled, "a chunk is pulled before an id is asked for; make it a generator")
    first = student.library("builtins.next")(student.library("builtins.iter")(ids))
    check.same(first, 258, "the first id of a stream")
    said = f"{len(pulled)} of 9 chunks were pulled for the first id; two are enough"
    check.true(len(pulled) <= 3, said)


# %% [markdown]
# ## One thing to try
#
# Train on a text of yours with 300, 500, 1,000 and 2,000 ids, encode a text that was not in it, and
# plot bytes per token. Then encode a text in another language with the same tokenizer: how many
# bytes make a token there, and what does that mean for who pays by the token? Look at the last 20
# tokens of the vocabulary: are they words that you would have chosen? Then train once more with
# `PATTERN` replaced by `r"(?s:.)+"`, which makes the whole text one word, and look again.
#
# ## Where to read more
#
# - Gage, *A New Algorithm for Data Compression*, The C Users Journal, 1994: where the idea comes
#   from.
# - Sennrich, Haddow and Birch, *Neural Machine Translation of Rare Words with Subword Units*, 2016
#   (arXiv:1508.07909): section 3.2 and a program of twenty lines.
# - Radford et al., *Language Models are Unsupervised Multitask Learners*, 2019, section 2.2: why
#   bytes, and why words first.
# - Petrov, La Malfa, Torr and Bibi, *Language Model Tokenizers Introduce Unfairness Between
#   Languages*, 2023 (arXiv:2305.15425): the same sentence costs up to 15 times as many tokens.
# - Rumbelow and Watkins, *SolidGoldMagikarp*, 2023: what a model does with a token that it has
#   hardly ever seen.
