// SPDX-License-Identifier: Apache-2.0
#include "control/image_store/previous.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "control/image_store/files.h"
#include "control/image_store/oci.h"
#include "control/parse_json.h"

namespace slipway::control {
namespace {

constexpr std::size_t kPreviousMax = std::size_t{64} << 20;  // as of the index

// Hex; empty where there is none.
std::string DigestAt(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? HexOf(found->get<std::string>())
                                                     : std::string();
}

}  // namespace

Previous Previous::Read(const std::filesystem::path& store) {
  Previous previous;
  const auto text = ReadFile(PathIn(store), kPreviousMax);
  if (!text.ok()) return previous;
  const nlohmann::json known = ParseJson(*text);
  if (!known.is_object()) return previous;
  for (const auto& [reference, said] : known.items()) {
    if (!said.is_object()) continue;
    Move move{.from = DigestAt(said, "from"), .to = DigestAt(said, "to")};
    if (move.from.empty() || move.to.empty()) continue;
    previous.moves_.emplace(reference, std::move(move));
  }
  return previous;
}

std::string Previous::Of(std::string_view reference, std::string_view digest) const {
  const auto found = moves_.find(reference);
  return found != moves_.end() && found->second.to == digest ? found->second.from : std::string();
}

bool Previous::Take(std::span<const IndexEntry> before, std::span<const IndexEntry> after) {
  std::map<std::string_view, std::string_view> led;
  for (const IndexEntry& entry : before) {
    if (!entry.reference.empty()) led.emplace(entry.reference, entry.digest);
  }
  std::map<std::string, Move, std::less<>> moves;
  for (const IndexEntry& entry : after) {
    if (entry.reference.empty()) continue;
    const auto old = led.find(entry.reference);
    if (old != led.end() && old->second != entry.digest) {
      moves.emplace(entry.reference, Move{.from = std::string(old->second), .to = entry.digest});
      continue;
    }
    // What stays where it is keeps its way back.
    if (std::string from = Of(entry.reference, entry.digest); !from.empty()) {
      moves.emplace(entry.reference, Move{.from = std::move(from), .to = entry.digest});
    }
  }
  if (moves == moves_) return false;
  moves_ = std::move(moves);
  return true;
}

std::string Previous::ToText() const {
  nlohmann::json known = nlohmann::json::object();
  for (const auto& [reference, move] : moves_) {
    known[reference] = {{"from", std::string(kDigestPrefix) + move.from},
                        {"to", std::string(kDigestPrefix) + move.to}};
  }
  return known.dump(2) + "\n";
}

}  // namespace slipway::control
