"""Hidden checks for vol2_pytorch/shakespeare_scale.

The functions are graded as everywhere. The weights that are handed in never meet student code:
the grader writes new stories, whose probability it knows, and reads them with the reference model.
"""

import importlib.util
import math
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch.nn import functional as F

from autograder import Attachment, Exercise, derived
from solutions.vol2_pytorch import shakespeare_scale
from solutions.vol2_pytorch.modules import Config, Llama

ATTACHED = Path(__file__).parent / "attachments"
STORIES = Path(__file__).parents[3] / "datasets" / "stories.py"
SIZE, HELD_OUT = "medium", 64
UNKNOWN = 1  # ids begin behind <unk>, as in the tokenizer of this volume


@cache
def stories():
    """The grammar of our corpus; datasets/ is no package."""
    spec = importlib.util.spec_from_file_location("_stories", STORIES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loss_in_nats(rng):
    return float(rng.uniform(0.5, 4.0))


def length(rng):
    """Characters per token, away from 1 and from 1 / ln 2."""
    return float(rng.choice([rng.uniform(0.2, 0.5), rng.uniform(2.0, 5.0)]))


def text(rng, T, V, N):
    """Tokens of which many n-grams occur again, some at once, with ids of one to four digits."""
    ids = rng.choice(1200, size=V, replace=False)
    ids[: min(3, V)] = [1, 11, 111][: min(3, V)]
    piece = ids[rng.integers(0, V, size=T // 3)]
    run = np.full(N + 2, ids[-1])
    rest = ids[rng.integers(0, V, size=T)]
    return np.concatenate([piece, run, piece, rest])[:T].astype(np.int64)


LAYER = "model.layers.{i}"
exercise = Exercise(
    "vol2_pytorch/shakespeare_scale",
    solution=shakespeare_scale,
    arrays="torch",
    difficulty=3,
    minutes=180,
    inputs={
        "nats_per_token": derived(loss_in_nats),
        "characters_per_token": derived(length),
        "tokens": derived(text),
        "n": derived(lambda N: N),
    },
    sizes={"T": [40, 31, 60, 24], "V": [5, 3, 8, 3], "N": [2, 3, 1, 5]},
    attachment=Attachment(
        {
            "model.embed_tokens.weight": "vocab_size d_model",
            f"{LAYER}.input_layernorm.weight": "d_model",
            f"{LAYER}.self_attn.q_proj.weight": "d_model d_model",
            f"{LAYER}.self_attn.k_proj.weight": "narrow d_model",
            f"{LAYER}.self_attn.v_proj.weight": "narrow d_model",
            f"{LAYER}.self_attn.o_proj.weight": "d_model d_model",
            f"{LAYER}.post_attention_layernorm.weight": "d_model",
            f"{LAYER}.mlp.gate_proj.weight": "d_ff d_model",
            f"{LAYER}.mlp.up_proj.weight": "d_ff d_model",
            f"{LAYER}.mlp.down_proj.weight": "d_model d_ff",
            "model.norm.weight": "d_model",
            "lm_head.weight": "vocab_size d_model",
        },
        max_bytes=2_000_000,
        optional=["lm_head.weight"],
        sizes={"vocab_size": 28},
        exactly=["vocab_size"],
        example=ATTACHED / "shakespeare_scale.safetensors",
    ),
)
SHORT = {"T": [3, 0, 4], "V": [3, 3, 3], "N": [4, 1, 9]}
# Glued together, the first and the last pair are the same.
BORDERS = np.array([11, 11, 1, 111])
ONE = {"T": [40], "V": [5], "N": [2]}

# bits_per_character

exercise.matches_reference("bits_per_character", points=2, sizes={"T": [0, 1, 2, 3]})


@exercise.satisfies("bits_per_character", points=1)
def the_tokenizer_does_not_matter(student, nats_per_token, characters_per_token, rng):
    """Tokens k times as long, each with k times the loss: the same bits per character."""
    k = float(rng.uniform(1.5, 4.0))
    longer = student.bits_per_character(k * nats_per_token, k * characters_per_token)
    yield longer, student.bits_per_character(nats_per_token, characters_per_token)
    yield student.bits_per_character(5 * math.log(2), 1), 5.0


@exercise.satisfies("bits_per_character", points=1, kind="E")
def certain_and_very_uncertain(student):
    """A loss of 0 costs 0 bits; whole numbers and large losses will do."""
    yield student.bits_per_character(0, 3), 0.0
    yield student.bits_per_character(0.0, 0.25), 0.0
    yield student.bits_per_character(2, 1), 2 / math.log(2)
    yield student.bits_per_character(5000.0, 2.0), 2500 / math.log(2)


# The weights


def held_out(rng):
    """New stories: their texts, and the logarithm of the probability of all of them."""
    module = stories()
    grammar, seed = module.SIZES[SIZE], Random(int(rng.integers(1 << 62)))
    drawn = [module.draw(grammar, seed) for _ in range(HELD_OUT)]
    known = sum(module.log_probability(grammar, story) for story in drawn)
    return [module.text(story) for story in drawn], known


@cache
def alphabet():
    """The characters of the corpus: every token's, and the blank between two."""
    module = stories()
    return sorted({c for word in module.vocabulary(module.SIZES[SIZE]) for c in word} | {" "})


def as_ids(texts):
    """Stories as (story, position) after a newline each, and what comes next; -100 behind ends."""
    index = {c: i + UNKNOWN for i, c in enumerate(alphabet())}
    wide = max(map(len, texts))
    x = torch.full((len(texts), wide), index["\n"])
    y = torch.full((len(texts), wide), -100)
    for row, story in enumerate(texts):
        y[row, : len(story)] = torch.tensor([index[c] for c in story])
        x[row, 1 : len(story)] = y[row, : len(story) - 1]
    return x, y


def config_of(attached):
    """The model that the weights are for.

    Raises:
        ValueError: What comes with them does not fit; the text is for the student.
    """
    sizes, metadata = attached.sizes, attached.metadata
    try:
        n_heads = int(metadata["n_heads"])
        theta, eps = float(metadata["rope_theta"]), float(metadata["norm_eps"])
    except (KeyError, ValueError) as error:
        raise ValueError(
            "The metadata of the weights lack n_heads, rope_theta or norm_eps as numbers: write "
            "the file with hand_in"
        ) from error
    d_model, narrow = sizes["d_model"], sizes["narrow"]
    d_head = d_model // n_heads if n_heads > 0 and d_model % n_heads == 0 else 1
    if d_head % 2 or narrow % d_head or n_heads % (narrow // d_head):
        raise ValueError(f"n_heads = {n_heads} does not fit the shapes of the weights")
    if not (1.0 <= theta < math.inf and 0.0 < eps < 1.0):
        raise ValueError("rope_theta or norm_eps is out of range")
    n_layers = sum(name.endswith("gate_proj.weight") for name in attached.tensors)
    tied = "lm_head.weight" not in attached.tensors
    shape = (sizes["vocab_size"], d_model, n_layers, n_heads, narrow // d_head, sizes["d_ff"])
    return Config(*shape, max_T=512, rope_theta=theta, norm_eps=eps, tied=tied)


@torch.no_grad()
def nats(attached, texts):
    """The surprise of the model at all texts together."""
    model = Llama(config_of(attached))
    own = dict(model.named_parameters())
    for name, array in attached.tensors.items():
        own[name].copy_(torch.from_numpy(array.copy()))
    x, y = as_ids(texts)
    return float(F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum"))


@exercise.weighs(
    "bits_per_character",
    bands={0.5: 2, 0.25: 2, 0.12: 2, 0.08: 2},
)
def above_the_grammar(attached, rng):
    """On new stories your weights are at most {} bits per character above the grammar itself."""
    texts, known = held_out(rng)
    surprise = nats(attached, texts)
    if not math.isfinite(surprise):
        raise ValueError("The logits that the weights give are not finite numbers")
    return shakespeare_scale.bits_per_character(surprise + known, sum(map(len, texts)))


# distinct_n and repetition

for function in ("distinct_n", "repetition"):
    exercise.matches_reference(function, points=2)
    exercise.matches_reference(
        function,
        points=1,
        kind="E",
        name="short_texts",
        title="A text with a single n-gram, with none, and with no token at all.",
        sizes={"T": [4, 3, 0], "V": [3, 3, 3], "N": [4, 4, 1]},
    )
    exercise.leaves_inputs_alone(function, points=1)


@exercise.satisfies("distinct_n", points=1, sizes=ONE)
def names_of_tokens_do_not_matter(student, tokens, n, rng):
    """Other ids for the same tokens, or the text read backwards: the same share; whole tokens."""
    yield student.distinct_n(BORDERS, 2), 1.0
    share = student.distinct_n(tokens, n)
    renamed = rng.permutation(1200)[tokens]
    yield student.distinct_n(renamed, n), share
    yield student.distinct_n(tokens[::-1].copy(), n), share


@exercise.satisfies("repetition", points=1, sizes=ONE)
def what_was_said_counts_from_the_second_time(student, tokens, n):
    """Said three times over, every n-gram from the end of the first time on was there before."""
    yield student.repetition(BORDERS, 2), 0.0
    once = np.unique(tokens)
    T = len(once)
    yield student.repetition(once, n), 0.0
    positions = 3 * T - n + 1
    yield student.repetition(np.tile(once, 3), n), (positions - T) / positions


# Mistakes: bits_per_character

BITS = "nats_per_token / characters_per_token / math.log(2)"


def bits_slip(name, new, hint):
    exercise.slip("bits_per_character", name, BITS, new, hint)


bits_slip(
    "stays_in_nats",
    "nats_per_token / characters_per_token",
    "The result is in nats. One bit is ln 2 nats, about 0.69: the number of bits is larger.",
)
bits_slip(
    "forgets_the_characters",
    "nats_per_token / math.log(2)",
    "These are bits per token. The surprise of a token is shared by all of its characters.",
)
bits_slip(
    "multiplies_by_the_characters",
    "nats_per_token * characters_per_token / math.log(2)",
    "The loss is multiplied by the characters per token. A token's surprise is shared out among "
    "its characters.",
)
bits_slip(
    "multiplies_by_ln_2",
    "nats_per_token / characters_per_token * math.log(2)",
    "The factor between the units is the wrong way round: ln 2 nats are one whole bit.",
)
bits_slip(
    "decimal_digits",
    "nats_per_token / characters_per_token / math.log(10)",
    "The loss is divided by ln 10: these are decimal digits. Bits are powers of two.",
)
bits_slip(
    "logarithm_to_base_ten",
    "nats_per_token / characters_per_token / math.log10(2)",
    "The logarithm of 2 to base 10 does not fit a loss that is a natural logarithm.",
)
bits_slip(
    "perplexity",
    "math.exp(nats_per_token / characters_per_token)",
    "This is a perplexity, e to the loss. Bits are the loss itself in another unit.",
)
bits_slip(
    "logarithm_of_the_loss",
    "math.log2(max(nats_per_token / characters_per_token, 1e-300))",
    "The loss is the logarithm of a probability already; do not take its logarithm again.",
)
bits_slip(
    "rounded_characters",
    "nats_per_token / round(characters_per_token, 1) / math.log(2)",
    "The mean number of characters per token is rounded. Take it as it is.",
)

# Mistakes: distinct_n

GRAMS = "[tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]"
SHARE = "len(set(grams)) / len(grams) if grams else 0.0"


def distinct_slip(name, old, new, hint):
    exercise.slip("distinct_n", name, old, new, hint)


distinct_slip(
    "last_window_missing",
    GRAMS,
    "[tuple(ids[i : i + n]) for i in range(len(ids) - n)]",
    "The last n-gram is missing: a text of T tokens has T - n + 1 of them.",
)
distinct_slip(
    "short_windows_at_the_end",
    GRAMS,
    "[tuple(ids[i : i + n]) for i in range(len(ids))]",
    "The pieces at the end of the text that are shorter than n are counted as n-grams.",
)
distinct_slip(
    "windows_side_by_side",
    GRAMS,
    "[tuple(ids[i : i + n]) for i in range(0, len(ids) - n + 1, n)]",
    "The windows stand side by side. They overlap: one begins at every token.",
)
distinct_slip(
    "order_is_lost",
    GRAMS,
    "[tuple(sorted(ids[i : i + n])) for i in range(len(ids) - n + 1)]",
    "The order of the tokens within an n-gram counts: a b and b a are two.",
)
distinct_slip(
    "borders_are_lost",
    GRAMS,
    '["".join(map(str, ids[i : i + n])) for i in range(len(ids) - n + 1)]',
    "The tokens are glued together, so 1, 11 and 11, 1 look alike. Keep them apart, in a tuple.",
)
distinct_slip(
    "one_token_too_many",
    GRAMS,
    "[tuple(ids[i : i + n + 1]) for i in range(len(ids) - n)]",
    "The windows have n + 1 tokens.",
)
distinct_slip(
    "divides_by_the_tokens",
    SHARE,
    "len(set(grams)) / len(ids) if grams else 0.0",
    "The number of different n-grams is divided by the number of tokens; there are fewer n-grams "
    "than tokens.",
)
distinct_slip(
    "divides_by_the_vocabulary",
    SHARE,
    "len(set(grams)) / len(set(ids)) if grams else 0.0",
    "The number of different n-grams is divided by the number of different tokens. Divide by the "
    "number of all n-grams.",
)
distinct_slip(
    "gives_the_repetition",
    SHARE,
    "1 - len(set(grams)) / len(grams) if grams else 0.0",
    "This is the share of n-grams that are there again. Asked for is the share of different ones.",
)
distinct_slip(
    "a_number_and_no_share",
    SHARE,
    "float(len(set(grams)))",
    "This is a number of n-grams. Divide it by the number of all of them.",
)
distinct_slip(
    "only_those_that_occur_once",
    SHARE,
    "sum(grams.count(g) == 1 for g in grams) / len(grams) if grams else 0.0",
    "Only n-grams that occur once are counted. One that occurs three times is one different "
    "n-gram, too.",
)
distinct_slip(
    "counts_tokens",
    SHARE,
    "len(set(ids)) / len(ids) if grams else 0.0",
    "These are different tokens, whatever n is. Count n-grams.",
)
distinct_slip(
    "an_empty_text_is_all_distinct",
    SHARE,
    "len(set(grams)) / len(grams) if grams else 1.0",
    "A text without any n-gram has a share of 0.0.",
)
distinct_slip(
    "set_of_tensors",
    GRAMS,
    "[tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]",
    "A set of tensors holds every one of them, equal or not. Convert them to numbers first, with "
    "tolist() for example.",
)

# Mistakes: repetition

COUNT = "repeated += gram in seen"
REST = "repeated / max(len(ids) - n + 1, 1)"


def repetition_slip(name, old, new, hint):
    exercise.slip("repetition", name, old, new, hint)


repetition_slip(
    "counts_each_only_once",
    COUNT,
    "repeated += [tuple(ids[j : j + n]) for j in range(i)].count(gram) == 1",
    "An n-gram that comes back twice is counted once. Every position counts whose n-gram was there "
    "before.",
)
repetition_slip(
    "counts_the_first_as_well",
    COUNT,
    "repeated += [tuple(ids[j : j + n]) for j in range(len(ids) - n + 1)].count(gram) > 1",
    "The first occurrence is counted as well. When it comes, nothing has been repeated yet.",
)
repetition_slip(
    "only_the_one_just_before",
    COUNT,
    "repeated += i > 0 and gram == tuple(ids[i - 1 : i - 1 + n])",
    "Only the n-gram one position before is compared. It may have occurred anywhere earlier.",
)
repetition_slip(
    "only_without_overlap",
    COUNT,
    "repeated += gram in [tuple(ids[j : j + n]) for j in range(i - n + 1)]",
    "An n-gram that overlaps with its earlier occurrence counts, too.",
)
repetition_slip(
    "gives_distinct_n",
    REST,
    "len(seen) / max(len(ids) - n + 1, 1)",
    "This is the share of different n-grams. Asked for is the share that was there before.",
)
repetition_slip(
    "an_empty_text_repeats_itself",
    REST,
    "1 - len(seen) / max(len(ids) - n + 1, 1)",
    "A text without any n-gram has a repetition of 0.0, not of 1.0.",
)
repetition_slip(
    "divides_by_the_tokens",
    REST,
    "repeated / max(len(ids), 1)",
    "The number of repeated n-grams is divided by the number of tokens; there are fewer n-grams "
    "than tokens.",
)
repetition_slip(
    "divides_by_the_different_ones",
    REST,
    "repeated / max(len(seen), 1)",
    "The number of repeated n-grams is divided by the number of different ones. Divide by the "
    "number of all n-grams.",
)
repetition_slip(
    "a_number_and_no_share",
    REST,
    "float(repeated)",
    "This is a number of n-grams. Divide it by the number of all of them.",
)
repetition_slip(
    "last_window_missing",
    "range(len(ids) - n + 1)",
    "range(len(ids) - n)",
    "The last n-gram is missing: a text of T tokens has T - n + 1 of them.",
)
repetition_slip(
    "order_is_lost",
    "tuple(ids[i : i + n])",
    "tuple(sorted(ids[i : i + n]))",
    "The order of the tokens within an n-gram counts: a b and b a are two.",
)
repetition_slip(
    "borders_are_lost",
    "tuple(ids[i : i + n])",
    '"".join(map(str, ids[i : i + n]))',
    "The tokens are glued together, so 1, 11 and 11, 1 look alike. Keep them apart, in a tuple.",
)
repetition_slip(
    "looks_for_tokens",
    "tuple(ids[i : i + n])",
    "(ids[i],)",
    "These are repeated tokens, whatever n is. Look for whole n-grams.",
)
repetition_slip(
    "set_of_tensors",
    "tuple(ids[i : i + n])",
    "tuple(tokens[i : i + n])",
    "A set of tensors finds none of them again, equal or not. Convert them to numbers first, with "
    "tolist() for example.",
)
