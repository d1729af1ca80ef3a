// SPDX-License-Identifier: Apache-2.0
#include "control/secure_boot/shim.h"

#include "control/secure_boot/little_endian.h"

namespace slipway::control {

absl::StatusOr<std::optional<Shim>> ReadShim(const PeImage& image, const std::string& path) {
  const PeSection* section = image.Find(".vendor_cert");
  if (section == nullptr) return std::optional<Shim>();
  LittleEndianView view(section->content);
  const Bytes allowed = view.Part(view.U32(8), view.U32(0));
  const Bytes revoked = view.Part(view.U32(12), view.U32(4));
  if (!view.ok()) return absl::InvalidArgumentError(".vendor_cert leads beyond its section");
  Shim shim{.path = path};
  if (!allowed.empty()) {
    auto database = ReadDatabase(allowed, "db");
    if (!database.ok()) return database.status();
    shim.vendor_db = *std::move(database);
  }
  if (!revoked.empty()) {
    auto database = ReadDatabase(revoked, "dbx");
    if (!database.ok()) return database.status();
    shim.vendor_dbx = *std::move(database);
  }
  auto levels = ReadSbatLevels(image);
  if (!levels.ok()) return levels.status();
  shim.levels = *std::move(levels);
  return shim;
}

}  // namespace slipway::control
