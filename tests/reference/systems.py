"""The six compared systems, from the equations of their papers, in double precision.

Each has a function that lists the shapes of its parameters and one that runs it. `run` gives what
`model.run` gives: (incomplete stages, complete stages or None, losses).
"""

from itertools import combinations

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from model import (
    attention,
    attention_pooling,
    cmd,
    layer_norm,
    lfi_loss,
    linear,
    positions,
    prepare,
    validity,
)

# ---------------------------------------------------------------- parameters


class Shapes(dict):
    """Shapes of parameters by name."""

    def linear(self, name, inputs, outputs, bias=True):
        self[f"{name}.weight"] = (inputs, outputs)
        if bias:
            self[f"{name}.bias"] = (outputs,)

    def norm(self, name, size):
        self[f"{name}.gamma"] = self[f"{name}.beta"] = (size,)

    def multi_head(self, name, size):
        for projection in ("query", "key", "value", "output"):
            self.linear(f"{name}.{projection}", size, size)

    def feed_forward(self, name, size):
        self.linear(f"{name}.inner", size, 4 * size)
        self.linear(f"{name}.outer", 4 * size, size)

    def unit(self, name, size):
        self.multi_head(f"{name}.attention", size)
        self.norm(f"{name}.norm_attention", size)
        self.feed_forward(f"{name}.feed_forward", size)
        self.norm(f"{name}.norm_feed_forward", size)

    def combination(self, name, d):
        self.linear(f"{name}.projection", d, d)
        self[f"{name}.context"] = (d,)


def shapes(config):
    """Shape of every trainable parameter, by name."""
    found, d = Shapes(), config.d
    if config.system != "misa":
        for m in config.modalities:
            found[f"unimodal.{m}.conv.weight"] = (d, config.dims[m], config.kernels[m])
    joint = SYSTEMS[config.system][0](config, found)
    found.linear("output" if config.system == "misa" else "classifier.output", joint, config.classes)
    return found


# -------------------------------------------------------------------- layers


def multi_head(p, name, target, source, source_valid, heads):
    query, key, value = (
        linear(p, f"{name}.{part}", x) for part, x in (("query", target), ("key", source), ("value", source))
    )
    return linear(p, f"{name}.output", attention(query, key, value, source_valid, heads))


def feed_forward(p, name, x):
    return linear(p, f"{name}.outer", linear(p, f"{name}.inner", x).relu())


def unit(p, name, target, source, source_valid, heads):
    h = layer_norm(p, f"{name}.norm_attention", target + multi_head(p, f"{name}.attention", target, source, source_valid, heads))
    return layer_norm(p, f"{name}.norm_feed_forward", h + feed_forward(p, f"{name}.feed_forward", h))


def everything(x):
    return torch.ones(x.shape[:2], dtype=torch.bool)


def masked_mean(x, valid):
    return torch.stack([row[real].mean(0) for row, real in zip(x, valid)])


def combine(p, name, versions, valid):
    scores = [linear(p, f"{name}.projection", masked_mean(v, valid)).tanh() @ p[f"{name}.context"] for v in versions]
    weights = torch.stack(scores, 1).softmax(1)
    return torch.einsum("bm,mbtd->btd", weights, torch.stack(versions))


def front(config, p, features):
    """Eq. 3 and 4."""
    convolved = [
        F.conv1d(x.mT, p[f"unimodal.{m}.conv.weight"], padding="same").mT for m, x in enumerate(features)
    ]
    embedded = [x + positions(x.shape[1], config.d).to(x.dtype) for x in convolved]
    return {"unimodal": convolved, "embedded": embedded}


def head(p, sequences, valid, more=()):
    """Pooled vectors and logits."""
    pooled = [attention_pooling(p, f"pooling.{i}", x, v) for i, (x, v) in enumerate(zip(sequences, valid))]
    pooled += more
    return {"pooled": pooled, "logits": linear(p, "classifier.output", torch.cat(pooled, 1))}


# --------------------------------------------------------------- MulT, TFR-Net


def cross_shapes(config, found):
    for m in config.modalities:
        for j in range(len(config.dims) - 1):
            for n in range(config.layers):
                found.unit(f"cross.{m}.{j}.layers.{n}", config.d)


def cross(config, p, m, embedded, valid):
    """Modality m reinforced from every other one, which stays as it was embedded."""
    versions = []
    for j, s in enumerate(s for s in config.modalities if s != m):
        x = embedded[m]
        for n in range(config.layers):
            x = unit(p, f"cross.{m}.{j}.layers.{n}", x, embedded[s], valid[s], config.heads)
        versions.append(x)
    return versions


