// SPDX-License-Identifier: Apache-2.0
//
// Every route of the REST interface in one table: what may be asked, which role it needs, whether
// it changes something. The router (router.h) registers nothing that is not here and refuses to
// start with a row that nothing answers; rights, the audit log and the API's description follow
// from it.
//
// A path's variables stand in braces: {name} takes one segment, {name+} several.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "control/access/actor.h"

namespace slipway::control {

enum class Effect : std::uint8_t {
  kNone,    // reads
  kChange,  // or does something outside; each success is in the audit log
  kPart,    // a part of a change that another route completes: an upload's chunk
};

struct Route {
  std::string_view method;
  std::string_view path;
  std::optional<Role> role;  // nullopt: needs no authentication
  Effect effect = Effect::kNone;
  std::string_view summary;
  // What a success gives: a status where it is not 200, and a type of schemas.h or "@" and a media
  // type: "201 NewToken", "204", "@text/plain".
  std::string_view answer = "";
  std::string_view body = "";   // the same of what it takes; several with blanks between
  std::string_view query = "";  // names, with blanks between
};

std::span<const Route> Routes();
// Described by OCI's distribution-spec, with its own errors: no part of the API's description.
constexpr bool IsOfTheRegistry(std::string_view path) {
  return path == "/v2" || path.starts_with("/v2/");
}
// Nullptr where there is none.
const Route* FindRoute(std::string_view method, std::string_view path);
// What httplib matches a path by.
std::string PatternOf(std::string_view path);

}  // namespace slipway::control
