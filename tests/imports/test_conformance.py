"""A configuration says, through `patternc import`, what its own system made of it: pair by pair, case by case."""

import numpy as np
import pytest

from tests.conformance.cases import CASES
from tests.imports.texts import program_of

MODES = {
    "DenseSparsityConfig": "dense",
    "FixedSparsityConfig": "fixed",
    "VariableSparsityConfig": "variable",
    "BigBirdSparsityConfig": "bigbird",
    "BSLongformerSparsityConfig": "bslongformer",
    "LocalSlidingWindowSparsityConfig": "local_sliding_window",
}
KINDS = {
    "fixed": "sparse_fixed",
    "variable": "sparse_variable",
    "bigbird": "bigbird",
    "bslongformer": "bslongformer",
    "local_sliding_window": "local",
}
DEEPSPEED = {name: case for name, case in CASES.items() if case.family == "deepspeed"}
HUGGING_FACE = {
    name: case
    for name, case in CASES.items()
    if case.family == "hf" and not case.has_numbers and not {"packed", "padded", "leftpad5"} & set(name.split("_"))
}


def section_of(case, **changes):
    """The `sparse_attention` of a case, with what the class takes by default written out where the reader differs."""
    kwargs = {key: value for key, value in case.params["kwargs"].items() if key != "num_heads"}
    mode = MODES[case.params["class"]]
    if mode == "bigbird":
        kwargs.setdefault("num_random_blocks", 1)
    return {"mode": mode, **kwargs, **changes}


def one_way(case):
    default = "unidirectional" if case.params["class"].startswith("Local") else "bidirectional"
    return case.params["kwargs"].get("attention", default) == "unidirectional"


def draws_of(case):
    return section_of(case).get("num_random_blocks", 0)


def masks_of(program, layers=1):
    return np.stack(
        [np.stack([program.mask(layer, head) for head in range(program.schedule.heads)]) for layer in range(layers)]
    )


def expected(case):
    """[layers, heads, n, n]; a unidirectional layout as it is used, behind a causal mask."""
    masks = case.by_layer_and_head("mask")
    masks = masks.repeat(case.block, 2).repeat(case.block, 3)[..., : case.tokens, : case.tokens]
    if case.family == "deepspeed" and one_way(case):
        masks = masks & np.tri(case.tokens, dtype=bool)
    return masks


def deepspeed_masks(case, **changes):
    heads = case.params["kwargs"]["num_heads"]
    config = {"train_batch_size": 4, "sparse_attention": section_of(case, **changes)}
    asked = {"tokens": case.tokens, "layers": 1, "heads": heads, "made_at": case.params.get("made_at")}
    return masks_of(program_of(config, name="ds_config.json", **asked))


def neox_masks(case, **changes):
    mode = MODES[case.params["class"]]
    section = {key: value for key, value in section_of(case, **changes).items() if key not in ("mode", "attention")}
    heads = case.params["kwargs"]["num_heads"]
    config = {
        "attention_config": [[[KINDS[mode]], "all"]],
        "sparsity_config": section,
        "num-layers": 1,
        "num-attention-heads": heads,
        "seq_length": case.params.get("made_at", case.tokens),
    }
    if mode == "local_sliding_window":
        section.setdefault("num_sliding_window_blocks", 3)
    return masks_of(program_of(config, name="model.yml", tokens=case.tokens))


