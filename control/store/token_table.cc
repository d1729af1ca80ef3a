// SPDX-License-Identifier: Apache-2.0
#include "control/store/token_table.h"

#include "control/text.h"

namespace slipway::control {

const char* const kTokenMigration =
    "ALTER TABLE tokens ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';"
    "ALTER TABLE tokens ADD COLUMN created INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tokens ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tokens ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;"
    "UPDATE tokens SET name='admin' WHERE name='operator';";

absl::StatusOr<std::vector<TokenRecord>> TokenTable::All() {
  Statement statement = database_.Prepare(
      "SELECT name, role, sha256, created, expires, last_used FROM tokens ORDER BY name");
  std::vector<TokenRecord> tokens;
  while (statement.Next()) {
    // A role that this version does not know may read, no more.
    tokens.push_back({.name = statement.String(0),
                      .role = RoleOf(statement.String(1)).value_or(Role::kViewer),
                      .sha256 = statement.String(2),
                      .created = statement.Integer(3),
                      .expires = statement.Integer(4),
                      .last_used = statement.Integer(5)});
  }
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return tokens;
}

absl::Status TokenTable::Put(const TokenRecord& token) {
  const auto tokens = All();
  if (!tokens.ok()) return tokens.status();
  if (tokens->size() >= kTokensMax) {
    return absl::ResourceExhaustedError(Text(
        kTokensMax, " tokens are the most; remove those that nobody uses: 'slipway token rm'"));
  }
  for (const TokenRecord& other : *tokens) {
    if (other.name != token.name) continue;
    return absl::AlreadyExistsError(
        Text("a token ", token.name, " is there already; remove it first or choose another name"));
  }
  return Replace(token);
}

absl::Status TokenTable::Replace(const TokenRecord& token) {
  Statement statement = database_.Prepare(
      "INSERT OR REPLACE INTO tokens(name, role, sha256, created, expires, last_used) "
      "VALUES(?, ?, ?, ?, ?, ?)");
  statement.Bind(1, token.name).Bind(2, NameOf(token.role)).Bind(3, token.sha256);
  statement.Bind(4, token.created).Bind(5, token.expires).Bind(6, token.last_used);
  return statement.Run();
}

absl::Status TokenTable::Remove(const std::string& name) {
  Statement statement = database_.Prepare("DELETE FROM tokens WHERE name=?");
  if (absl::Status status = statement.Bind(1, name).Run(); !status.ok()) return status;
  if (database_.changes() != 0) return absl::OkStatus();
  return absl::NotFoundError(Text(name, ": no such token; see 'slipway token list'"));
}

absl::Status TokenTable::Touch(const std::string& name, std::int64_t now) {
  Statement statement = database_.Prepare("UPDATE tokens SET last_used=? WHERE name=?");
  return statement.Bind(1, now).Bind(2, name).Run();
}

}  // namespace slipway::control
