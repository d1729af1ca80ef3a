// SPDX-License-Identifier: Apache-2.0
//
// What is pulled, as it is written: REGISTRY[:PORT]/NAME[:TAG][@sha256:HEX], and what a registry
// asks for when it refuses (RFC 9110 11.6.1).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::control {

struct RemoteName {
  std::string host;
  int port = 443;
  std::string repository;
  std::string tag;     // "latest" where neither is written
  std::string digest;  // hex; empty when it is named by its tag alone

  // Tag or digest, as a manifest's path takes it.
  std::string Reference() const;
  std::string ToString() const;

  static std::optional<RemoteName> Parse(std::string_view text);
};

struct Challenge {
  std::string scheme;                             // lower case
  std::map<std::string, std::string> parameters;  // names in lower case
};
// The first challenge of a WWW-Authenticate header; nullopt when it is malformed.
std::optional<Challenge> ParseChallenge(std::string_view header);

// A URL's parts; nullopt for what is no https URL. `target` begins with '/'.
struct SecureUrl {
  std::string host;
  int port = 443;
  std::string target;
};
std::optional<SecureUrl> ParseSecureUrl(std::string_view url);

}  // namespace slipway::control
