"""Reference of the model in PyTorch, as functions of a dictionary of parameters.

Names and layouts are those of the fixtures: linear weights are [in, out], convolutions [out, in, k].
Streams are lists over the modalities of tensors [batch, time, features].
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


@dataclass(frozen=True)
class Config:
    dims: tuple
    d: int
    heads: int
    layers: int
    kernels: tuple
    max_steps: tuple
    classes: int
    decoder_layers: int
    pooling: str = "attention"
    classifier: str = "linear"
    alignment: str = "joint-vectors"
    distance: str = "cmd"
    balance: bool = True
    extrapolation: bool = True
    outer_residual: bool = False
    scaled_input: bool = False
    final_norm: bool = False
    gfa_symmetric: bool = False
    standardize: bool = False
    positions: str = "interleaved"
    predictor: str = "full"
    queries: str = "embedded"
    system: str = "mct-hfr"
    names: tuple = ()
    alpha: float = 0.4
    beta: float = 0.6

    @property
    def modalities(self):
        return range(len(self.dims))

    @property
    def lfi(self):
        return self.system in ("mct-lfi", "mct-hfr")

    @property
    def gfa(self):
        return self.system in ("mct-gfa", "mct-hfr")

    @property
    def representation(self):
        return len(self.dims) * (self.d // 2 if self.pooling == "gated-gru" else self.d)


# ---------------------------------------------------------------- parameters


def shapes(config):
    """Shape of every trainable parameter, by name."""
    d, found = config.d, {}

    def linear(name, inputs, outputs):
        found[f"{name}.weight"] = (inputs, outputs)
        found[f"{name}.bias"] = (outputs,)

    def norm(name, size=d):
        found[f"{name}.gamma"] = found[f"{name}.beta"] = (size,)

    def unit(name):
        for projection in ("query", "key", "value", "output"):
            linear(f"{name}.attention.{projection}", d, d)
        norm(f"{name}.norm_attention")
        linear(f"{name}.feed_forward.inner", d, 4 * d)
        linear(f"{name}.feed_forward.outer", 4 * d, d)
        norm(f"{name}.norm_feed_forward")

    def pooling(name):
        if config.pooling == "attention":
            found[f"{name}.context"] = (d,)
            return
        h = d // 2
        for layer in range(2):
            for direction in ("forward", "backward"):
                cell = f"{name}.gru.{layer}.{direction}"
                found[f"{cell}.input_weight"] = (d, 3 * h)
                found[f"{cell}.input_bias"] = (3 * h,)
                found[f"{cell}.hidden_weight"] = (h, 3 * h)
                found[f"{cell}.hidden_bias"] = (3 * h,)
        found[f"{name}.gate.weight"] = (1, d, 3)
        found[f"{name}.gate.bias"] = (1,)
        linear(f"{name}.project", 2 * d, h)

    for m in config.modalities:
        found[f"unimodal.{m}.conv.weight"] = (d, config.dims[m], config.kernels[m])
        for n in range(config.layers):
            unit(f"layers.{n}.units.{m}")
        if config.final_norm:
            norm(f"final_norms.{m}")
        pooling(f"pooling.{m}")
        if config.lfi:
            for i in range(config.decoder_layers):
                unit(f"lfi.{m}.layers.{i}.self_attention")
                unit(f"lfi.{m}.layers.{i}.cross_attention")
            if config.final_norm:
                norm(f"lfi.{m}.final_norm")
            found[f"lfi.{m}.generator.weight"] = (d, config.dims[m])
    size = config.representation
    if config.classifier == "released":
        norm("classifier.norm", size)
        linear("classifier.hidden", size, d)
        size = d
    linear("classifier.output", size, config.classes)
    if config.gfa and config.alignment == "joint-vectors":
        inner = config.representation
        if config.predictor == "bottleneck":
            inner //= 2
            found["gfa.inner.weight"] = (config.representation, inner)
            norm("gfa.norm", inner)
        else:
            linear("gfa.inner", config.representation, inner)
        linear("gfa.outer", inner, config.representation)
    return found


def initialise(shapes, generator, scale):
    """Random trainable parameters: normal(0, scale), around 1 for the gains of the norms."""
    return {
        name: scale * torch.randn(shape, generator=generator) + name.endswith(".gamma")
        for name, shape in shapes.items()
    }


# -------------------------------------------------------------------- layers


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"].T, p.get(f"{name}.bias"))


def layer_norm(p, name, x):
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.gamma"], p[f"{name}.beta"], 1e-5)


def attention(query, key, value, key_valid, heads):
    """Multi-head softmax(Q K^T / sqrt(dk)) V over the keys that are not padding."""

    def split(x):
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)

    query, key, value = split(query), split(key), split(value)
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    scores = scores.masked_fill(~key_valid[:, None, None, :], float("-inf"))
    return (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)


def finish_unit(p, name, attended, residual):
    """Eq. 9 and 10: output projection and feed-forward of a unit, each with its post-LN residual."""
    x = layer_norm(p, f"{name}.norm_attention", linear(p, f"{name}.attention.output", attended) + residual)
    inner = linear(p, f"{name}.feed_forward.inner", x).relu()
    return layer_norm(p, f"{name}.norm_feed_forward", linear(p, f"{name}.feed_forward.outer", inner) + x)


def positions(steps, d):
    """Interleaved sinusoidal encoding."""
    rate = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angle = torch.arange(steps, dtype=torch.float64)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


def concatenated_positions(steps, d):
    """The released code's: half sines, half cosines, from position 1."""
    half = d // 2
    rate = torch.exp(-torch.arange(half, dtype=torch.float64) * torch.log(torch.tensor(1e4, dtype=torch.float64)) / max(half - 1, 1))
    angle = torch.arange(1, steps + 1, dtype=torch.float64)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], 1)


