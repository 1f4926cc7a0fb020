"""Median time of a training step and of an inference batch, at the sizes of the paper."""

import argparse
import json
import statistics
import time

import torch

import model

LENGTHS = (400, 40, 50)
CONFIG = model.Config(
    dims=(512, 512, 768),
    d=128,
    heads=4,
    layers=4,
    kernels=(3, 3, 1),
    max_steps=LENGTHS,
    classes=4,
    decoder_layers=2,
)


def median_seconds(work, warmup, repeats):
    seconds = []
    for _ in range(warmup + repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[warmup:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([LENGTHS] * options.batch)
    labels = torch.randint(CONFIG.classes, (options.batch,), generator=generator)
    features = [torch.randn(options.batch, t, d, generator=generator) for t, d in zip(LENGTHS, CONFIG.dims)]
    missing = [(torch.rand(options.batch, t, generator=generator) < 0.5).float() for t in LENGTHS]
    initial = model.initialise(model.shapes(CONFIG), generator, 0.05)
    trainable = {n: p.requires_grad_() for n, p in initial.items()}
    weights = trainable | {f"inputs.{m}.replacement": torch.zeros(d) for m, d in enumerate(CONFIG.dims)}
    optimiser = torch.optim.AdamW(trainable.values(), lr=1e-3, weight_decay=0.01)

    def train():
        optimiser.zero_grad()
        model.run(CONFIG, weights, features, missing, lengths, labels)[2]["total"].backward()
        optimiser.step()

    @torch.no_grad()
    def infer():
        _, incomplete = model.prepare(CONFIG, weights, features, missing, lengths)
        model.forward(CONFIG, weights, incomplete, lengths)

    result = {
        "train_step_secs": median_seconds(train, options.warmup, options.repeats),
        "inference_secs": median_seconds(infer, options.warmup, options.repeats),
        "batch": options.batch,
        "threads": options.threads,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
