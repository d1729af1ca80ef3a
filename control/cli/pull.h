// SPDX-License-Identifier: Apache-2.0
//
// `slipway image pull`: the daemon pulls, the command line asks how far it is and draws a bar.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace slipway::control {

class Client;

struct PullOrder {
  std::string source;                 // REGISTRY/NAME:TAG or @sha256:...
  std::string reference;              // as which it is stored; empty: as it is called there
  std::filesystem::path ca;           // of the registry; empty: the system's alone
  std::filesystem::path credentials;  // a file of one line, user:password; empty: the environment
  bool json = false;
};

// "registry-ca" and "registry-credentials".
bool IsPullOption(std::string_view name);

// The exit code.
int RunPull(Client& client, const PullOrder& order);

}  // namespace slipway::control
