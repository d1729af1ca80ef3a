// SPDX-License-Identifier: Apache-2.0
#include "control/events/webhooks.h"

#include <chrono>
#include <ctime>
#include <utility>

#include "control/events/webhook_sender.h"
#include "control/log.h"
#include "control/store/webhook_outbox.h"
#include "control/text.h"

namespace slipway::control {

Webhooks::Webhooks(Core& core, const WebhookPace& pace) : core_(core), pace_(pace) {
  const auto webhooks = core_.store().Webhooks();
  if (!webhooks.ok()) {
    LogError(Text("webhooks are not told: ", std::string(webhooks.status().message())));
    return;
  }
  OpenOutbox(*webhooks);
  for (const WebhookRecord& each : *webhooks) {
    senders_[each.name] = Sender(each, false);
  }
}

// Where it cannot be opened, messages wait in memory alone: what boots machines does not end for
// it.
void Webhooks::OpenOutbox(const std::vector<WebhookRecord>& webhooks) {
  const auto file = core_.config().state_directory / "outbox.db";
  auto outbox = WebhookOutbox::Open(file);
  std::vector<std::string> names;
  for (const WebhookRecord& each : webhooks) names.push_back(each.name);
  const absl::Status status = outbox.ok() ? (*outbox)->ClearOthers(names) : outbox.status();
  if (!status.ok()) {
    LogError(
        Text("what waits for webhooks' receivers would not outlive a restart: ", file.string(),
             ": ", std::string(status.message()),
             "; stop slipwayd and remove it: what waits in it is lost, and a new one is made"));
  }
  if (outbox.ok()) outbox_ = *std::move(outbox);
}

std::shared_ptr<WebhookSender> Webhooks::Sender(const WebhookRecord& webhook, bool is_new) {
  return std::make_shared<WebhookSender>(
      webhook, WebhookSender::Sources{.feed = core_.feed(), .outbox = outbox_.get()}, pace_,
      is_new ? WebhookSender::Since::kItWasMade : WebhookSender::Since::kARunBefore);
}

Webhooks::~Webhooks() { Stop(); }

void Webhooks::Stop() {
  std::vector<std::shared_ptr<WebhookSender>> senders;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, sender] : senders_) senders.push_back(sender);
  }
  for (const auto& sender : senders) sender->Refuse();
  for (const auto& sender : senders) sender->Stop();
}

absl::StatusOr<WebhookRecord> Webhooks::Add(WebhookRecord webhook, const Actor& actor) {
  webhook.secret = MakeWebhookSecret();
  if (webhook.secret.empty()) {
    return absl::UnavailableError("no randomness for a secret; try again");
  }
  webhook.created = std::time(nullptr);
  webhook.filter.role = Role::kAdmin;
  const std::scoped_lock lock(mutex_);
  if (absl::Status status = core_.store().AddWebhook(webhook, actor); !status.ok()) return status;
  senders_[webhook.name] = Sender(webhook, true);
  return webhook;
}

absl::Status Webhooks::Remove(const std::string& name, const Actor& actor) {
  std::shared_ptr<WebhookSender> removed;
  {
    const std::scoped_lock lock(mutex_);
    if (absl::Status status = core_.store().RemoveWebhook(name, actor); !status.ok()) return status;
    if (const auto sender = senders_.find(name); sender != senders_.end()) {
      removed = std::move(sender->second);
      removed->Discard();
      senders_.erase(sender);
    }
  }
  if (removed) removed->Stop();  // which may wait for its network: nobody else does
  return absl::OkStatus();
}

absl::StatusOr<WebhookAttempt> Webhooks::Test(const std::string& name, const Actor& actor) {
  std::shared_ptr<WebhookSender> sender;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = senders_.find(name);
    if (found != senders_.end()) sender = found->second;
  }
  if (!sender) {
    return absl::NotFoundError(Text(name, ": no such webhook; see 'slipway webhook list'"));
  }
  const std::int64_t now =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  WebhookAttempt attempt = sender->Send(MakeMessage("test", Text("test_", now), now, "{}"));
  core_.Audit(actor, Text("webhook ", name, " test"), nullptr,
              {{"delivered", attempt.delivered()}, {"status", attempt.status}});
  return attempt;
}

absl::StatusOr<std::vector<Webhooks::State>> Webhooks::States() const {
  auto webhooks = core_.store().Webhooks();
  if (!webhooks.ok()) return webhooks.status();
  const std::scoped_lock lock(mutex_);
  std::vector<State> states;
  for (WebhookRecord& each : *webhooks) {
    const auto sender = senders_.find(each.name);
    if (sender == senders_.end()) continue;
    states.push_back({std::move(each), sender->second->counts()});
  }
  return states;
}

}  // namespace slipway::control
