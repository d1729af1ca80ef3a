// SPDX-License-Identifier: Apache-2.0
//
// WebhookOutbox: the messages that wait for webhooks' receivers, in a database of their own, so
// that they outlive the process however it ends. What was put is there after kill -9; what a power
// failure takes are the last moments, for a commit does not wait for the disk (synchronous=NORMAL).
//
// It keeps what it is given and bounds nothing: who puts says what goes (events/webhook_queue.h).
// Calls may come from any thread, and take turns.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/events/webhook.h"
#include "control/store/sqlite.h"

namespace slipway::control {

struct OutboxMessage {
  std::uint64_t number = 0;  // of its event: they rise, over restarts too
  std::int64_t give_up_unix_nanoseconds = 0;
  WebhookMessage message;
};

class WebhookOutbox {
 public:
  static absl::StatusOr<std::unique_ptr<WebhookOutbox>> Open(const std::filesystem::path& file);

  absl::StatusOr<std::vector<OutboxMessage>> Waiting(const std::string& webhook);  // by number
  // Those up to the number `gone` wait no more, these do: both or, after an error, neither.
  absl::Status Advance(const std::string& webhook, std::uint64_t gone,
                       std::span<const OutboxMessage* const> added);
  absl::Status Clear(const std::string& webhook);
  // Of webhooks that are no more.
  absl::Status ClearOthers(const std::vector<std::string>& webhooks);

 private:
  explicit WebhookOutbox(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  absl::StatusOr<std::vector<std::string>> Names();  // the caller holds mutex_

  std::mutex mutex_;
  std::unique_ptr<Database> database_;
};

}  // namespace slipway::control
