#!/usr/bin/env python3
"""Signs OCEN v3 requests and verifies what the lender sends. Needs the package `cryptography`.

    python3 ocen_jws.py sign KEY.pem KID  < request.json   > envelope.json
    python3 ocen_jws.py verify JWKS.json  < envelope.json  > message.json     exit code 1: do not believe it
"""

import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(private_key: rsa.RSAPrivateKey, kid: str, body: bytes) -> bytes:
    """Puts a message into a signed envelope. The bytes that are signed are the bytes that are sent."""
    header = encode(json.dumps({"kid": kid, "alg": "RS512"}).encode())
    payload = encode(body)
    signature = private_key.sign(f"{header}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA512())
    return json.dumps({"payload": payload, "protected": header, "signature": encode(signature)}).encode()


def verify(jwks: dict, envelope: bytes) -> bytes:
    """Gives the message of an envelope that one of the lender's published keys signed; raises ValueError otherwise.

    `jwks` is what GET /.well-known/jwks.json answers. Keep it, and fetch it again when a kid is not in it.
    """
    parts = json.loads(envelope)
    protected = parts.get("protected", parts.get("header"))
    header = json.loads(decode(protected))
    if header.get("alg") != "RS512" or "crit" in header or "b64" in header:
        raise ValueError("the header does not say RS512 and nothing else")
    key = next((key for key in jwks["keys"] if key.get("kid") == header.get("kid")), None)
    if key is None or key["kty"] != "RSA":
        raise ValueError(f"the lender publishes no key {header.get('kid')!r}")
    n, e = (int.from_bytes(decode(key[member]), "big") for member in ("n", "e"))
    signed = f"{protected}.{parts['payload']}".encode()
    try:
        rsa.RSAPublicNumbers(e, n).public_key().verify(
            decode(parts["signature"]), signed, padding.PKCS1v15(), hashes.SHA512()
        )
    except InvalidSignature:
        raise ValueError("the signature does not verify") from None
    return decode(parts["payload"])


def main(arguments: list) -> int:
    if len(arguments) == 3 and arguments[0] == "sign":
        with open(arguments[1], "rb") as file:
            key = serialization.load_pem_private_key(file.read(), password=None)
        sys.stdout.buffer.write(sign(key, arguments[2], sys.stdin.buffer.read()))
        return 0
    if len(arguments) == 2 and arguments[0] == "verify":
        with open(arguments[1], "rb") as file:
            jwks = json.load(file)
        try:
            message = verify(jwks, sys.stdin.buffer.read())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"not to be believed: {error}", file=sys.stderr)
            return 1
        sys.stdout.buffer.write(message)
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
