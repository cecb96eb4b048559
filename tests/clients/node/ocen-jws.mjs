#!/usr/bin/env node
// Signs OCEN v3 requests and verifies what the lender sends. Needs Node 18 or newer, no packages.
//
//     node ocen-jws.mjs sign KEY.pem KID  < request.json   > envelope.json
//     node ocen-jws.mjs verify JWKS.json  < envelope.json  > message.json     exit code 1: do not believe it

import { createPublicKey, sign as rsaSign, verify as rsaVerify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** Puts a message (Buffer) into a signed envelope. The bytes that are signed are the bytes that are sent. */
export function sign(privateKeyPem, kid, body) {
  // base64url of Node is without padding, as RFC 7515 section 2 has it.
  const header = Buffer.from(JSON.stringify({ kid, alg: 'RS512' })).toString('base64url');
  const payload = body.toString('base64url');
  const signature = rsaSign('RSA-SHA512', Buffer.from(`${header}.${payload}`), privateKeyPem).toString('base64url');
  return JSON.stringify({ payload, protected: header, signature });
}

/**
 * Gives the message (Buffer) of an envelope that one of the lender's published keys signed; throws otherwise.
 * `jwks` is what GET /.well-known/jwks.json answers. Keep it, and fetch it again when a kid is not in it.
 */
export function verify(jwks, envelope) {
  const { payload, signature, protected: rfc, header: ocen } = JSON.parse(envelope);
  const encoded = rfc ?? ocen;
  const header = JSON.parse(Buffer.from(encoded, 'base64url'));
  if (header.alg !== 'RS512' || 'crit' in header || 'b64' in header) {
    throw new Error('the header does not say RS512 and nothing else');
  }
  const jwk = jwks.keys.find((key) => key.kid === header.kid && key.kty === 'RSA');
  if (!jwk) throw new Error(`the lender publishes no key ${JSON.stringify(header.kid)}`);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const signed = Buffer.from(`${encoded}.${payload}`);
  if (!rsaVerify('RSA-SHA512', signed, key, Buffer.from(signature, 'base64url'))) {
    throw new Error('the signature does not verify');
  }
  return Buffer.from(payload, 'base64url');
}

function main([command, file, kid]) {
  const read = (path) => readFileSync(path);
  if (command === 'sign' && kid) {
    process.stdout.write(sign(read(file), kid, read(0)));
    return 0;
  }
  if (command === 'verify' && file) {
    const jwks = JSON.parse(read(file));
    try {
      process.stdout.write(verify(jwks, read(0)));
      return 0;
    } catch (error) {
      console.error(`not to be believed: ${error.message}`);
      return 1;
    }
  }
  console.error('ocen-jws.mjs sign KEY.pem KID | verify JWKS.json');
  return 2;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = main(process.argv.slice(2));
