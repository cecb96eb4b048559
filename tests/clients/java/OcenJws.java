import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Signs OCEN v3 requests and verifies what the lender sends. Needs Java 17 or newer, no libraries.
 *
 * <pre>
 *   java OcenJws.java sign KEY.pem KID  &lt; request.json   &gt; envelope.json
 *   java OcenJws.java verify JWKS.json  &lt; envelope.json  &gt; message.json     exit code 1: do not believe it
 * </pre>
 */
public final class OcenJws {
    /** Base64url without padding (RFC 7515, section 2). */
    private static final Base64.Encoder ENCODER = Base64.getUrlEncoder().withoutPadding();
    private static final Base64.Decoder DECODER = Base64.getUrlDecoder();

    private OcenJws() {}

    /** Puts a message into a signed envelope. The bytes that are signed are the bytes that are sent. */
    public static String sign(PrivateKey key, String kid, byte[] body) throws GeneralSecurityException {
        String json = "{\"kid\":" + Json.quote(kid) + ",\"alg\":\"RS512\"}";
        String header = ENCODER.encodeToString(json.getBytes(StandardCharsets.UTF_8));
        String payload = ENCODER.encodeToString(body);
        Signature signer = Signature.getInstance("SHA512withRSA");
        signer.initSign(key);
        signer.update((header + "." + payload).getBytes(StandardCharsets.US_ASCII));
        String signature = ENCODER.encodeToString(signer.sign());
        // Base64url needs no escapes in JSON.
        return "{\"payload\":\"" + payload + "\",\"protected\":\"" + header + "\",\"signature\":\"" + signature + "\"}";
    }

    /**
     * Gives the message of an envelope that one of the lender's published keys signed; throws otherwise. The key set is
     * what GET /.well-known/jwks.json answers. Keep it, and fetch it again when a kid is not in it.
     */
    public static byte[] verify(String jwks, String envelope) throws GeneralSecurityException {
        Map<?, ?> parts = (Map<?, ?>) Json.parse(envelope);
        Object encoded = parts.containsKey("protected") ? parts.get("protected") : parts.get("header");
        String text = new String(DECODER.decode((String) encoded), StandardCharsets.UTF_8);
        Map<?, ?> header = (Map<?, ?>) Json.parse(text);
        if (!"RS512".equals(header.get("alg")) || header.containsKey("crit") || header.containsKey("b64")) {
            throw new GeneralSecurityException("the header does not say RS512 and nothing else");
        }
        PublicKey key = find(jwks, header.get("kid"));
        String payload = (String) parts.get("payload");
        Signature verifier = Signature.getInstance("SHA512withRSA");
        verifier.initVerify(key);
        verifier.update((encoded + "." + payload).getBytes(StandardCharsets.US_ASCII));
        if (!verifier.verify(DECODER.decode((String) parts.get("signature")))) {
            throw new GeneralSecurityException("the signature does not verify");
        }
        return DECODER.decode(payload);
    }

    private static PublicKey find(String jwks, Object kid) throws GeneralSecurityException {
        for (Object item : (List<?>) ((Map<?, ?>) Json.parse(jwks)).get("keys")) {
            Map<?, ?> jwk = (Map<?, ?>) item;
            if ("RSA".equals(jwk.get("kty")) && jwk.get("kid").equals(kid)) {
                BigInteger n = new BigInteger(1, DECODER.decode((String) jwk.get("n")));
                BigInteger e = new BigInteger(1, DECODER.decode((String) jwk.get("e")));
                return KeyFactory.getInstance("RSA").generatePublic(new RSAPublicKeySpec(n, e));
            }
        }
        throw new GeneralSecurityException("the lender publishes no key " + kid);
    }

    /** Reads a private key in PKCS#8 (BEGIN PRIVATE KEY). */
    public static PrivateKey privateKey(String pem) throws GeneralSecurityException {
        String base64 = pem.replaceAll("-----(BEGIN|END) PRIVATE KEY-----", "").replaceAll("\\s", "");
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64)));
    }

    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        if (arguments.length == 3 && arguments[0].equals("sign")) {
            PrivateKey key = privateKey(Files.readString(Path.of(arguments[1])));
            System.out.print(sign(key, arguments[2], System.in.readAllBytes()));
            System.out.flush();
        } else if (arguments.length == 2 && arguments[0].equals("verify")) {
            String jwks = Files.readString(Path.of(arguments[1]));
            String envelope = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
            try {
                System.out.write(verify(jwks, envelope));
                System.out.flush();
            } catch (GeneralSecurityException | RuntimeException error) {
                System.err.println("not to be believed: " + error.getMessage());
                System.exit(1);
            }
        } else {
            System.err.println("OcenJws sign KEY.pem KID | verify JWKS.json");
            System.exit(2);
        }
    }

    /** As much of JSON as envelopes and key sets need; use your JSON library instead. */
    private static final class Json {
        private final String text;
        private int at;

        private Json(String text) {
            this.text = text;
        }

        static Object parse(String text) {
            Json json = new Json(text);
            Object value = json.value();
            json.blanks();
            if (json.at < text.length()) {
                throw new IllegalArgumentException("something follows the JSON");
            }
            return value;
        }

        static String quote(String text) {
            StringBuilder out = new StringBuilder("\"");
            for (char c : text.toCharArray()) {
                if (c == '"' || c == '\\') {
                    out.append('\\').append(c);
                } else if (c < 0x20) {
                    out.append(String.format("\\u%04x", (int) c));
                } else {
                    out.append(c);
                }
            }
            return out.append('"').toString();
        }

        private Object value() {
            blanks();
            switch (peek()) {
                case '{':
                    Map<String, Object> members = new LinkedHashMap<>();
                    list('}', () -> {
                        blanks();
                        String name = string();
                        blanks();
                        expect(':');
                        if (members.put(name, value()) != null) {
                            throw new IllegalArgumentException(name + " is there twice");
                        }
                    });
                    return members;
                case '[':
                    List<Object> items = new ArrayList<>();
                    list(']', () -> items.add(value()));
                    return items;
                case '"':
                    return string();
                default:
                    int from = at;
                    while (at < text.length() && isOfWord(text.charAt(at))) {
                        at++;
                    }
                    if (from == at) {
                        throw new IllegalArgumentException("no JSON at " + at);
                    }
                    return text.substring(from, at);
            }
        }

        private static boolean isOfWord(char c) {
            return Character.isLetterOrDigit(c) || c == '+' || c == '-' || c == '.';
        }

        private void list(char end, Runnable item) {
            at++;
            blanks();
            if (peek() == end) {
                at++;
                return;
            }
            while (true) {
                item.run();
                blanks();
                if (peek() == end) {
                    at++;
                    return;
                }
                expect(',');
            }
        }

        private String string() {
            expect('"');
            StringBuilder out = new StringBuilder();
            while (peek() != '"') {
                char c = text.charAt(at++);
                if (c != '\\') {
                    out.append(c);
                    continue;
                }
                char escaped = peek();
                at++;
                if (escaped == 'u') {
                    out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                } else {
                    int place = "bfnrt".indexOf(escaped);
                    out.append(place < 0 ? escaped : "\b\f\n\r\t".charAt(place));
                }
            }
            at++;
            return out.toString();
        }

        private char peek() {
            if (at >= text.length()) {
                throw new IllegalArgumentException("the JSON ends too early");
            }
            return text.charAt(at);
        }

        private void expect(char wanted) {
            if (peek() != wanted) {
                throw new IllegalArgumentException("no " + wanted + " at " + at);
            }
            at++;
        }

        private void blanks() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }
    }
}