def mult_shapes(config, found):
    cross_shapes(config, found)
    size = (len(config.dims) - 1) * config.d
    for m in config.modalities:
        for n in range(2):
            found.unit(f"memory.{m}.layers.{n}", size)
        found[f"pooling.{m}.context"] = (size,)
    return len(config.dims) * size


def mult(config, p, features, valid):
    stages = front(config, p, features)
    together = [torch.cat(cross(config, p, m, stages["embedded"], valid), 2) for m in config.modalities]
    memories = []
    for m, x in enumerate(together):
        for n in range(2):
            x = unit(p, f"memory.{m}.layers.{n}", x, x, valid[m], config.heads)
        memories.append(x)
    return stages | {"layers": [together, memories]} | head(p, memories, valid)


def tfr_shapes(config, found):
    cross_shapes(config, found)
    size = len(config.dims) * config.d
    for m in config.modalities:
        for n in range(config.layers):
            found.unit(f"intra.{m}.layers.{n}", config.d)
        for n in range(2):
            found.unit(f"temporal.{m}.layers.{n}", config.max_steps[m])
        found.linear(f"generator.{m}", size, config.dims[m])
        found[f"pooling.{m}.context"] = (size,)
    return len(config.dims) * size


def tfr_net(config, p, features, valid):
    stages = front(config, p, features)
    together, decoded = [], []
    for m, own in enumerate(stages["embedded"]):
        x = own
        for n in range(config.layers):
            x = unit(p, f"intra.{m}.layers.{n}", x, x, valid[m], config.heads)
        h = torch.cat([x, *cross(config, p, m, stages["embedded"], valid)], 2)
        together.append(h)
        longest, steps = config.max_steps[m], h.shape[1]
        channels = F.pad(h * valid[m][..., None], (0, 0, 0, longest - steps)).mT
        heads = max(k for k in range(1, 6) if longest % k == 0)
        for n in range(2):
            channels = unit(p, f"temporal.{m}.layers.{n}", channels, channels, everything(channels), heads)
        decoded.append(linear(p, f"generator.{m}", channels.mT[:, :steps]))
    return stages | {"layers": [together], "decoded": decoded} | head(p, together, valid)


# ------------------------------------------------------------------------ PMR


def pmr_shapes(config, found):
    d = config.d
    for n in range(config.layers):
        for m in config.modalities:
            for kind in ("modality", "hub"):
                name = f"layers.{n}.{kind}.{m}"
                found.multi_head(f"{name}.self_attention", d)
                found.multi_head(f"{name}.cross_attention", d)
                found.linear(f"{name}.gate_self", d, d, bias=False)
                found.linear(f"{name}.gate_cross", d, d)
                found.norm(f"{name}.norm_attention", d)
                found.feed_forward(f"{name}.feed_forward", d)
                found.norm(f"{name}.norm_feed_forward", d)
        found.combination(f"layers.{n}.combine", d)
    for i in range(len(config.dims) + 1):
        found[f"pooling.{i}.context"] = (d,)
    return (len(config.dims) + 1) * d


def reinforcement(p, name, target, target_valid, source, source_valid, heads):
    own = multi_head(p, f"{name}.self_attention", target, target, target_valid, heads)
    other = multi_head(p, f"{name}.cross_attention", target, source, source_valid, heads)
    gate = (linear(p, f"{name}.gate_self", own) + linear(p, f"{name}.gate_cross", other)).sigmoid()
    h = layer_norm(p, f"{name}.norm_attention", target + gate * other + (1 - gate) * own)
    return layer_norm(p, f"{name}.norm_feed_forward", h + feed_forward(p, f"{name}.feed_forward", h))


def pmr(config, p, features, valid):
    stages = front(config, p, features)
    sequences, hub, hub_valid = stages["embedded"], torch.cat(stages["embedded"], 1), torch.cat(valid, 1)
    layers = []
    for n in range(config.layers):
        sequences = [
            reinforcement(p, f"layers.{n}.modality.{m}", x, valid[m], hub, hub_valid, config.heads)
            for m, x in enumerate(sequences)
        ]
        messages = [
            reinforcement(p, f"layers.{n}.hub.{m}", hub, hub_valid, x, valid[m], config.heads)
            for m, x in enumerate(sequences)
        ]
        hub = combine(p, f"layers.{n}.combine", messages, hub_valid)
        layers.append([*sequences, hub])
    parts = [*valid, hub_valid]
    return stages | {"layers": layers, "valid": parts} | head(p, layers[-1], parts)


# ----------------------------------------------------------------------- CHFN


def chfn_shapes(config, found):
    for n in range(config.layers):
        found.unit(f"layers.{n}", config.d)
    found.norm("norm", config.d)
    found["pooling.0.context"] = (config.d,)
    return config.d


