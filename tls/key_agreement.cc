// SPDX-License-Identifier: Apache-2.0
//
// A built-in provider that offers the default provider's tables of functions under its own name,
// one entry replaced. Keys are the default provider's own objects, as its context is ours.
#include "tls/key_agreement.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace slipway::tls {
namespace {

constexpr const char* kName = "slipway";
constexpr const char* kProperties = "provider=slipway";

struct Kind {
  std::string_view key;
  std::string_view exchange;
};
constexpr std::array kKinds = {Kind{"DH", "DH"}, Kind{"EC", "ECDH"}};

struct Tables {
  OSSL_PROVIDER* original = nullptr;  // the default provider
  OSSL_PROVIDER* own = nullptr;
  std::array<OSSL_FUNC_keymgmt_validate_fn*, kKinds.size()> validate{};
  std::array<std::vector<OSSL_DISPATCH>, kKinds.size()> key_functions;
  std::vector<OSSL_ALGORITHM> keys;  // OSSL_OP_KEYMGMT
  std::vector<OSSL_ALGORITHM> exchanges;
};

// Lives as long as the process: OpenSSL keeps pointers into it until it is itself cleaned up.
Tables& TheTables() {
  static Tables& tables = *new Tables;
  return tables;
}

template <std::size_t kKind>
int Validate(const void* key, int selection, int check) {
  const bool is_public_alone =
      (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == OSSL_KEYMGMT_SELECT_PUBLIC_KEY;
  return TheTables().validate[kKind](key, selection,
                                     is_public_alone ? OSSL_KEYMGMT_VALIDATE_QUICK_CHECK : check);
}
constexpr std::array<OSSL_FUNC_keymgmt_validate_fn*, kKinds.size()> kValidate = {Validate<0>,
                                                                                 Validate<1>};

// The default provider's entry of that name: "DH:dhKeyAgreement:1.2.840.113549.1.3.1". nullptr:
// none.
const OSSL_ALGORITHM* Find(OSSL_PROVIDER* provider, int operation, std::string_view name) {
  int no_cache = 0;
  const OSSL_ALGORITHM* each = OSSL_PROVIDER_query_operation(provider, operation, &no_cache);
  for (; each != nullptr && each->algorithm_names != nullptr; ++each) {
    const std::string_view names = each->algorithm_names;
    if (names.substr(0, names.find(':')) == name) return each;
  }
  return nullptr;
}

bool Take(std::size_t kind) {
  Tables& tables = TheTables();
  const OSSL_ALGORITHM* const key = Find(tables.original, OSSL_OP_KEYMGMT, kKinds[kind].key);
  const OSSL_ALGORITHM* const exchange =
      Find(tables.original, OSSL_OP_KEYEXCH, kKinds[kind].exchange);
  if (key == nullptr || exchange == nullptr) return false;
  std::vector<OSSL_DISPATCH>& functions = tables.key_functions[kind];
  for (const OSSL_DISPATCH* of = key->implementation; of->function_id != 0; ++of) {
    functions.push_back(*of);
  }
  const auto validate =
      std::ranges::find(functions, OSSL_FUNC_KEYMGMT_VALIDATE, &OSSL_DISPATCH::function_id);
  if (validate == functions.end()) return false;
  tables.validate[kind] = OSSL_FUNC_keymgmt_validate(&*validate);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how core_dispatch.h has it
  validate->function = reinterpret_cast<void (*)()>(kValidate[kind]);
  functions.push_back({0, nullptr});
  tables.keys.push_back({.algorithm_names = key->algorithm_names,
                         .property_definition = kProperties,
                         .implementation = functions.data()});
  tables.exchanges.push_back({.algorithm_names = exchange->algorithm_names,
                              .property_definition = kProperties,
                              .implementation = exchange->implementation});
  return true;
}

const OSSL_ALGORITHM* Query(void*, int operation, int* no_cache) {
  *no_cache = 0;
  if (operation == OSSL_OP_KEYMGMT) return TheTables().keys.data();
  if (operation == OSSL_OP_KEYEXCH) return TheTables().exchanges.data();
  return nullptr;
}

// libssl takes a TLS group only from the provider whose keys it would use.
int Capabilities(void*, const char* capability, OSSL_CALLBACK* tell, void* argument) {
  return OSSL_PROVIDER_get_capabilities(TheTables().original, capability, tell, argument);
}

int Initialise(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out,
               void** context) {
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): how core_dispatch.h has it
  static const OSSL_DISPATCH kFunctions[] = {
      {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(Query)},
      {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(Capabilities)},
      {0, nullptr}};
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
  *out = kFunctions;
  *context = OSSL_PROVIDER_get0_provider_ctx(TheTables().original);
  return 1;
}

bool Load() {
  Tables& tables = TheTables();
  // It is built in, and would be loaded whatever the configuration says.
  OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  if (OSSL_PROVIDER_available(nullptr, "default") != 1) return false;
  // By name, as a provider that is loaded by name ends that the default one loads by itself.
  tables.original = OSSL_PROVIDER_load(nullptr, "default");
  if (tables.original == nullptr) return false;
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    if (!Take(kind)) return false;
  }
  tables.keys.push_back({});
  tables.exchanges.push_back({});
  if (OSSL_PROVIDER_add_builtin(nullptr, kName, Initialise) != 1) return false;
  tables.own = OSSL_PROVIDER_load(nullptr, kName);
  return tables.own != nullptr;
}

}  // namespace

const char* KeyAgreementProperties() {
  static const char* const properties = [] {
    if (Load()) return "?provider=slipway";
    ERR_clear_error();
    return static_cast<const char*>(nullptr);
  }();
  return properties;
}

}  // namespace slipway::tls
