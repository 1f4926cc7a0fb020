"""PyTorch's times in milliseconds for what examples/networks.rs of mct-networks does: FULL WEIGHTS PICTURE."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

sys.argv, (full, weights, picture) = sys.argv[:1], map(Path, sys.argv[1:4])
torch.set_grad_enabled(False)
times = {}


def measure(name, work):
    work()
    all = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        all.append(1000 * (time.perf_counter() - start))
    times[name] = round(sorted(all)[2], 2)


from facenet_pytorch import MTCNN  # noqa: E402
from silero_vad import load_silero_vad  # noqa: E402
from tokenizers import BertWordPieceTokenizer  # noqa: E402
from torchvision.models import resnet50  # noqa: E402
from transformers import BertModel, Wav2Vec2Config, Wav2Vec2Model  # noqa: E402

sound = torch.tensor(np.random.default_rng(0).uniform(-0.5, 0.5, 160000).astype(np.float32))
window, bands = torch.hann_window(400), torch.rand(257, 40)


def log_mel():
    spectrum = torch.stft(sound, 512, 320, 400, window, center=False, return_complex=True)
    return (spectrum.abs().square().T @ bands + 1e-8).log()


measure("log-mel", log_mel)
tokenizer = BertWordPieceTokenizer(str(weights / "minilm" / "vocab.txt"), lowercase=True)
minilm = BertModel.from_pretrained(weights / "minilm", add_pooling_layer=False).eval()
text = "I am so happy that you could come to see us here today, and I mean it."
measure("MiniLM", lambda: minilm(torch.tensor([tokenizer.encode(text).ids]), output_hidden_states=True))
silero = load_silero_vad()


def speech():
    silero.reset_states()
    for start in range(0, len(sound) - 511, 512):
        silero(sound[start:start + 512], 16000)


torch.set_num_threads(2)  # Silero's package sets one.
measure("Silero", speech)
lstm = torch.nn.LSTM(40, 256, 3, batch_first=True).eval()
measure("Resemblyzer", lambda: lstm(sound[:40000].reshape(1, 1000, 40)))
config = Wav2Vec2Config(**json.loads((full / "wav2vec2" / "config.json").read_text()))
wav2vec = Wav2Vec2Model(config).eval()
wav2vec.load_state_dict(load_file(full / "wav2vec2" / "model.safetensors"))
measure("wav2vec 2.0, encoder", lambda: wav2vec.feature_extractor(sound[None]))
measure("wav2vec 2.0, layer 12", lambda: wav2vec(sound[None]))
resnet = resnet50(weights=None).eval()
faces = torch.full((8, 3, 224, 224), 100.0)
measure("ResNet-50, 8 faces", lambda: resnet(faces))
mtcnn = MTCNN(keep_all=True)
image = Image.open(picture).convert("RGB")
measure("MTCNN", lambda: mtcnn.detect(image, True))
print(json.dumps(times))