def chfn(config, p, features, valid):
    stages = front(config, p, features)
    w = config.names.index("text")
    rest = [m for m in config.modalities if m != w]
    context = torch.cat([stages["embedded"][m] for m in rest], 1)
    context_valid = torch.cat([valid[m] for m in rest], 1)
    x, layers = stages["embedded"][w], []
    for n in range(config.layers):
        shift = unit(p, f"layers.{n}", x, context, context_valid, config.heads)
        share = 0.5 * x.norm(dim=2, keepdim=True) / (shift.norm(dim=2, keepdim=True) + 1e-6)
        x = x + share.clamp(max=1) * shift
        layers.append([x])
    words = layer_norm(p, "norm", x)
    return stages | {"layers": layers, "valid": [valid[w]]} | head(p, [words], [valid[w]])


# ----------------------------------------------------------------------- MISA


def recurrent_modalities(config):
    return [m for m in config.modalities if config.names[m] != "text"]


def misa_shapes(config, found):
    d, modalities = config.d, len(config.dims)
    for r, m in enumerate(recurrent_modalities(config)):
        for layer, inputs in enumerate((config.dims[m], 2 * d)):
            for direction in ("forward", "backward"):
                name = f"recurrent.{r}.layers.{layer}.{direction}"
                found[f"{name}.input_weight"] = (inputs, 4 * d)
                found[f"{name}.hidden_weight"] = (d, 4 * d)
                found[f"{name}.bias"] = (4 * d,)
        found.norm(f"recurrent.{r}.norm", 2 * d)
    for m in config.modalities:
        found.linear(f"projection.{m}.linear", config.dims[m] if config.names[m] == "text" else 4 * d, d)
        found.norm(f"projection.{m}.norm", d)
        found.linear(f"private.{m}", d, d)
        found.linear(f"reconstruct.{m}", d, d)
    found.linear("shared", d, d)
    found.unit("fusion", d)
    found.linear("hidden", 2 * modalities * d, modalities * d)
    return modalities * d


def lstm(p, name, x, lengths):
    """One bidirectional layer: outputs over time, and the final states of both directions."""
    hidden = p[f"{name}.forward.hidden_weight"].shape[0]
    weights = []
    for direction in ("forward", "backward"):
        bias = p[f"{name}.{direction}.bias"]
        weights += [p[f"{name}.{direction}.input_weight"].T, p[f"{name}.{direction}.hidden_weight"].T]
        weights += [bias, torch.zeros_like(bias)]
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    start = x.new_zeros(2, len(x), hidden)
    output, final, _ = torch.lstm(
        packed.data, packed.batch_sizes, (start, start), weights, True, 1, 0.0, True, True
    )
    sequence = pad_packed_sequence(packed._replace(data=output), batch_first=True, total_length=x.shape[1])[0]
    final = final[:, packed.unsorted_indices]
    return sequence, [final[0], final[1]]


def misa(config, p, features, valid):
    projected, private, shared = [], [], []
    for m, x in enumerate(features):
        if config.names[m] == "text":
            u = masked_mean(x, valid[m])
        else:
            name, lengths = f"recurrent.{recurrent_modalities(config).index(m)}", valid[m].sum(1)
            first, finals = lstm(p, f"{name}.layers.0", x, lengths)
            _, more = lstm(p, f"{name}.layers.1", layer_norm(p, f"{name}.norm", first), lengths)
            u = torch.cat(finals + more, 1)
        z = layer_norm(p, f"projection.{m}.norm", linear(p, f"projection.{m}.linear", u).relu())
        projected.append(z)
        private.append(linear(p, f"private.{m}", z).sigmoid())
        shared.append(linear(p, "shared", z).sigmoid())
    tokens = torch.stack(private + shared, 1)
    fused = unit(p, "fusion", tokens, tokens, everything(tokens), config.heads)
    logits = linear(p, "output", linear(p, "hidden", fused.flatten(1)).relu())
    return {"projected": projected, "private": private, "shared": shared, "pooled": list(fused.unbind(1)), "logits": logits}


def difference(a, b):
    def unit_length(x):
        centred = x - x.mean(0)
        return centred / (centred.norm(dim=1, keepdim=True).detach() + 1e-6)

    return (unit_length(a).T @ unit_length(b)).square().mean()


# ------------------------------------------------------------------- EMT-DLFR