def key_scale(config, lengths, m):
    """gamma_b * gamma_e of eq. 6, for each sample."""
    scale = torch.ones(len(lengths), dtype=torch.float64)
    if config.balance:
        scale = scale * lengths[:, m].double() ** -0.5
    if config.extrapolation:
        longest = torch.tensor(sum(config.max_steps), dtype=torch.float64)
        scale = scale * lengths.sum(1).double().log() / longest.log()
    return scale


def mrau_layer(config, p, n, streams, valid, lengths):
    """Eq. 5-10: every modality attends to the keys of all, joined over time."""
    units = [f"layers.{n}.units.{m}" for m in config.modalities]
    keys = torch.cat(
        [
            linear(p, f"{unit}.attention.key", h) * key_scale(config, lengths, m).to(h.dtype)[:, None, None]
            for m, (unit, h) in enumerate(zip(units, streams))
        ],
        1,
    )
    values = torch.cat([linear(p, f"{unit}.attention.value", h) for unit, h in zip(units, streams)], 1)
    outputs = []
    for unit, h in zip(units, streams):
        attended = attention(linear(p, f"{unit}.attention.query", h), keys, values, torch.cat(valid, 1), config.heads)
        e = finish_unit(p, unit, attended, h)
        outputs.append(h + e if config.outer_residual else e)
    return outputs


def attention_pooling(p, name, x, valid):
    scores = (x @ p[f"{name}.context"]).masked_fill(~valid, float("-inf"))
    return (scores.softmax(1)[..., None] * x).sum(1)


