"""Hidden checks for vol1_numpy/embedding."""

import numpy as np

from autograder import Exercise, array, derived
from solutions.vol1_numpy import embedding


def repeated(rng, B, T, vocab_size):
    """Ids with repeats within a sequence and at one place of two; the last id does not occur."""
    ids = rng.integers(0, max(vocab_size - 1, 1), size=(B, T))
    ids[0, 0] = ids[-1, -1] = ids[0, -1]
    return ids


def row_of_ids(rng, N, vocab_size):
    """One sequence of ids; the last id occurs, the first one may not."""
    ids = rng.integers(0, vocab_size, size=N)
    ids[0] = ids[-1] = vocab_size - 1
    return ids


exercise = Exercise(
    "vol1_numpy/embedding",
    solution=embedding,
    difficulty=1,
    minutes=30,
    inputs={
        "ids": derived(repeated),
        "table": array("vocab_size d_model"),
        "dout": array("B T d_model"),
    },
    # A square case first: there rows taken for columns give wrong values instead of raising.
    sizes={"B": [4, 2, 1], "T": [4, 3, 1], "vocab_size": [4, 6, 1], "d_model": [4, 5, 2]},
)
ROW = {"ids": derived(row_of_ids), "dout": array("N d_model")}
LIST = {"N": [4, 7], "vocab_size": [4, 5], "d_model": [4, 3]}
ONE = {"B": [3], "T": [4], "vocab_size": [6], "d_model": [5]}
WIDE = {"N": [3_000], "vocab_size": [50_000], "d_model": [1]}

# embedding

exercise.matches_reference("embedding", points=2)
exercise.matches_reference(
    "embedding",
    points=1,
    name="one_sequence",
    title="ids may have any shape: here they are one sequence.",
    sizes=LIST,
    **ROW,
)


@exercise.satisfies("embedding", points=1, sizes=ONE)
def names_do_not_matter(student, ids, table, vocab_size, rng):
    """All ids in order give the table; if ids and rows are renamed alike, nothing changes."""
    yield student.embedding(np.arange(vocab_size), table), table
    rename = rng.permutation(vocab_size)
    renamed = np.empty_like(table)
    renamed[rename] = table
    yield student.embedding(rename[ids], renamed), student.embedding(ids, table)


exercise.matches_reference(
    "embedding",
    points=1,
    name="wide_vocabulary",
    title="Nothing as wide as the vocabulary is built per token: 50,000 ids are no problem.",
    kind="E",
    sizes=WIDE,
    **ROW,
)
exercise.keeps_dtype("embedding", points=1)
exercise.leaves_inputs_alone("embedding", points=1)

LOOKUP = "table[ids]"
exercise.slip(
    "embedding",
    "counts_from_one",
    LOOKUP,
    "table[ids - 1]",
    "Every id takes the row before its own. Ids count from 0: id 0 is the first row.",
)
exercise.slip(
    "embedding",
    "takes_the_next_row",
    LOOKUP,
    "table[(ids + 1) % len(table)]",
    "Every id takes the row after its own. Ids count from 0: id 0 is the first row.",
)
exercise.slip(
    "embedding",
    "columns_for_rows",
    LOOKUP,
    "table.T[ids]",
    "Columns of the table are looked up. The table has one row for each id.",
)
exercise.slip(
    "embedding",
    "columns_in_place",
    LOOKUP,
    "table[:, ids]",
    "The ids stand at the second index, which counts features. They pick rows, the first index.",
)
exercise.slip(
    "embedding",
    "single_numbers",
    LOOKUP,
    "np.take(table, ids)",
    "Each id gives one number. np.take without an axis reads the table as one long list.",
)
exercise.slip(
    "embedding",
    "stays_flat",
    LOOKUP,
    "table[ids.reshape(-1)]",
    "The result is one long list of vectors. Give it the shape of ids, with one axis more.",
)
exercise.slip(
    "embedding",
    "each_id_once",
    LOOKUP,
    "table[np.unique(ids)]",
    "Each distinct id is looked up once. The result has one vector for each place in ids.",
)
exercise.slip(
    "embedding",
    "scales_by_the_root_of_the_width",
    LOOKUP,
    "table[ids] * table.shape[-1] ** 0.5",
    "The vectors are multiplied by the root of d_model, as in the first transformer. LLaMA takes "
    "them as they are.",
)
exercise.slip(
    "embedding",
    "divides_by_the_length",
    LOOKUP,
    "table[ids] / np.linalg.norm(table[ids], axis=-1, keepdims=True)",
    "The vectors are brought to length 1. An embedding is a plain lookup.",
)
exercise.slip(
    "embedding",
    "adds_up_a_sequence",
    LOOKUP,
    "table[ids].sum(axis=-2)",
    "The vectors of a sequence are added up. Each token keeps its own.",
)


