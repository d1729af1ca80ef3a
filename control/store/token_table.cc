// SPDX-License-Identifier: Apache-2.0
#include "control/store/token_table.h"

#include <algorithm>
#include <utility>

#include "control/store/named_rows.h"

namespace slipway::control {

const char* const kTokenMigration =
    "ALTER TABLE tokens ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';"
    "ALTER TABLE tokens ADD COLUMN created INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tokens ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tokens ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;"
    "UPDATE tokens SET name='admin' WHERE name='operator';";
const char* const kTokenScopeMigration =
    "ALTER TABLE tokens ADD COLUMN scope TEXT NOT NULL DEFAULT '';";

absl::StatusOr<std::vector<TokenRecord>> TokenTable::All() {
  Statement statement = database_.Prepare(
      "SELECT name, role, sha256, created, expires, last_used, scope FROM tokens ORDER BY name");
  std::vector<TokenRecord> tokens;
  while (statement.Next()) {
    // A role that this version does not know may read, no more.
    tokens.push_back({.name = statement.String(0),
                      .role = RoleOf(statement.String(1)).value_or(Role::kViewer),
                      .sha256 = statement.String(2),
                      .created = statement.Integer(3),
                      .expires = statement.Integer(4),
                      .last_used = statement.Integer(5),
                      .scope = statement.String(6)});
  }
  return Whole(statement, std::move(tokens));
}

absl::Status TokenTable::Put(const TokenRecord& token) {
  const auto tokens = All();
  if (!tokens.ok()) return tokens.status();
  absl::Status room = RoomFor(token.name, *tokens,
                              {.noun = "token",
                               .most = kTokensMax,
                               .remedy = "remove those that nobody uses: 'slipway token rm'"});
  if (!room.ok()) return room;
  return Replace(token);
}

absl::Status TokenTable::Replace(const TokenRecord& token) {
  Statement statement = database_.Prepare(
      "INSERT OR REPLACE INTO tokens(name, role, sha256, created, expires, last_used, "
      "scope) VALUES(?, ?, ?, ?, ?, ?, ?)");
  statement.Bind(1, token.name).Bind(2, NameOf(token.role)).Bind(3, token.sha256);
  statement.Bind(4, token.created).Bind(5, token.expires).Bind(6, token.last_used);
  statement.Bind(7, token.scope);
  return statement.Run();
}

absl::Status TokenTable::Remove(const std::string& name) {
  return RemoveRow(database_, "DELETE FROM tokens WHERE name=?", name,
                   "no such token; see 'slipway token list'");
}

absl::Status TokenTable::Touch(const std::string& name, std::int64_t now) {
  Statement statement = database_.Prepare("UPDATE tokens SET last_used=? WHERE name=?");
  return statement.Bind(1, now).Bind(2, name).Run();
}

nlohmann::json TokenTable::ToldNow(const std::string& name) {
  const auto tokens = All();
  if (!tokens.ok()) return nullptr;
  const auto token = std::ranges::find(*tokens, name, &TokenRecord::name);
  return token == tokens->end() ? nlohmann::json() : Told(*token);
}

nlohmann::json Told(const TokenRecord& token) {
  return {{"role", NameOf(token.role)}, {"scope", token.scope}, {"expires", token.expires}};
}

}  // namespace slipway::control
