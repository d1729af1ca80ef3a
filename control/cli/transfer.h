// SPDX-License-Identifier: Apache-2.0
//
// Transfer: what a client sends or takes in as a file, as a bar on the terminal. It stands for as
// long as the object: whatever else is written comes after that.
#pragma once

#include <string>
#include <utility>

#include "control/cli/client.h"
#include "control/progress.h"

namespace slipway::control {

class Transfer {
 public:
  // `doing`: while bytes go; `before` and `after`: while the appliance is at work before the first
  // and after the last of them; empty: it is not.
  struct Words {
    std::string doing;
    std::string before = {};
    std::string after = {};
  };
  // The client outlives it.
  Transfer(Client& client, bool is_wanted, Words words)
      : client_(client), words_(std::move(words)), bar_(is_wanted) {
    if (!words_.before.empty()) bar_.Say(words_.before);
    client_.TellProgress([this](std::uint64_t bytes, std::uint64_t total) {
      bar_.Show(bytes, total, bytes < total || words_.after.empty() ? words_.doing : words_.after);
    });
  }
  ~Transfer() { client_.TellProgress({}); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

 private:
  Client& client_;
  const Words words_;
  ProgressBar bar_;
};

}  // namespace slipway::control
