// SPDX-License-Identifier: Apache-2.0
//
// TableCatalog: see the header. The hash need not be secret: a peer cannot put keys into the table,
// so it can make no chain longer than the builder made it.
#include "protocols/http/catalog.h"

#include <utility>

#include "protocols/base/siphash.h"

namespace slipway::http {

TableCatalog::TableCatalog(std::vector<Resource> resources, std::shared_ptr<const Catalog> beside)
    : resources_(std::move(resources)), beside_(std::move(beside)) {
  std::size_t slots = 2;
  while (slots < 2 * resources_.size() + 1) slots *= 2;
  slots_.assign(slots, 0);
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    std::uint32_t& slot = slots_[Slot(resources_[i].path)];
    if (slot == 0) {
      slot = static_cast<std::uint32_t>(i + 1);
    } else {
      ++duplicates_;
    }
  }
}

const Resource* TableCatalog::Find(std::string_view normalised_path) const {
  const std::uint32_t found = slots_[Slot(normalised_path)];
  if (found != 0) return &resources_[found - 1];
  return beside_ == nullptr ? nullptr : beside_->Find(normalised_path);
}

// Where `path` is, or the free slot where it would be.
std::size_t TableCatalog::Slot(std::string_view path) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = static_cast<std::size_t>(SipHash({}, AsBytes(path))) & mask;
  while (slots_[slot] != 0 && resources_[slots_[slot] - 1].path != path) slot = (slot + 1) & mask;
  return slot;
}

}  // namespace slipway::http
