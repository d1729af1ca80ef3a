// SPDX-License-Identifier: Apache-2.0
#include "control/store/webhook_table.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "control/store/named_rows.h"
#include "control/text.h"

namespace slipway::control {

const char* const kWebhookMigration =
    "CREATE TABLE webhooks("
    "  name TEXT PRIMARY KEY, url TEXT NOT NULL, kinds TEXT NOT NULL, mac TEXT NOT NULL,"
    "  ca TEXT NOT NULL, secret TEXT NOT NULL, created INTEGER NOT NULL);";

absl::StatusOr<std::vector<WebhookRecord>> WebhookTable::All() {
  Statement statement = database_.Prepare(
      "SELECT name, url, kinds, mac, ca, secret, created FROM webhooks ORDER BY name");
  std::vector<WebhookRecord> webhooks;
  while (statement.Next()) {
    WebhookRecord webhook{.name = statement.String(0),
                          .url = statement.String(1),
                          .filter = {},
                          .ca = statement.String(4),
                          .secret = statement.String(5),
                          .created = statement.Integer(6)};
    webhook.filter.mac = MacAddress::Parse(statement.String(3));
    webhook.filter.kinds = ParseKinds(statement.String(2)).value_or(std::vector<FeedKind>());
    // Only an admin makes one.
    webhook.filter.role = Role::kAdmin;
    webhooks.push_back(std::move(webhook));
  }
  return Whole(statement, std::move(webhooks));
}

absl::Status WebhookTable::Put(const WebhookRecord& webhook) {
  const auto webhooks = All();
  if (!webhooks.ok()) return webhooks.status();
  absl::Status room = RoomFor(
      webhook.name, *webhooks,
      {.noun = "webhook", .most = kWebhooksMax, .remedy = "remove one: 'slipway webhook rm NAME'"});
  if (!room.ok()) return room;
  Statement statement = database_.Prepare(
      "INSERT INTO webhooks(name, url, kinds, mac, ca, secret, created) "
      "VALUES(?, ?, ?, ?, ?, ?, ?)");
  std::vector<std::string> kinds;
  for (const FeedKind kind : webhook.filter.kinds) kinds.emplace_back(NameOf(kind));
  const std::string kind_list = Join(kinds, ",");
  const std::string mac = webhook.filter.mac ? webhook.filter.mac->ToString() : "";
  statement.Bind(1, webhook.name).Bind(2, webhook.url).Bind(3, kind_list).Bind(4, mac);
  statement.Bind(5, webhook.ca).Bind(6, webhook.secret).Bind(7, webhook.created);
  return statement.Run();
}

absl::Status WebhookTable::Remove(const std::string& name) {
  return RemoveRow(database_, "DELETE FROM webhooks WHERE name=?", name,
                   "no such webhook; see 'slipway webhook list'");
}

namespace {

// The scheme and the host: what follows may be a secret, and operators read the log.
std::string Origin(const std::string& url) {
  const std::size_t host = url.find("://");
  return host == url.npos ? std::string() : url.substr(0, url.find('/', host + 3));
}

}  // namespace

nlohmann::json Told(const WebhookRecord& webhook) {
  nlohmann::json kinds = nlohmann::json::array();
  for (const FeedKind kind : webhook.filter.kinds) kinds.push_back(NameOf(kind));
  return {{"url", Origin(webhook.url)},
          {"kinds", kinds},
          {"mac",
           webhook.filter.mac ? nlohmann::json(webhook.filter.mac->ToString()) : nlohmann::json()}};
}

}  // namespace slipway::control