def check_draws(case, masks_at):
    """What is drawn is the generator's; what is not drawn, how much is, and from where, must agree."""
    draws, cut = draws_of(case), expected(case)
    drawn, fixed, most = masks_at(draws), masks_at(0), masks_at(case.tokens // case.block if not one_way(case) else 1)
    for masks in (drawn, cut):
        assert (masks >= fixed).all()
        assert (masks & ~fixed).sum(-1).max() <= draws * case.block
        if case.params["class"] == "VariableSparsityConfig" or not one_way(case):
            assert (masks <= masks_at(case.tokens // case.block)).all()
    assert (drawn & ~fixed).any() == (cut & ~fixed).any()
    own = case.params["kwargs"].get("different_layout_per_head", False)
    assert (drawn == drawn[:, :1]).all() != own
    assert most.shape == drawn.shape


@pytest.mark.parametrize("name", [name for name, case in DEEPSPEED.items() if not draws_of(case)])
def test_deepspeed(name):
    case = CASES[name]
    assert np.array_equal(deepspeed_masks(case), expected(case))


@pytest.mark.parametrize("name", [name for name, case in DEEPSPEED.items() if draws_of(case)])
def test_deepspeed_draws(name):
    case = CASES[name]
    check_draws(case, lambda draws: deepspeed_masks(case, num_random_blocks=draws))


ONE_WAY = {name: case for name, case in DEEPSPEED.items() if one_way(case) and not name.startswith("dense")}


@pytest.mark.parametrize("name", [name for name, case in ONE_WAY.items() if not draws_of(case)])
def test_gpt_neox(name):
    case = CASES[name]
    assert np.array_equal(neox_masks(case), expected(case))


@pytest.mark.parametrize("name", [name for name, case in ONE_WAY.items() if draws_of(case)])
def test_gpt_neox_draws(name):
    case = CASES[name]
    check_draws(case, lambda draws: neox_masks(case, num_random_blocks=draws))


def config_of(case):
    """The config.json of a Hugging Face case."""
    layers = case.by_layer_and_head("mask").shape[0]
    params = case.params
    config = {"model_type": params["model_type"], "num_hidden_layers": layers, "max_position_embeddings": case.tokens}
    if params["model_type"] == "longformer":
        return config | {"attention_window": params["attention_window"], "pad_token_id": None}
    if params["model_type"] == "big_bird":
        return config | {"block_size": case.block, "num_random_blocks": params["num_random_blocks"]}
    return config | params["overrides"]


@pytest.mark.parametrize("name", [name for name, case in HUGGING_FACE.items() if "big_bird" not in str(case.params)])
def test_hugging_face(name):
    case = CASES[name]
    ids = case.params.get("global_ids")
    params = None if ids is None else {"globals": tuple(ids) or "[0..0]"}
    program = program_of(config_of(case), params=params, heads=1)
    masks = case.by_layer_and_head("mask")
    assert np.array_equal(masks_of(program, len(masks)), masks)


BIG_BIRD = {name: case for name, case in CASES.items() if case.params.get("model_type") == "big_bird"}


def counts_of(program, layers=1):
    """How often blocks count, by layer and head."""
    heads = range(program.schedule.heads)
    return np.stack([[program.mask(layer, head, counts=True) for head in heads] for layer in range(layers)])


def expected_counts(case):
    """[layers, heads, n, n]: how often the blocks of a case count, token by token."""
    return case.by_layer_and_head("count").astype(int).repeat(case.block, 2).repeat(case.block, 3)


@pytest.mark.parametrize("name", [name for name, case in BIG_BIRD.items() if not case.params["training"]])
def test_hugging_face_big_bird_in_evaluation(name):
    """All random blocks are block 0, which counts as often as it is picked."""
    case = CASES[name]
    counts = expected_counts(case)
    assert counts.max() == 1 + case.params["num_random_blocks"]
    program = program_of(config_of(case), heads=counts.shape[1], evaluation=True)
    assert np.array_equal(counts_of(program, len(counts)), counts)


@pytest.mark.parametrize("name", [name for name, case in BIG_BIRD.items() if case.params["training"]])
def test_hugging_face_big_bird_in_training(name):
    """What is drawn is the generator's: compared are the fixed blocks, how many are added to them, and from where."""
    case = CASES[name]
    config, given, draws = config_of(case), expected_counts(case), case.params["num_random_blocks"]
    sizes = {"layers": len(given), "heads": given.shape[1]}
    drawn, fixed = (
        counts_of(program_of(config | {"num_random_blocks": count}, **sizes), len(given)) for count in (draws, 0)
    )
    last = 1024 // case.block - 1 if case.tokens == 1024 else 2 * draws + 3
    for each in (drawn, given):
        added = each - fixed
        assert ((added == 0) | (added == 1)).all()
        assert (added.sum(-1)[..., case.block : -case.block] == draws * case.block).all()
        assert not added[..., : case.block, :].any()
        assert not added[..., -case.block :, :].any()
        columns = np.flatnonzero(added.any((0, 1, 2)))
        assert case.block <= columns.min()
        assert columns.max() < (last + 1) * case.block
        # By the older plan, blocks of the window may be drawn again; by the newer one never.
        assert (each.max() == 2) == (case.tokens == 1024)
    for axis in (0, 1):
        if drawn.shape[axis] > 1:
            first, second = np.take(drawn, 0, axis), np.take(drawn, 1, axis)
            assert (first != second).any()
