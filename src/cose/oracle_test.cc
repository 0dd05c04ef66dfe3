// Other people's implementations as judges, in both directions: python3-cbor2 with
// python3-cryptography (EdDSA and ES256) and ruby-cose (ES256, verifies only).

#include <gtest/gtest.h>

#include "base/random.h"
#include "cose/cwt.h"
#include "cose/key.h"
#include "cose/sign1.h"
#include "crypto/pem.h"
#include "crypto/seal.h"
#include "crypto/test_support.h"

namespace writ::cose {
namespace {

using crypto::Algorithm;
using crypto::PrivateKey;
using test::run_shell;
using test::Scratch;

const Algorithm kBoth[] = {Algorithm::EdDSA, Algorithm::ES256};

constexpr std::string_view kPython = R"(
import hashlib, sys
import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature, encode_dss_signature)

def dump(value):
    return cbor2.dumps(value, canonical=True)

def cose_key(public):
    if isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {1: 1, -1: 6, -2: raw}
    n = public.public_numbers()
    return {1: 2, -1: 1, -2: n.x.to_bytes(32, 'big'), -3: n.y.to_bytes(32, 'big')}

def kid(public):
    return hashlib.sha256(dump(cose_key(public))).digest()

def structure(protected, aad, payload):
    return dump(['Signature1', protected, aad, payload])

def verify(folder):
    public = serialization.load_pem_public_key(open(folder + '/pub', 'rb').read())
    data = open(folder + '/message', 'rb').read()
    message = cbor2.loads(data)
    assert message.tag == 18 and dump(message) == data
    protected, unprotected, payload, signature = message.value
    header = cbor2.loads(protected)
    assert unprotected == {} and dump(header) == protected
    assert set(header) == {1, 4, 16} and header[4] == kid(public)
    signed = structure(protected, b'aad', payload)
    if header[1] == -8:
        public.verify(signature, signed)
    else:
        assert header[1] == -7 and len(signature) == 64
        r, s = (int.from_bytes(h, 'big') for h in (signature[:32], signature[32:]))
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    claims = cbor2.loads(payload)
    assert claims[8] == {1: cose_key(public)}
    print(header[16], claims[1], claims[4], claims['grant']['tasks'], end='')

def sign(folder, algorithm):
    if algorithm == 'EdDSA':
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    open(folder + '/pub', 'wb').write(public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    open(folder + '/key', 'wb').write(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    open(folder + '/sealed', 'wb').write(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b'secret')))
    protected = dump({1: -8 if algorithm == 'EdDSA' else -7, 4: kid(public), 16: 'application/t'})
    payload = dump({1: 'them', 4: 2000000000, 8: {1: cose_key(public)}, 'grant': {'tasks': 3}})
    signed = structure(protected, b'aad', payload)
    if algorithm == 'EdDSA':
        signature = key.sign(signed)
    else:
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, 'big') + s.to_bytes(32, 'big')
    open(folder + '/message', 'wb').write(dump(cbor2.CBORTag(18, [protected, {}, payload, signature])))

verify(sys.argv[2]) if sys.argv[1] == 'verify' else sign(sys.argv[2], sys.argv[3])
)";

// The gem changes keys in a way that OpenSSL 3 does not allow, so it is handed the key whole.
constexpr std::string_view kRuby = R"(
require "cose"
require "openssl"
folder = ARGV[0]
message = COSE::Sign1.deserialize(File.binread(folder + "/message"))
pem = OpenSSL::PKey.read(File.read(folder + "/pub"))
key = COSE::Key::EC2.deserialize(File.binread(folder + "/cose_key"))
same = COSE::Key::EC2.from_pkey(pem.public_key)
raise "the COSE_Key is not the PEM key" unless key.x == same.x && key.y == same.y
key.kid = message.headers.kid
key.define_singleton_method(:to_pkey) { pem }
print message.verify(key, "aad".b) ? "verified" : "refused"
)";