def emt_shapes(config, found):
    d, modalities = config.d, len(config.dims)
    for n in range(config.layers):
        for m in config.modalities:
            for kind in ("local", "global"):
                name = f"layers.{n}.{kind}.{m}"
                found.multi_head(f"{name}.cross_attention", d)
                found.norm(f"{name}.norm_cross", d)
                found.multi_head(f"{name}.self_attention", d)
                found.norm(f"{name}.norm_self", d)
                found.feed_forward(f"{name}.feed_forward", d)
                found.norm(f"{name}.norm_feed_forward", d)
        found.combination(f"layers.{n}.combine", d)
    for m in config.modalities:
        found[f"pooling.{m}.context"] = (d,)
        found.linear(f"generator.{m}", d, config.dims[m])
    for k in range(modalities + 1):
        size = d if k < modalities else modalities * d
        found.linear(f"attraction.{k}.projector", size, size)
        found.linear(f"attraction.{k}.inner", size, size // 2, bias=False)
        found.linear(f"attraction.{k}.outer", size // 2, size)
    return 2 * modalities * d


def promotion(p, name, target, target_valid, context, context_valid, heads):
    a = layer_norm(
        p, f"{name}.norm_cross", target + multi_head(p, f"{name}.cross_attention", target, context, context_valid, heads)
    )
    b = layer_norm(p, f"{name}.norm_self", a + multi_head(p, f"{name}.self_attention", a, a, target_valid, heads))
    return layer_norm(p, f"{name}.norm_feed_forward", b + feed_forward(p, f"{name}.feed_forward", b))


def emt_dlfr(config, p, features, valid):
    stages = front(config, p, features)
    local = stages["embedded"]
    tokens = torch.stack([masked_mean(x, v) for x, v in zip(local, valid)], 1)
    tokens_valid, layers = everything(tokens), []
    for n in range(config.layers):
        new = [
            promotion(p, f"layers.{n}.local.{m}", x, valid[m], tokens, tokens_valid, config.heads)
            for m, x in enumerate(local)
        ]
        messages = [
            promotion(p, f"layers.{n}.global.{m}", tokens, tokens_valid, x, valid[m], config.heads)
            for m, x in enumerate(local)
        ]
        local, tokens = new, combine(p, f"layers.{n}.combine", messages, tokens_valid)
        layers.append([*local, tokens])
    decoded = [linear(p, f"generator.{m}", x) for m, x in enumerate(local)]
    found = {"layers": layers, "valid": [*valid, tokens_valid], "decoded": decoded}
    return stages | found | head(p, local, valid, [tokens.flatten(1)])


def attraction(p, name, incomplete, complete):
    def standardised(x):
        return (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()

    def project(x):
        z = standardised(linear(p, f"{name}.projector", x))
        return z, linear(p, f"{name}.outer", standardised(linear(p, f"{name}.inner", z)).relu())

    (z_incomplete, q_incomplete), (z_complete, q_complete) = project(incomplete), project(complete)
    pairs = ((q_incomplete, z_complete.detach()), (q_complete, z_incomplete.detach()))
    return sum(0.5 * (1 - F.cosine_similarity(q, z, dim=1).mean()) for q, z in pairs)


# ----------------------------------------------------------------------- runs

SYSTEMS = {
    "mult": (mult_shapes, mult),
    "misa": (misa_shapes, misa),
    "pmr": (pmr_shapes, pmr),
    "chfn": (chfn_shapes, chfn),
    "tfr-net": (tfr_shapes, tfr_net),
    "emt-dlfr": (emt_shapes, emt_dlfr),
}


def run(config, p, features, missing, lengths, labels):
    complete, incomplete = prepare(config, p, features, missing, lengths)
    valid = validity(features, lengths)
    forward = SYSTEMS[config.system][1]
    stages, full = forward(config, p, incomplete, valid), None
    losses = {"ce": F.cross_entropy(stages["logits"], labels)}
    weights = {}
    if config.system == "misa":
        private, shared = stages["private"], stages["shared"]
        orthogonal = [*zip(private, shared), *combinations(private, 2)]
        losses["difference"] = sum(difference(a, b) for a, b in orthogonal)
        losses["similarity"] = torch.stack([cmd(a, b) for a, b in combinations(shared, 2)]).mean()
        restored = [linear(p, f"reconstruct.{m}", private[m] + shared[m]) for m in config.modalities]
        errors = [F.mse_loss(r, z) for r, z in zip(restored, stages["projected"])]
        losses["reconstruction"] = torch.stack(errors).mean()
        weights = {"difference": 0.3}
    if config.system == "emt-dlfr":
        full = forward(config, p, complete, valid)
        losses["ce_complete"] = F.cross_entropy(full["logits"], labels)
        losses["attraction"] = sum(
            attraction(p, f"attraction.{k}", a, b) for k, (a, b) in enumerate(zip(stages["pooled"], full["pooled"]))
        )
    if "decoded" in stages:
        losses["reconstruction"] = lfi_loss(stages["decoded"], complete, missing)
    losses["total"] = sum(weights.get(name, 1.0) * loss for name, loss in losses.items())
    return stages, full, losses
