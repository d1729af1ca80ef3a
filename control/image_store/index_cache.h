// SPDX-License-Identifier: Apache-2.0
//
// What index.json says, for as long as it says it: the file is read each time, and parsed where its
// bytes are others. Times and sizes would not do, since other tools write the file too, and may do
// so twice within what a file system tells apart. Any thread may ask.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "control/image_store/index.h"

namespace slipway::control {

class IndexCache {
 public:
  using Entries = std::shared_ptr<const std::vector<IndexEntry>>;

  // `where` stands in errors. What does not parse is not kept.
  absl::StatusOr<Entries> Parsed(std::string text, const std::string& where) {
    const std::scoped_lock lock(mutex_);
    if (entries_ != nullptr && text == text_) return entries_;
    auto entries = ParseIndex(text, where);
    if (!entries.ok()) return entries.status();
    entries_ = std::make_shared<const std::vector<IndexEntry>>(*std::move(entries));
    text_ = std::move(text);
    return entries_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
  Entries entries_;  // of text_; null: nothing was read yet
};

}  // namespace slipway::control
