// SPDX-License-Identifier: Apache-2.0
//
// Tags, and where they led before: the resource /tags, and what image sets show of it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "control/image_store/index.h"
#include "control/image_store/previous.h"

namespace slipway::control {

class Core;
class Router;

void AddTags(Router& router, Core& core);

// Of one moment, for as many tags as are asked for.
class TagHistory {
 public:
  // `entries`: all of the store's, whose folder is `store`.
  TagHistory(const std::vector<IndexEntry>& entries, const std::filesystem::path& store);

  // "reference", "digest", "previous", "previous_kept".
  nlohmann::json Of(const std::string& reference, const std::string& digest) const;

 private:
  Previous previous_;
  std::set<std::string> kept_;  // "repository@digest"
};

}  // namespace slipway::control
