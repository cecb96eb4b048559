// Signs OCEN v3 requests and verifies what the lender sends. Standard library only.
//
//	go run . sign KEY.pem KID  < request.json   > envelope.json
//	go run . verify JWKS.json  < envelope.json  > message.json     exit code 1: do not believe it
package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
)

// Base64url without padding (RFC 7515, section 2).
var base64url = base64.RawURLEncoding

type header struct {
	Kid  string          `json:"kid"`
	Alg  string          `json:"alg"`
	Crit json.RawMessage `json:"crit,omitempty"`
	B64  json.RawMessage `json:"b64,omitempty"`
}

// Envelope is a flattened JWS. Requests are sent with Protected; the lender's answers come in the same spelling, or
// under Header, as OCEN v3's sample has it.
type Envelope struct {
	Payload   string `json:"payload"`
	Protected string `json:"protected,omitempty"`
	Header    string `json:"header,omitempty"`
	Signature string `json:"signature"`
}

// KeySet is what GET /.well-known/jwks.json answers. Keep it, and fetch it again when a kid is not in it.
type KeySet struct {
	Keys []struct {
		Kty string `json:"kty"`
		Kid string `json:"kid"`
		N   string `json:"n"`
		E   string `json:"e"`
	} `json:"keys"`
}

// Sign puts a message into a signed envelope. The bytes that are signed are the bytes that are sent.
func Sign(key *rsa.PrivateKey, kid string, body []byte) ([]byte, error) {
	protected, err := json.Marshal(header{Kid: kid, Alg: "RS512"})
	if err != nil {
		return nil, err
	}
	envelope := Envelope{Payload: base64url.EncodeToString(body), Protected: base64url.EncodeToString(protected)}
	digest := sha512.Sum512([]byte(envelope.Protected + "." + envelope.Payload))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA512, digest[:])
	if err != nil {
		return nil, err
	}
	envelope.Signature = base64url.EncodeToString(signature)
	return json.Marshal(envelope)
}

// Verify gives the message of an envelope that one of the lender's published keys signed.
func Verify(keys KeySet, body []byte) ([]byte, error) {
	var envelope Envelope
	if err := json.Unmarshal(body, &envelope); err != nil {
		return nil, err
	}
	encoded := envelope.Protected
	if encoded == "" {
		encoded = envelope.Header
	}
	decoded, err := base64url.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	var head header
	if err := json.Unmarshal(decoded, &head); err != nil {
		return nil, err
	}
	if head.Alg != "RS512" || head.Crit != nil || head.B64 != nil {
		return nil, errors.New("the header does not say RS512 and nothing else")
	}
	key, err := find(keys, head.Kid)
	if err != nil {
		return nil, err
	}
	signature, err := base64url.DecodeString(envelope.Signature)
	if err != nil {
		return nil, err
	}
	digest := sha512.Sum512([]byte(encoded + "." + envelope.Payload))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA512, digest[:], signature); err != nil {
		return nil, err
	}
	return base64url.DecodeString(envelope.Payload)
}

func find(keys KeySet, kid string) (*rsa.PublicKey, error) {
	for _, key := range keys.Keys {
		if key.Kid != kid || key.Kty != "RSA" {
			continue
		}
		n, err := base64url.DecodeString(key.N)
		if err != nil {
			return nil, err
		}
		e, err := base64url.DecodeString(key.E)
		if err != nil {
			return nil, err
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	}
	return nil, fmt.Errorf("the lender publishes no key %q", kid)
}

func privateKey(file string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM in " + file)
	}
	if block.Type == "RSA PRIVATE KEY" {
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("no RSA key in " + file)
	}
	return key, nil
}

func run(arguments []string) ([]byte, error) {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, err
	}
	if arguments[0] == "sign" {
		key, err := privateKey(arguments[1])
		if err != nil {
			return nil, err
		}
		return Sign(key, arguments[2], body)
	}
	text, err := os.ReadFile(arguments[1])
	if err != nil {
		return nil, err
	}
	var keys KeySet
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, err
	}
	return Verify(keys, body)
}

func main() {
	arguments := os.Args[1:]
	signs := len(arguments) == 3 && arguments[0] == "sign"
	verifies := len(arguments) == 2 && arguments[0] == "verify"
	if !signs && !verifies {
		fmt.Fprintln(os.Stderr, "ocenjws sign KEY.pem KID | verify JWKS.json")
		os.Exit(2)
	}
	out, err := run(arguments)
	if err != nil {
		fmt.Fprintln(os.Stderr, "not to be believed:", err)
		os.Exit(1)
	}
	os.Stdout.Write(out)
}
