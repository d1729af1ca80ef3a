// SPDX-License-Identifier: Apache-2.0
#include "tls/key_agreement.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/tls/loopback.h"
#include "tls/context.h"

namespace slipway::tls {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free>;
using Number = std::unique_ptr<BIGNUM, Free>;

constexpr const char* kDefault = "provider=default";

Key GenerateFor(const char* kind, const char* group, const char* properties) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, kind, properties));
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_keygen_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_group_name(context.get(), group), 1);
  EXPECT_EQ(EVP_PKEY_generate(context.get(), &key), 1);
  return Key(key);
}
Key Generate(const char* properties) { return GenerateFor("DH", "ffdhe2048", properties); }

Number Prime(const Key& key) {
  BIGNUM* prime = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_FFC_P, &prime), 1);
  return Number(prime);
}

// As libssl does with what came in a key exchange message.
Key WithPublicKey(const Key& group, const BIGNUM* value) {
  Key key(EVP_PKEY_new());
  EXPECT_EQ(EVP_PKEY_copy_parameters(key.get(), group.get()), 1);
  std::array<unsigned char, 256> bytes{};
  EXPECT_EQ(BN_bn2binpad(value, bytes.data(), static_cast<int>(bytes.size())),
            static_cast<int>(bytes.size()));
  if (EVP_PKEY_set1_encoded_public_key(key.get(), bytes.data(), bytes.size()) != 1) return nullptr;
  return key;
}

// The secret, as ssl_derive() has it; empty: the peer's key was refused.
std::vector<unsigned char> Derive(const Key& own, const Key& peer, const char* properties) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), properties));
  std::vector<unsigned char> secret(256);
  std::size_t size = secret.size();
  if (peer == nullptr || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), secret.data(), &size) != 1) {
    ERR_clear_error();
    return {};
  }
  secret.resize(size);
  return secret;
}

std::string ProviderOf(const EVP_PKEY* key) {
  return OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key));
}

TEST(KeyAgreementTest, AgreesWithTheDefaultProviderOnTheSecret) {
  ASSERT_NE(KeyAgreementProperties(), nullptr);
  const Key ours = Generate(KeyAgreementProperties());
  const Key theirs = Generate(kDefault);
  EXPECT_EQ(ProviderOf(ours.get()), "slipway");
  EXPECT_EQ(ProviderOf(theirs.get()), "default");
  BIGNUM* our_value = nullptr;
  BIGNUM* their_value = nullptr;
  ASSERT_EQ(EVP_PKEY_get_bn_param(ours.get(), OSSL_PKEY_PARAM_PUB_KEY, &our_value), 1);
  ASSERT_EQ(EVP_PKEY_get_bn_param(theirs.get(), OSSL_PKEY_PARAM_PUB_KEY, &their_value), 1);
  const Number our_public(our_value);
  const Number their_public(their_value);
  const auto secret =
      Derive(ours, WithPublicKey(ours, their_public.get()), KeyAgreementProperties());
  EXPECT_FALSE(secret.empty());
  EXPECT_EQ(secret, Derive(theirs, WithPublicKey(theirs, our_public.get()), kDefault));
}

TEST(KeyAgreementTest, AgreesOnCurvesToo) {
  for (const char* curve : {"P-256", "P-384"}) {
    const Key ours = GenerateFor("EC", curve, KeyAgreementProperties());
    const Key theirs = GenerateFor("EC", curve, kDefault);
    EXPECT_EQ(ProviderOf(ours.get()), "slipway");
    const auto received = [](const Key& group, const Key& sent) {
      unsigned char* point = nullptr;
      const std::size_t size = EVP_PKEY_get1_encoded_public_key(sent.get(), &point);
      Key key(EVP_PKEY_new());
      EXPECT_EQ(EVP_PKEY_copy_parameters(key.get(), group.get()), 1);
      EXPECT_EQ(EVP_PKEY_set1_encoded_public_key(key.get(), point, size), 1);
      // One that is not on the curve does not even become a key.
      point[size - 1] ^= 1;
      const Key off(EVP_PKEY_new());
      EXPECT_EQ(EVP_PKEY_copy_parameters(off.get(), group.get()), 1);
      EXPECT_NE(EVP_PKEY_set1_encoded_public_key(off.get(), point, size), 1);
      ERR_clear_error();
      OPENSSL_free(point);
      return key;
    };
    const auto secret = Derive(ours, received(ours, theirs), KeyAgreementProperties());
    EXPECT_FALSE(secret.empty()) << curve;
    EXPECT_EQ(secret, Derive(theirs, received(theirs, ours), kDefault)) << curve;
  }
}

