// SPDX-License-Identifier: Apache-2.0
//
// index.json of an OCI image layout, as a list of entries: what each manifest is, and by which name
// it is reached. Other tools (skopeo) write entries too; what they put there is kept.
//
// A tagged entry carries "repository:tag" in org.opencontainers.image.ref.name. One that is reached
// by its digest alone names its repository in dev.slipway.repository.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::control {

struct IndexEntry {
  std::string reference;   // "repository:tag", or what another tool wrote; empty: digest alone
  std::string repository;  // of an entry without reference
  std::string digest;      // hex
  std::uint64_t size = 0;
  std::string media_type;
  std::string artifact_type;  // may be empty where another tool wrote the entry
  std::int64_t created = 0;   // seconds since 1970
  std::int64_t untagged = 0;  // since when it has no tag; of an entry without reference

  // "debian" of "debian:12"; the repository of an entry without reference.
  std::string_view Repository() const;
  // "12" of "debian:12"; empty when it has none.
  std::string_view Tag() const;
};

// `where` stands in errors.
absl::StatusOr<std::vector<IndexEntry>> ParseIndex(std::string_view text, const std::string& where);
// Entries by reference, then repository and digest, so that the same list gives the same bytes.
std::string IndexText(std::vector<IndexEntry> entries);

// Makes `entry` the one of its reference; one without makes its digest reachable in its repository.
// The manifest that loses its last name in the repository stays reachable by digest, untagged since
// `now`.
void PutEntry(std::vector<IndexEntry>& entries, IndexEntry entry, std::int64_t now);

}  // namespace slipway::control
