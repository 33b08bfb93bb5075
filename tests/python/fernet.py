"""Encrypts and decrypts as a program does that uses `cryptography`: `seal KEYS PLAIN`, `open KEYS TOKEN`, `key`."""

import sys

from cryptography.fernet import Fernet, MultiFernet


def main(action: str, *files: str) -> None:
    if action == "key":
        sys.stdout.buffer.write(Fernet.generate_key())
        return
    keys, data = (open(name, "rb").read() for name in files)
    cipher = MultiFernet([Fernet(key) for key in keys.split()])
    sys.stdout.buffer.write(cipher.encrypt(data) if action == "seal" else cipher.decrypt(data.strip()))


main(*sys.argv[1:])