Claims some_claims(const crypto::PublicKey& holder) {
  Claims claims;
  claims.iss = "us";
  claims.exp = UnixSeconds(2'000'000'000);
  claims.cnf = holder;
  claims.extra["grant"] = test::unhex("a1657461736b730c");  // {"tasks": 12}
  return claims;
}

// Writes message, pub and cose_key for an oracle to read.
void write_ours(const Scratch& scratch, const PrivateKey& key) {
  const ByteVec payload = encode_claims(some_claims(key.public_key())).value();
  const ByteVec message = sign1(key, "application/t", payload, as_bytes("aad")).value();
  test::write_text(scratch / "message", as_text(message));
  test::write_text(scratch / "pub", crypto::to_pem(key.public_key()));
  test::write_text(scratch / "cose_key", as_text(encode_key(key.public_key())));
}

// Flips one bit in the middle of the payload.
void damage(const std::string& path) {
  std::string bytes = test::read_text(path);
  bytes[bytes.size() - 80] = static_cast<char>(bytes[bytes.size() - 80] ^ 1);
  test::write_text(path, bytes);
}

TEST(Oracle, PythonVerifiesWhatWeSign) {
  SeededRandom random(1);
  for (const Algorithm algorithm : kBoth) {
    const Scratch scratch;
    test::write_text(scratch / "oracle.py", kPython);
    const std::string command =
        "/usr/bin/python3 " + (scratch / "oracle.py") + " verify " + (scratch / "");
    for (int i = 0; i < 3; ++i) {
      write_ours(scratch, crypto::generate_key(algorithm, random));
      const auto outcome = run_shell(command);
      EXPECT_EQ(outcome.status, 0) << outcome.output;
      EXPECT_EQ(outcome.output, "application/t us 2000000000 12");
    }
    damage(scratch / "message");
    const auto outcome = run_shell(command);
    EXPECT_NE(outcome.status, 0);
    EXPECT_NE(outcome.output.find("InvalidSignature"), std::string::npos) << outcome.output;
  }
}

TEST(Oracle, WeVerifyWhatPythonSigns) {
  for (const Algorithm algorithm : kBoth) {
    const Scratch scratch;
    test::write_text(scratch / "oracle.py", kPython);
    for (int i = 0; i < 3; ++i) {
      const auto made = run_shell("/usr/bin/python3 " + (scratch / "oracle.py") + " sign " +
                                  (scratch / "") + " " + std::string(algorithm_name(algorithm)));
      ASSERT_EQ(made.status, 0) << made.output;
      const auto key = crypto::public_key_from_pem(test::read_text(scratch / "pub")).value();
      EXPECT_EQ(key.algorithm(), algorithm);
      const std::string bytes = test::read_text(scratch / "message");
      const auto message = Sign1::parse(as_bytes(bytes), Profile::Writ);
      ASSERT_TRUE(message) << message.error().message();
      const auto verified = message->verify(key, as_bytes("aad"));
      ASSERT_TRUE(verified) << verified.error().message();
      const Claims claims = decode_claims(verified->payload()).value();
      EXPECT_EQ(claims.iss, "them");
      EXPECT_EQ(claims.cnf, key);
      EXPECT_EQ(to_hex(*claims.find("grant")), "a1657461736b7303");
      EXPECT_FALSE(message->verify(key));  // without the external data

      // Its private keys are ours to read, sealed or not.
      const auto pair =
          crypto::private_key_from_pem(test::secret(test::read_text(scratch / "key")));
      ASSERT_TRUE(pair) << pair.error().message();
      EXPECT_EQ(pair->public_key(), key);
      const auto opened =
          crypto::open_sealed(test::read_text(scratch / "sealed"), test::secret("secret"));
      ASSERT_TRUE(opened) << opened.error().message();
      EXPECT_EQ(opened->public_key(), key);
    }
    damage(scratch / "message");
    const std::string bytes = test::read_text(scratch / "message");
    const auto message = Sign1::parse(as_bytes(bytes), Profile::Writ);
    const auto key = crypto::public_key_from_pem(test::read_text(scratch / "pub")).value();
    EXPECT_FALSE(message && message->verify(key, as_bytes("aad")));
  }
}

TEST(Oracle, RubyVerifiesOurEs256) {
  SeededRandom random(2);
  const Scratch scratch;
  test::write_text(scratch / "oracle.rb", kRuby);
  const std::string command = "ruby " + (scratch / "oracle.rb") + " " + (scratch / "");
  for (int i = 0; i < 3; ++i) {
    write_ours(scratch, crypto::generate_key(Algorithm::ES256, random));
    const auto outcome = run_shell(command);
    EXPECT_EQ(outcome.output, "verified");
  }
  damage(scratch / "message");
  const auto outcome = run_shell(command);
  EXPECT_NE(outcome.output.find("Signature verification failed"), std::string::npos)
      << outcome.output;
}

}  // namespace
}  // namespace writ::cose