def gru_layer(p, name, x, lengths):
    """One bidirectional layer over the real steps, zero at the padding."""
    weights = []
    for direction in (f"{name}.forward", f"{name}.backward"):
        weights += [p[f"{direction}.input_weight"].T, p[f"{direction}.hidden_weight"].T]
        weights += [p[f"{direction}.input_bias"], p[f"{direction}.hidden_bias"]]
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    start = x.new_zeros(2, len(x), x.shape[-1] // 2)
    output, _ = torch.gru(packed.data, packed.batch_sizes, start, weights, True, 1, 0.0, True, True)
    return pad_packed_sequence(packed._replace(data=output), batch_first=True, total_length=x.shape[1])[0]


def gated_gru_pooling(p, name, x, valid, lengths):
    recurrent = gru_layer(p, f"{name}.gru.1", gru_layer(p, f"{name}.gru.0", x, lengths), lengths)
    gate = F.conv1d(recurrent.transpose(1, 2), p[f"{name}.gate.weight"], p[f"{name}.gate.bias"], padding=1)
    gated = recurrent.tanh() * gate.transpose(1, 2).sigmoid()
    reduced = linear(p, f"{name}.project", torch.cat([x, gated], -1)).tanh()
    return reduced.masked_fill(~valid[..., None], float("-inf")).amax(1)


def classify(config, p, h):
    """The logits of eq. 11."""
    if config.classifier == "released":
        h = F.batch_norm(h, None, None, p["classifier.norm.gamma"], p["classifier.norm.beta"], training=True, eps=1e-5)
        h = F.leaky_relu(linear(p, "classifier.hidden", h), 0.01)
    return linear(p, "classifier.output", h)


# --------------------------------------------------------------------- model


def validity(features, lengths):
    return [torch.arange(x.shape[1]) < lengths[:, m, None] for m, x in enumerate(features)]


def prepare(config, p, features, missing, lengths):
    """Complete features (standardised at the real steps if asked) and incomplete ones."""
    complete = list(features)
    if config.standardize:
        complete = [
            (x - p[f"inputs.{m}.mean"]) / p[f"inputs.{m}.deviation"] * valid[..., None]
            for m, (x, valid) in enumerate(zip(features, validity(features, lengths)))
        ]
    incomplete = [
        (1 - gone[..., None]) * x + gone[..., None] * p[f"inputs.{m}.replacement"]
        for m, (x, gone) in enumerate(zip(complete, missing))
    ]
    return complete, incomplete


def forward(config, p, features, lengths):
    """Encoder, pooling and classifier; returns every stage by name."""
    valid = validity(features, lengths)
    # eq. 3
    unimodal = [
        F.conv1d(x.transpose(1, 2), p[f"unimodal.{m}.conv.weight"], padding="same").transpose(1, 2)
        for m, x in enumerate(features)
    ]
    # eq. 4
    scale = config.d**0.5 if config.scaled_input else 1.0
    if config.positions == "concatenated":
        # A step whose first channel is 0 is padding or missing to the released code.
        embedded = [
            scale * x + concatenated_positions(x.shape[1], config.d).to(x.dtype) * (x[..., :1] != 0) for x in unimodal
        ]
    else:
        embedded = [scale * x + positions(x.shape[1], config.d).to(x.dtype) for x in unimodal]
    layers, memory = [], embedded
    for n in range(config.layers):
        memory = mrau_layer(config, p, n, memory, valid, lengths)
        layers.append(memory)
    if config.final_norm:
        memory = [layer_norm(p, f"final_norms.{m}", x) for m, x in enumerate(memory)]
    if config.pooling == "attention":
        pooled = [attention_pooling(p, f"pooling.{m}", x, valid[m]) for m, x in enumerate(memory)]
    else:
        pooled = [gated_gru_pooling(p, f"pooling.{m}", x, valid[m], lengths[:, m]) for m, x in enumerate(memory)]
    return {
        "unimodal": unimodal,
        "embedded": embedded,
        "layers": layers,
        "memory": memory,
        "pooled": pooled,
        "logits": classify(config, p, torch.cat(pooled, 1)),
    }


def decode(config, p, m, stream, memory, valid):
    """Eq. 13: the features of modality m imagined from the incomplete input (LFI)."""
    for i in range(config.decoder_layers):
        # The self-attention reads the stream as it stands, the cross-attention the memory.
        for kind in ("self_attention", "cross_attention"):
            unit = f"lfi.{m}.layers.{i}.{kind}"
            source = stream if kind == "self_attention" else memory
            query, key, value = (
                linear(p, f"{unit}.attention.query", stream),
                linear(p, f"{unit}.attention.key", source),
                linear(p, f"{unit}.attention.value", source),
            )
            stream = finish_unit(p, unit, attention(query, key, value, valid, config.heads), stream)
    if config.final_norm:
        stream = layer_norm(p, f"lfi.{m}.final_norm", stream)
    return linear(p, f"lfi.{m}.generator", stream)


# -------------------------------------------------------------------- losses


def cmd(a, b):
    """Eq. 16: central moment discrepancy, up to order 5."""

    def gap(x, y):
        return ((x - y).square().sum() + 1e-12).sqrt()

    centred_a, centred_b = a - a.mean(0), b - b.mean(0)
    moments = [gap((centred_a**k).mean(0), (centred_b**k).mean(0)) for k in range(2, 6)]
    return gap(a.mean(0), b.mean(0)) + sum(moments)


def cmd_bounded(a, b):
    """CMD as its authors define it, of values between -1 and 1: order k is divided by 2^k."""
    a, b = a.tanh(), b.tanh()

    def gap(x, y, k):
        return (((x - y) / 2**k).square().sum() + 1e-12).sqrt()

    centred_a, centred_b = a - a.mean(0), b - b.mean(0)
    moments = [gap((centred_a**k).mean(0), (centred_b**k).mean(0), k) for k in range(2, 6)]
    return gap(a.mean(0), b.mean(0), 1) + sum(moments)


def cosine(a, b):
    return 1 - F.cosine_similarity(a, b, dim=1, eps=1e-8).mean()


def jsd(a, b):
    p, q = a.softmax(1), b.softmax(1)
    m = (p + q) / 2

    def divergence(x):
        return (x * ((x + 1e-12).log() - (m + 1e-12).log())).sum(1)

    return (0.5 * divergence(p) + 0.5 * divergence(q)).mean()


DISTANCES = {"cmd": cmd, "cmd-bounded": cmd_bounded, "smooth-l1": F.smooth_l1_loss, "cosine": cosine, "jsd": jsd}


def gfa_distance(config, p, h, target):
    """The second term of eq. 17."""
    def predict(x):
        inner = linear(p, "gfa.inner", x)
        if config.predictor == "bottleneck":
            inner = F.batch_norm(inner, None, None, p["gfa.norm.gamma"], p["gfa.norm.beta"], training=True, eps=1e-5)
        return linear(p, "gfa.outer", inner.relu())

    distance = DISTANCES[config.distance]
    if config.gfa_symmetric:
        return 0.5 * (distance(predict(target), h.detach()) + distance(predict(h), target.detach()))
    return distance(predict(h), target)


def distillation(config, logits, target):
    """What is predicted from the incomplete view against the complete view's, a constant (batch mean)."""
    def divergence(x, teacher):
        return F.kl_div(x.log_softmax(1), teacher.detach().softmax(1), reduction="batchmean")

    if config.gfa_symmetric:
        return 0.5 * (divergence(logits, target) + divergence(target, logits))
    return divergence(logits, target)


def lfi_loss(decoded, complete, missing):
    """Eq. 14 and 15, as a mean over the missing elements; a modality without any adds 0 / 1e-4."""
    total = 0
    for d, x, gone in zip(decoded, complete, missing):
        error = F.smooth_l1_loss(d, x, reduction="none") * gone[..., None]
        total = total + error.sum() / (gone.sum() * x.shape[-1] + 1e-4)
    return total


def run(config, p, features, missing, lengths, labels):
    """Both passes and the losses of eq. 12, 15, 17 and 18: (incomplete stages, complete stages or None, losses)."""
    complete, incomplete = prepare(config, p, features, missing, lengths)
    stages, full = forward(config, p, incomplete, lengths), None
    losses = {"ce": F.cross_entropy(stages["logits"], labels)}
    total = losses["ce"]
    if config.gfa:
        full = forward(config, p, complete, lengths)
        losses["ce_complete"] = F.cross_entropy(full["logits"], labels)
        if config.alignment == "predictions":
            losses["distance"] = distillation(config, stages["logits"], full["logits"])
        else:
            losses["distance"] = gfa_distance(config, p, torch.cat(stages["pooled"], 1), torch.cat(full["pooled"], 1))
        losses["gfa"] = losses["ce_complete"] + losses["distance"]
        total = total + config.alpha * losses["gfa"]
    if config.lfi:
        valid = validity(features, lengths)
        stages["decoded"] = []
        for m in config.modalities:
            queries, memory = stages["embedded"][m], stages["memory"][m]
            if config.queries == "convolved":
                queries, memory = (config.d**0.5 * x for x in (stages["unimodal"][m], memory))
            elif config.queries == "positions":
                alone = positions(queries.shape[1], config.d).to(queries.dtype)
                queries = torch.where(missing[m][..., None] > 0, alone, queries)
            stages["decoded"].append(decode(config, p, m, queries, memory, valid[m]))
        losses["lfi"] = lfi_loss(stages["decoded"], complete, missing)
        total = total + config.beta * losses["lfi"]
    losses["total"] = total
    return stages, full, losses
