// SPDX-License-Identifier: Apache-2.0
//
// Actor: who asks for something, as found by authentication (rest/authenticate.h), and what the
// audit log says of them. Roles are ordered: each may do all that those before it may.
//
// An operator or a viewer, by a token or a certificate, may have a scope: machines that a selector
// fits, which are then all that it reads of and changes (rest/scope.h). What all machines share
// (image sets, rules, networks) it reads as others do and does not change; the audit log is beyond
// every scope.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::control {

enum class Role : std::uint8_t {
  kViewer,    // reads
  kOperator,  // changes image sets, machines, policy
  kAdmin,     // tokens, certificates, backup, audit
};

inline constexpr std::array<std::string_view, 3> kRoleNames = {"viewer", "operator", "admin"};

constexpr std::string_view NameOf(Role role) { return kRoleNames[static_cast<std::size_t>(role)]; }

constexpr std::optional<Role> RoleOf(std::string_view name) {
  for (std::size_t i = 0; i < kRoleNames.size(); ++i) {
    if (kRoleNames[i] == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

struct Actor {
  std::string name;  // of the token or the certificate: "token ci", "certificate CN=ci"
  Role role = Role::kViewer;
  std::string scope;    // a selector (policy/selector.h); empty: none
  std::string address;  // where the request came from; empty: this process
  std::string request;  // "PUT /api/v1/machines/..."; empty: none
  // Whether the audit log has a record of this request; the router writes one where a change was
  // made and none was written. Set by the store, through the reference that it is given.
  mutable bool is_noted = false;
};

constexpr bool May(const Actor& actor, Role needed) { return actor.role >= needed; }

// The daemon itself, for what nobody asked for.
inline Actor DaemonActor() { return {.name = "slipwayd", .role = Role::kAdmin}; }

}  // namespace slipway::control