@exercise.mistake("embedding")
def computes_in_float64(ids, table):
    """A float32 table gives float64 vectors. An array made with np.zeros or np.empty is float64
    unless it is given a dtype."""
    return table.astype(np.float64)[ids]


# embedding_backward

exercise.matches_reference("embedding_backward", points=3)
exercise.matches_finite_differences(
    "embedding_backward", of="embedding", wrt=["table"], points=1, sizes=ONE
)
exercise.matches_reference(
    "embedding_backward",
    points=1,
    name="one_sequence",
    title="ids may have any shape: here they are one sequence.",
    sizes=LIST,
    **ROW,
)


@exercise.satisfies("embedding_backward", points=1, sizes=ONE)
def repeated_ids_accumulate(student, dout, ids, vocab_size, rng):
    """If all tokens are one id, its row gets the sum of dout; the other rows get exactly 0."""
    only = int(rng.integers(vocab_size))
    dtable = student.embedding_backward(dout, np.full_like(ids, only), vocab_size)
    yield dtable[only], dout.sum(axis=(0, 1))
    yield not np.delete(dtable, only, axis=0).any()


@exercise.satisfies("embedding_backward", points=1, sizes=ONE)
def tokens_add_up_in_any_order(student, dout, ids, vocab_size, rng):
    """The order of the tokens does not matter, and gradients of parts of a batch add up."""
    dtable = student.embedding_backward(dout, ids, vocab_size)
    flat, order = dout.reshape(ids.size, -1), rng.permutation(ids.size)
    shuffled = student.embedding_backward(flat[order], ids.reshape(-1)[order], vocab_size)
    yield shuffled, dtable
    first = student.embedding_backward(dout[:1], ids[:1], vocab_size)
    yield first + student.embedding_backward(dout[1:], ids[1:], vocab_size), dtable


exercise.matches_reference(
    "embedding_backward",
    points=1,
    name="wide_vocabulary",
    title="Nothing as wide as the vocabulary is built per token: 50,000 ids are no problem.",
    kind="E",
    sizes=WIDE,
    **ROW,
)
exercise.keeps_dtype("embedding_backward", points=1)
exercise.leaves_inputs_alone("embedding_backward", points=1)

