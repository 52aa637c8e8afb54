"""Sealed files: age v1 with X25519 recipients (age-encryption.org/v1), read and, for the tests, written."""

import base64
import hashlib
import hmac
import json
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from reader.core import Bad, need

FIRST = b"age-encryption.org/v1\n"
LABEL = b"age-encryption.org/v1/X25519"
CHUNK = 64 * 1024
MAX_HEAD = 512 * 1024
LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32(text):
    """The bytes of a bech32 text (BIP 173) with its checksum verified."""
    text = text.strip().lower()
    prefix, _, data = text.rpartition("1")
    need(prefix and len(data) > 6 and all(letter in LETTERS for letter in data), "bad-identity")
    numbers = [LETTERS.index(letter) for letter in data]
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + numbers
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if top >> bit & 1 else 0
    need(check == 1, "bad-identity")
    bits = "".join(f"{number:05b}" for number in numbers[:-6])
    return prefix, bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))


def identity(path):
    """The X25519 key of a home's keys.json, or of age's own file of identities."""
    text = path.read_text(encoding="utf-8")
    found = json.loads(text)["sealing"] if text.startswith("{") else text
    secret = re.search(r"(?i)AGE-SECRET-KEY-1[0-9A-Z]+", found)
    need(secret is not None, "bad-identity")
    prefix, raw = bech32(secret.group())
    need(prefix == "age-secret-key-" and len(raw) == 32, "bad-identity")
    return X25519PrivateKey.from_private_bytes(raw)


def derive(secret, salt, label):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=label).derive(secret)


def unpadded(text):
    """Base64 without padding, in its one form."""
    need(re.fullmatch(rb"[A-Za-z0-9+/]*", text) is not None and len(text) % 4 != 1, "not-sealed")
    raw = base64.b64decode(text + b"=" * (-len(text) % 4))
    need(padless(raw) == text, "not-sealed")
    return raw


def padless(raw):
    return base64.b64encode(raw).rstrip(b"=")


def line(file):
    read = file.readline(MAX_HEAD)
    need(read.endswith(b"\n"), "not-sealed")
    return read


def head(file):
    """The stanzas, the text that the MAC covers, and the MAC."""
    need(line(file) == FIRST, "not-sealed")
    text, stanzas = FIRST, []
    while True:
        read = line(file)
        need(len(text) + len(read) <= MAX_HEAD, "not-sealed")
        if read.startswith(b"---"):
            need(read.startswith(b"--- "), "not-sealed")
            return stanzas, text + b"---", unpadded(read[4:-1])
        need(read.startswith(b"-> "), "not-sealed")
        arguments, body, wrapped = read[3:-1].split(b" "), b"", read
        while len(wrapped) == 65 or wrapped is read:
            text += wrapped
            wrapped = line(file)
            need(len(wrapped) <= 65 and len(text) <= MAX_HEAD, "not-sealed")
            body += wrapped[:-1]
        text += wrapped
        stanzas.append((arguments, unpadded(body)))


def file_key(stanzas, key):
    ours = key.public_key().public_bytes_raw()
    for arguments, body in stanzas:
        if arguments[0] != b"X25519":
            continue
        need(len(arguments) == 2 and len(body) == 32, "not-sealed")
        share = unpadded(arguments[1])
        need(len(share) == 32, "not-sealed")
        try:
            secret = key.exchange(X25519PublicKey.from_public_bytes(share))
            wrap = derive(secret, share + ours, LABEL)
            return ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)
        except InvalidTag:
            continue
        except ValueError as error:  # a share of small order
            raise Bad("not-sealed") from error
    raise Bad("not-for-us")


def opened(file, key):
    """The plain bytes, chunk by chunk; each is given out only when it authenticates."""
    stanzas, covered, mac = head(file)
    secret = file_key(stanzas, key)
    expected = hmac.new(derive(secret, b"", b"header"), covered, hashlib.sha256).digest()
    need(hmac.compare_digest(mac, expected), "not-sealed")
    nonce = file.read(16)
    need(len(nonce) == 16, "seal")
    cipher = ChaCha20Poly1305(derive(secret, nonce, b"payload"))
    return chunks(file, cipher)


def chunks(file, cipher):
    number, chunk = 0, file.read(CHUNK + 16)
    while True:
        behind = file.read(CHUNK + 16)
        last = not behind
        need(len(chunk) > 16 or (last and number == 0 and len(chunk) == 16), "seal")
        try:
            yield cipher.decrypt(number.to_bytes(11, "big") + bytes([last]), chunk, None)
        except InvalidTag as error:
            raise Bad("seal") from error
        if last:
            return
        number, chunk = number + 1, behind


def seal(plain, recipients):
    """A sealed file to these X25519 public keys."""
    secret, text = os.urandom(16), FIRST
    for recipient in recipients:
        once = X25519PrivateKey.generate()
        share = once.public_key().public_bytes_raw()
        shared = once.exchange(X25519PublicKey.from_public_bytes(recipient))
        body = ChaCha20Poly1305(derive(shared, share + recipient, LABEL)).encrypt(
            bytes(12), secret, None
        )
        text += b"-> X25519 " + padless(share) + b"\n" + padless(body) + b"\n"
    text += b"---"
    mac = hmac.new(derive(secret, b"", b"header"), text, hashlib.sha256).digest()
    nonce = os.urandom(16)
    cipher = ChaCha20Poly1305(derive(secret, nonce, b"payload"))
    pieces = [plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK)] or [b""]
    payload = b"".join(
        cipher.encrypt(n.to_bytes(11, "big") + bytes([n == len(pieces) - 1]), piece, None)
        for n, piece in enumerate(pieces)
    )
    return text + b" " + padless(mac) + b"\n" + nonce + payload
