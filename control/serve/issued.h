// SPDX-License-Identifier: Apache-2.0
//
// What is served with once it is issued and everything that can be wrong with it was looked at; of
// certificates.cc and ca_rotation.cc.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "control/serve/certificates.h"

namespace slipway::control {

struct Certificates::Issued {
  CaNow authorities;                            // it was issued by
  std::shared_ptr<const tls::Context> context;  // null: the boot servers' stays
  std::shared_ptr<const ManagementChains> management;
  std::vector<CertificateState> states;
  std::vector<CertificateFacts> facts;  // of the boot servers'
};

// By name, as the audit log has them.
inline nlohmann::json FingerprintsOf(const std::vector<CertificateState>& certificates) {
  nlohmann::json told = nlohmann::json::object();
  for (const CertificateState& each : certificates) told[each.name] = each.fingerprint;
  return told;
}

}  // namespace slipway::control