ADD = "np.add.at(dtable, ids, dout)"
exercise.slip(
    "embedding_backward",
    "the_last_one_wins",
    ADD,
    "dtable[ids] += dout",
    "Of several equal ids only the last one counts. `dtable[ids] += ...` reads all rows before it "
    "writes any, so equal ids overwrite each other. Every token has to add to its row.",
)
exercise.slip(
    "embedding_backward",
    "the_first_one_wins",
    ADD,
    "dtable[ids.ravel()[::-1]] = dout.reshape(ids.size, -1)[::-1]",
    "Of several equal ids only the first one counts. Every token has to add to its row.",
)
exercise.slip(
    "embedding_backward",
    "averages_equal_ids",
    ADD,
    ADD + "\n    dtable /= np.maximum(np.bincount(ids.ravel(), minlength=vocab_size), 1)[:, None]",
    "A row gets the mean over the tokens that took it. The total derivative adds all paths up.",
)
exercise.slip(
    "embedding_backward",
    "averages_over_tokens",
    ADD,
    "np.add.at(dtable, ids, dout / ids.size)",
    "Everything is divided by the number of tokens. The total derivative adds all paths up; if the "
    "loss is a mean, dout already contains its factor.",
)
exercise.slip(
    "embedding_backward",
    "as_long_as_the_largest_id",
    "(vocab_size, dout.shape[-1])",
    "(int(ids.max()) + 1, dout.shape[-1])",
    "The result ends at the largest id that occurs. It has a row for every id of the vocabulary.",
)
exercise.slip(
    "embedding_backward",
    "counts_from_one",
    ADD,
    "np.add.at(dtable, ids - 1, dout)",
    "Every gradient goes to the row before its own. Ids count from 0: id 0 is the first row.",
)
exercise.slip(
    "embedding_backward",
    "takes_the_next_row",
    ADD,
    "np.add.at(dtable, (ids + 1) % vocab_size, dout)",
    "Every gradient goes to the row after its own. Ids count from 0: id 0 is the first row.",
)
exercise.slip(
    "embedding_backward",
    "transposed",
    "return dtable",
    "return dtable.T",
    "The result is transposed. Like the table it has one row for each id.",
)
exercise.slip(
    "embedding_backward",
    "counts_tokens",
    ADD,
    "np.add.at(dtable, ids, 1.0)",
    "The result counts how often an id occurs. Each token contributes its row of dout, not 1.",
)
exercise.slip(
    "embedding_backward",
    "adds_up_the_features",
    ADD,
    "np.add.at(dtable, ids, dout.sum(axis=-1, keepdims=True))",
    "All features of a row get the same number. Feature c of a row meets feature c of dout only.",
)
exercise.slip(
    "embedding_backward",
    "starts_from_ones",
    "np.zeros(",
    "np.ones(",
    "Rows whose ids do not occur are not zero. The loss does not depend on them.",
)
exercise.slip(
    "embedding_backward",
    "tokens_in_another_order",
    ADD,
    "np.add.at(dtable, ids.reshape(-1, order='F'), dout.reshape(ids.size, -1))",
    "ids and dout are read in different orders, so gradients go to other tokens' rows. Lay both "
    "out one token after the other in the same order.",
)
exercise.slip(
    "embedding_backward",
    "one_vector_per_token",
    "return dtable",
    "return dtable[ids]",
    "The result has one vector for each token. It has one row for each id of the vocabulary.",
)
exercise.slip(
    "embedding_backward",
    "opposite_sign",
    ADD,
    "np.subtract.at(dtable, ids, dout)",
    "Everything has the opposite sign.",
)
exercise.slip(
    "embedding_backward",
    "scales_by_the_root_of_the_width",
    ADD,
    "np.add.at(dtable, ids, dout * dout.shape[-1] ** 0.5)",
    "Everything is multiplied by the root of d_model. The lookup has no such factor, and so its "
    "gradient has none.",
)
exercise.slip(
    "embedding_backward",
    "float64_table",
    ", dtype=dout.dtype",
    "",
    "A float32 dout gives a float64 result: np.zeros makes float64 unless it is given a dtype.",
)


@exercise.mistake("embedding_backward")
def adds_sequence_by_sequence(dout, ids, vocab_size):
    """Equal ids in different sequences add up, but within one sequence only the last one counts.
    In each round of the loop, `dtable[ids[b]] += ...` reads all rows before it writes any."""
    dtable = np.zeros((vocab_size, dout.shape[-1]), dtype=dout.dtype)
    for some, arriving in zip(ids, dout, strict=True):
        dtable[some] += arriving
    return dtable


@exercise.mistake("embedding_backward")
def adds_place_by_place(dout, ids, vocab_size):
    """Equal ids at different places add up, but of sequences with one id at the same place only
    the last one counts: `dtable[ids[:, t]] += ...` reads all rows before it writes any."""
    dtable = np.zeros((vocab_size, dout.shape[-1]), dtype=dout.dtype)
    for t in range(ids.shape[-1]):
        dtable[ids[..., t]] += dout[..., t, :]
    return dtable


@exercise.mistake("embedding_backward")
def keeps_the_last_sequence_only(dout, ids, vocab_size):
    """Only the last sequence counts. Make the array of zeros once, before the loop over the
    sequences, and add to it."""
    return embedding.embedding_backward(dout[-1:], ids[-1:], vocab_size)