// libssl forgets the groups of a provider whose keys it would not use.
TEST(KeyAgreementTest, EveryGroupOfThePolicyIsSpokenInBothVersions) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const char* group : {"X25519", "P-256", "P-384"}) {
      Loopback loop({.version = version, .groups = group}, MakeContext());
      loop.Handshake();
      EXPECT_TRUE(loop.session.is_open()) << group << ": " << loop.session.info().failure;
      EXPECT_EQ(loop.session.info().group, group);
    }
  }
}

// Of a provider's own making, so that nothing but its check of a public key looks at the value.
Key Make(const BIGNUM* value, const char* properties) {
  OSSL_PARAM_BLD* const builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "ffdhe2048", 0);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PUB_KEY, value);
  OSSL_PARAM* const params = OSSL_PARAM_BLD_to_param(builder);
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "DH", properties));
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params), 1);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  return Key(key);
}

// RFC 7919 5.1: 1 and p - 1 would make the secret one of two values, whatever our key is. p - 2 has
// order 2q. Only the full check, the long exponentiation, can tell: so it is not made here, and it
// is for everybody who did not ask for this provider.
TEST(KeyAgreementTest, ChecksTheRangeAndOnlyHereNoMore) {
  const char* const ours = KeyAgreementProperties();
  const Key own = Generate(ours);
  const Key theirs = Generate(nullptr);
  EXPECT_EQ(ProviderOf(theirs.get()), "default");
  const Number prime = Prime(own);
  const Number value(BN_new());
  BN_one(value.get());
  EXPECT_TRUE(Derive(own, Make(value.get(), ours), ours).empty()) << "1";
  EXPECT_TRUE(Derive(own, Make(prime.get(), ours), ours).empty()) << "p";
  BN_sub(value.get(), prime.get(), BN_value_one());
  EXPECT_TRUE(Derive(own, Make(value.get(), ours), ours).empty()) << "p - 1";
  BN_sub_word(value.get(), 1);
  EXPECT_FALSE(Derive(own, Make(value.get(), ours), ours).empty()) << "p - 2";
  EXPECT_TRUE(Derive(theirs, Make(value.get(), nullptr), nullptr).empty()) << "p - 2";
}

// A client's key exchange with another value in it, and what the session then ends with.
std::string FailureWith(const BIGNUM* value) {
  Loopback loop({.suites_tls12 = "DHE-RSA-AES128-GCM-SHA256"}, MakeContext());
  loop.ToServer();
  loop.ToClient();
  loop.client.Run({});
  Buffer flight = loop.client.TakeOutput();
  // Record header (5), ClientKeyExchange (type 16, length 258), length of the value (RFC
  // 5246 7.4.7.2).
  constexpr std::array<std::uint8_t, 6> kBefore = {16, 0, 1, 2, 1, 0};
  EXPECT_GT(flight.size(), 267U);
  if (flight.size() <= 267) return "no key exchange";
  EXPECT_TRUE(Equal(Bytes(flight).subspan(5, kBefore.size()), kBefore));
  BN_bn2binpad(value, &flight[11], 256);
  loop.Take(loop.session.Receive(flight));
  while (loop.session.handshake_pending()) loop.Take(loop.session.Step());
  EXPECT_FALSE(loop.session.is_open());
  return std::string(loop.session.info().failure);
}

TEST(KeyAgreementTest, HandshakesCheckTheRangeAndNoMore) {
  const Number value(BN_new());
  BN_one(value.get());
  EXPECT_EQ(FailureWith(value.get()), "invalid public key") << "1";
  const Number prime = Prime(Generate(KeyAgreementProperties()));
  BN_sub(value.get(), prime.get(), BN_value_one());
  EXPECT_EQ(FailureWith(value.get()), "invalid public key") << "p - 1";
  BN_sub_word(value.get(), 1);
  // It was taken, and the client's Finished is sealed with the keys of another secret.
  EXPECT_EQ(FailureWith(value.get()), "cipher operation failed") << "p - 2";
}

}  // namespace
}  // namespace slipway::tls
