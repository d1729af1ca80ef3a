// SPDX-License-Identifier: Apache-2.0
//
// What the tables whose rows have names do alike. Private to control/store.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/store/sqlite.h"
#include "control/text.h"

namespace slipway::control {

// `rows`, unless the statement that gave them broke off.
template <class Row>
absl::StatusOr<std::vector<Row>> Whole(const Statement& statement, std::vector<Row> rows) {
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return rows;
}

struct NamedRows {
  std::string_view noun;  // "webhook"
  std::size_t most = 0;
  std::string_view remedy;  // where there are as many
};

// AlreadyExists where one of `rows` has the name; FailedPrecondition where there are too many.
template <class Row>
absl::Status RoomFor(const std::string& name, const std::vector<Row>& rows, const NamedRows& kind) {
  if (rows.size() >= kind.most) {
    return absl::FailedPreconditionError(
        Text(kind.most, " ", kind.noun, "s are the most; ", kind.remedy));
  }
  if (std::ranges::find(rows, name, &Row::name) == rows.end()) return absl::OkStatus();
  return absl::AlreadyExistsError(Text(
      "a ", kind.noun, " ", name, " is there already; remove it first or choose another name"));
}

// `sql` deletes the row of that key. NotFound, in the words of `otherwise`, where there is none.
inline absl::Status RemoveRow(Database& database, const char* sql, std::string_view key,
                              std::string_view otherwise) {
  Statement statement = database.Prepare(sql);
  if (absl::Status status = statement.Bind(1, key).Run(); !status.ok()) return status;
  if (database.changes() != 0) return absl::OkStatus();
  return absl::NotFoundError(Text(key, ": ", otherwise));
}

}  // namespace slipway::control
