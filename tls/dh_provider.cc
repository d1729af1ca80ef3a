// SPDX-License-Identifier: Apache-2.0
//
// A built-in provider that offers the default provider's tables of functions under its own name,
// one entry replaced. Keys are the default provider's own objects, as its context is ours.
#include "tls/dh_provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/provider.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace slipway::tls {
namespace {

constexpr const char* kName = "slipway";

struct Tables {
  OSSL_PROVIDER* original = nullptr;  // the default provider
  OSSL_FUNC_keymgmt_validate_fn* validate = nullptr;
  std::vector<OSSL_DISPATCH> key_functions;
  std::vector<OSSL_ALGORITHM> keys;  // OSSL_OP_KEYMGMT
  std::vector<OSSL_ALGORITHM> exchange;
};

// Lives as long as the process: OpenSSL keeps pointers into it until it is itself cleaned up.
Tables& TheTables() {
  static Tables& tables = *new Tables;
  return tables;
}

int ValidateQuickly(const void* key, int selection, int check) {
  const bool is_public_alone =
      (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == OSSL_KEYMGMT_SELECT_PUBLIC_KEY;
  // For a group without a name the original makes the full check all the same.
  return TheTables().validate(key, selection,
                              is_public_alone ? OSSL_KEYMGMT_VALIDATE_QUICK_CHECK : check);
}

// The default provider's entry for "DH:dhKeyAgreement:...", and the end of the table.
std::vector<OSSL_ALGORITHM> DhOf(OSSL_PROVIDER* provider, int operation) {
  int no_cache = 0;
  const OSSL_ALGORITHM* all = OSSL_PROVIDER_query_operation(provider, operation, &no_cache);
  for (; all != nullptr && all->algorithm_names != nullptr; ++all) {
    if (!std::string_view(all->algorithm_names).starts_with("DH:")) continue;
    OSSL_ALGORITHM ours = *all;
    ours.property_definition = "provider=slipway";
    return {ours, OSSL_ALGORITHM{}};
  }
  return {};
}

const OSSL_ALGORITHM* Query(void*, int operation, int* no_cache) {
  *no_cache = 0;
  if (operation == OSSL_OP_KEYMGMT) return TheTables().keys.data();
  if (operation == OSSL_OP_KEYEXCH) return TheTables().exchange.data();
  return nullptr;
}

int Initialise(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out,
               void** context) {
  static const OSSL_DISPATCH kFunctions[] = {
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how core_dispatch.h has it
      {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(Query)},
      {0, nullptr}};
  *out = kFunctions;
  *context = OSSL_PROVIDER_get0_provider_ctx(TheTables().original);
  return 1;
}

bool Load() {
  Tables& tables = TheTables();
  // By name, as a provider that is loaded by name ends that the default one loads by itself.
  tables.original = OSSL_PROVIDER_load(nullptr, "default");
  if (tables.original == nullptr) return false;
  tables.keys = DhOf(tables.original, OSSL_OP_KEYMGMT);
  tables.exchange = DhOf(tables.original, OSSL_OP_KEYEXCH);
  if (tables.keys.empty() || tables.exchange.empty()) return false;
  for (const OSSL_DISPATCH* of = tables.keys.front().implementation; of->function_id != 0; ++of) {
    tables.key_functions.push_back(*of);
  }
  const auto validate = std::ranges::find(tables.key_functions, OSSL_FUNC_KEYMGMT_VALIDATE,
                                          &OSSL_DISPATCH::function_id);
  if (validate == tables.key_functions.end()) return false;
  tables.validate = OSSL_FUNC_keymgmt_validate(&*validate);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how core_dispatch.h has it
  validate->function = reinterpret_cast<void (*)()>(ValidateQuickly);
  tables.key_functions.push_back({0, nullptr});
  tables.keys.front().implementation = tables.key_functions.data();
  return OSSL_PROVIDER_add_builtin(nullptr, kName, Initialise) == 1 &&
         OSSL_PROVIDER_load(nullptr, kName) != nullptr;
}

}  // namespace

const char* DhProperties() {
  static const char* const properties = Load() ? "?provider=slipway" : nullptr;
  return properties;
}

}  // namespace slipway::tls
