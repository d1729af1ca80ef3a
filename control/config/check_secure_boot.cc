// SPDX-License-Identifier: Apache-2.0
//
// The files of [secure_boot] must be there and be what their keys say: a revocation list that
// cannot be read would revoke nothing, silently.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "control/config/cross_check.h"
#include "control/secure_boot/sbat.h"
#include "control/secure_boot/signature_database.h"
#include "control/text.h"

namespace slipway::control {
namespace {

std::string MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

std::string Read(const std::filesystem::path& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file && !std::filesystem::is_directory(path)) text << file.rdbuf();
  return text.str();
}

void CheckDatabases(const Section& section, std::string_view key, Complaints& complaints) {
  const std::vector<std::string> paths = section.List<std::string>(key);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string text = Read(complaints.file().parent_path() / paths[i]);
    const auto database = ReadDatabase(AsBytes(text), key);
    if (text.empty()) {
      complaints.AddElement(section, key, i, paths[i], "cannot be read; write the path of a file");
    } else if (!database.ok()) {
      complaints.AddElement(section, key, i, paths[i],
                            Text(MessageOf(database.status()),
                                 "; write the path of a signature list, a certificate or a "
                                 "variable store"));
    }
  }
}

}  // namespace

void CheckSecureBoot(const Section& root, Complaints& complaints) {
  const Section& section = root.Child("secure_boot");
  CheckDatabases(section, "db", complaints);
  CheckDatabases(section, "dbx", complaints);
  const auto path = section.Get<std::string>("sbat_level");
  if (!path) return;
  const std::string text = Read(complaints.file().parent_path() / *path);
  const auto level = ParseSbatLevel(AsBytes(text));
  if (!level.ok()) {
    complaints.Add(section, "sbat_level",
                   Text(text.empty() ? "cannot be read" : MessageOf(level.status()),
                        "; write the path of a text like \"sbat,1,2025051000\\nshim,4\\n\""));
  }
}

}  // namespace slipway::control
