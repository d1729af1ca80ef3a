// SPDX-License-Identifier: Apache-2.0
//
// Resource and Catalog: what can be asked for. The control plane builds them; a snapshot holds
// them; a session only looks up. TableCatalog is an immutable hashed table that allocates when it
// is built and never after: open addressing, at most half full.
//
// Invariant: a resource's content is immutable image memory, and its owner keeps it for as long as
// any stream may still send it, which is longer than the snapshot lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/bytes.h"

namespace slipway::http {

struct Resource {
  std::string path;  // normalised (path.h): begins with '/', decoded, no empty or dot segments
  Bytes content;     // empty while not loaded
  std::string etag_digest;         // SHA-256 of the content, lower-case hex: a strong validator
  std::string media_type;          // exact, without parameters (media_type.h)
  std::int64_t last_modified = 0;  // seconds since 1970
  // False: known, but not in memory now. The answer is 503 with Retry-After, and the request's
  // record names the resource so that the control plane can load it.
  bool loaded = false;
};

class Catalog {
 public:
  virtual ~Catalog() = default;
  // Null when there is none. The resource lives as long as the catalog.
  virtual const Resource* Find(std::string_view normalised_path) const = 0;
};

class TableCatalog final : public Catalog {
 public:
  TableCatalog() : TableCatalog(std::vector<Resource>{}) {}
  // Of two resources with one path the first is served; see duplicates(). What is not here is
  // looked up in `beside`, if that is given.
  explicit TableCatalog(std::vector<Resource> resources,
                        std::shared_ptr<const Catalog> beside = nullptr);

  const Resource* Find(std::string_view normalised_path) const override;

  std::span<const Resource> resources() const { return resources_; }
  // How many resources can never be found because another has their path: 0 unless the builder
  // erred.
  std::size_t duplicates() const { return duplicates_; }

 private:
  std::size_t Slot(std::string_view path) const;

  std::vector<Resource> resources_;
  std::vector<std::uint32_t> slots_;  // index + 1 into resources_; 0 is free; a power of two many
  std::size_t duplicates_ = 0;
  std::shared_ptr<const Catalog> beside_;
};

}  // namespace slipway::http
