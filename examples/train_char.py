"""A small character model trained with four attention patterns: what each costs, and what it learns in the same steps.

    python examples/train_char.py [--steps 60] [--plot build/train_char.svg]

Causal, 4 layers of 4 heads, 2,048 characters of context, the documentation that Python ships as text; about two minutes
on two cores, no GPU and no network. Each pattern trains in a process of its own, so that its peak memory is its own.
The dense row is torch's own causal attention. This many steps show that gradients flow and what a step costs; they do
not show which pattern makes the better model.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

import patternc

CONTEXT, BATCH = 2048, 2
LAYERS, HEADS, HEAD_DIM = 4, 4, 32
WIDTH = HEADS * HEAD_DIM
WINDOW = STRIDE = 128
HELD_OUT = 4  # sequences the loss is measured on

PATTERNS = {
    "dense": None,
    "local": f"all: local({WINDOW})",
    "local | stride": f"all: local({WINDOW}) | stride({STRIDE})",
    "local, stride in turn": f"0..n_layers step 2: local({WINDOW})  rest: stride({STRIDE})",
}


def attention_of(name):
    """attend(q, k, v, layer) of a pattern; None stands for dense attention."""
    if PATTERNS[name] is None:
        return lambda q, k, v, layer: functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    layers = PATTERNS[name].replace("n_layers", str(LAYERS))
    text = (
        f"model char {{ causal  tokens {CONTEXT}  heads {HEADS}  head_dim {HEAD_DIM}\n"
        f"    layers {LAYERS} {{ {layers} }}\n}}\nexpect connected within {LAYERS} layers"
    )
    if name == "local":  # 4 windows of 128 reach 509 characters back, no further
        text = text.replace(f"expect connected within {LAYERS} layers", "")
    module = patternc.compile(text, dtype="float32", target="cpu").module()
    return lambda q, k, v, layer: module(q, k, v, layer=layer)


# -- the model ------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """Attention and a feed-forward layer, each after a norm and around a residual connection."""

    def __init__(self, layer, attend):
        super().__init__()
        self.layer, self.attend = layer, attend
        self.before_attention, self.before_feed = nn.RMSNorm(WIDTH), nn.RMSNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.feed = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x, rotation):
        """From [B, N, WIDTH] to the same."""
        batch, length, _ = x.shape
        rows = self.qkv(self.before_attention(x)).view(batch, length, 3, HEADS, HEAD_DIM)
        q, k, v = rows.permute(2, 0, 3, 1, 4)  # each [B, H, N, D], a view
        attended = self.attend(rotated(q, rotation), rotated(k, rotation), v, self.layer)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.feed(self.before_feed(x))


class Model(nn.Module):
    """Characters [B, N] to logits [B, N, characters]."""

    def __init__(self, characters, attend):
        super().__init__()
        self.embed = nn.Embedding(characters, WIDTH)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(layer, attend) for layer in range(LAYERS))
        self.norm = nn.RMSNorm(WIDTH)
        angles = torch.arange(CONTEXT)[:, None] / 10000 ** (torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
        self.register_buffer("rotation", torch.stack([angles.cos(), angles.sin()]), persistent=False)

    def forward(self, text):
        """Logits of the character after each one."""
        x = self.embed(text)
        for block in self.blocks:
            x = block(x, self.rotation)
        return self.norm(x) @ self.embed.weight.T


def rotated(rows, rotation):
    """Rotary position embedding (Su et al. 2021) of rows [B, H, N, D]."""
    cos, sin = rotation
    a, b = rows.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


# -- training -------------------------------------------------------------------------------------------------------


def text_of_python():
    """The documentation that Python ships, as indices into its characters: (train [T], held out [V], characters)."""
    from pydoc_data.topics import topics

    text = "\n\n".join(body for _, body in sorted(topics.items()))
    characters = sorted(set(text))
    index = {character: place for place, character in enumerate(characters)}
    data = torch.tensor([index[character] for character in text])
    held_out = HELD_OUT * CONTEXT + 1
    return data[:-held_out], data[-held_out:], len(characters)


def train(name, steps):
    """Trains with one pattern; prints its losses (nats a character), step time (s) and added memory (bytes)."""
    torch.manual_seed(0)
    data, held_out, characters = text_of_python()
    model = Model(characters, attention_of(name))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
    warm_up = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm_up, 0.5 + 0.5 * math.cos(math.pi * step / steps))
    )
    losses, seconds = [], []
    before = memory("VmRSS")
    for _ in range(steps):
        starts = torch.randint(len(data) - CONTEXT - 1, (BATCH,))
        rows = torch.stack([data[start : start + CONTEXT + 1] for start in starts])
        begin = time.perf_counter()
        loss = functional.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        seconds.append(time.perf_counter() - begin)
        losses.append(loss.item())
    with torch.inference_mode():
        inputs, targets = held_out[:-1].view(HELD_OUT, CONTEXT), held_out[1:].view(HELD_OUT, CONTEXT)
        test = functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).item()
    typical = sorted(seconds)[len(seconds) // 2]
    peak = memory("VmHWM") - before
    print(json.dumps({"losses": losses, "held_out": test, "step": typical, "peak": peak}))


def memory(field):
    """A size from /proc/self/status in bytes, 0 where there is none."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


# -- the comparison -------------------------------------------------------------------------------------------------


def compare(steps, plot):
    """Trains with every pattern in turn and shows the results side by side."""
    results = {}
    print(f"{'':>22} {'held-out loss':>14} {'step':>10} {'peak memory':>12}   pairs")
    for name in PATTERNS:
        child = [sys.executable, __file__, "--pattern", name, "--steps", str(steps)]
        done = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True)
        results[name] = row = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{name:>22} {row['held_out']:>8.3f} nats {row['step'] * 1e3:>7.0f} ms {row['peak'] / 2**20:>8.0f} MiB   "
            f"{pairs(name):.1%}",
            flush=True,
        )
    if plot is not None:
        draw(results, plot)
        print(f"loss by step and by time: {plot}")


def pairs(name):
    """The share of all causal pairs that the pattern keeps, over all layers."""
    if PATTERNS[name] is None:
        return 1.0
    layers = PATTERNS[name].replace("n_layers", str(LAYERS))
    text = f"model char {{ causal tokens {CONTEXT} heads {HEADS} layers {LAYERS} {{ {layers} }} }}"
    return float(patternc.compile(text).report().density)


def draw(results, path):
    """The training losses of all patterns, smoothed over five steps, against steps and against seconds."""
    import matplotlib

    matplotlib.use("svg" if path.suffix == ".svg" else "agg")
    from matplotlib import pyplot

    figure, (by_step, by_time) = pyplot.subplots(1, 2, figsize=(9, 3.5), sharey=True, layout="constrained")
    for name, row in results.items():
        losses = torch.tensor(row["losses"])
        smooth = functional.avg_pool1d(losses[None], 5, 1)[0] if len(losses) >= 5 else losses
        by_step.plot(range(len(losses) - len(smooth), len(losses)), smooth, label=name)
        by_time.plot([row["step"] * step for step in range(len(losses) - len(smooth), len(losses))], smooth)
    by_step.set(xlabel="step", ylabel="training loss (nats a character)")
    by_time.set(xlabel="seconds (steps x median step)")
    by_step.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--plot", type=Path, default=Path("build/train_char.svg"))
    parser.add_argument("--pattern", choices=PATTERNS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.pattern is None:
        compare(arguments.steps, arguments.plot)
    else:
        train(arguments.pattern, arguments.steps)
