// SPDX-License-Identifier: Apache-2.0
#include "control/offline.h"

#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

#include "control/backup/backup.h"
#include "control/parse_json.h"
#include "control/progress.h"
#include "control/store/audit_log.h"
#include "control/store/store.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kUsage =
    "Usage: slipwayd --verify-audit CATALOG.DB [--head NUMBER:HASH]\n"
    "       slipwayd --restore FILE --state DIR\n";

int Fail(std::string_view what, int code) {
  std::cerr << "slipwayd: " << what << '\n';
  return code;
}

int VerifyAudit(const Options& options) {
  std::optional<AuditHead> witness;
  if (const auto head = options.find("--head"); head != options.end()) {
    witness = AuditHead::Parse(head->second);
    if (!witness) return Fail("--head is not NUMBER:HASH as 'slipway audit verify' says", 2);
  }
  const std::string& file = options.at("--verify-audit");
  const auto head = VerifyAuditFile(file, witness);
  if (!head.ok()) return Fail(Text(file, ": ", std::string(head.status().message())), 1);
  std::cout << file << ": the audit log is whole; its head is " << head->ToString() << '\n';
  return 0;
}

// The log goes on from the moment of the backup: whoever reads it is told that there is a gap.
absl::Status NoteRestore(const Options& options, const Restored& restored) {
  const std::filesystem::path state = options.at("--state");
  auto store = OpenSqliteStore(state / "catalog.db");
  if (!store.ok()) return store.status();
  const auto created = ParseJson(restored.created);
  Actor actor = DaemonActor();
  actor.request = Text("slipwayd --restore ", options.at("--restore"));
  return (*store)->Note(actor, "restore", nullptr,
                        {{"backup_of", created.is_number() ? created : nlohmann::json()},
                         {"files", restored.files},
                         {"bytes", restored.bytes}});
}

int RestoreBackup(const Options& options) {
  const std::filesystem::path state = options.at("--state");
  const std::string& tar = options.at("--restore");
  std::error_code unknown;
  const std::uintmax_t size = std::filesystem::file_size(tar, unknown);
  ProgressBar bar(/*is_wanted=*/true);
  const auto restored = Restore(
      tar, state, [&](std::uint64_t bytes) { bar.Show(bytes, unknown ? 0 : size, "is read"); });
  bar.End();
  if (!restored.ok()) return Fail(std::string(restored.status().message()), 1);
  std::cout << state.string() << ": restored " << restored->files << " files, " << restored->bytes
            << " bytes\n";
  if (const absl::Status noted = NoteRestore(options, *restored); !noted.ok()) {
    return Fail(Text(state.string(), ": is restored, but its audit log does not say so: ",
                     std::string(noted.message())),
                1);
  }
  const auto head = VerifyAuditFile(state / "catalog.db", std::nullopt);
  if (head.ok()) {
    std::cout << "the audit log is whole; its head is " << head->ToString() << '\n';
    return 0;
  }
  return Fail(Text(state.string(), ": is restored, but its audit log is not whole: ",
                   std::string(head.status().message())),
              1);
}

}  // namespace

std::optional<int> RunOffline(std::span<char* const> arguments) {
  Options options;
  bool understood = arguments.size() % 2 == 0;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    understood = understood && (name == "--verify-audit" || name == "--head" ||
                                name == "--restore" || name == "--state");
    options.insert_or_assign(std::string(name), arguments[i + 1]);
  }
  if (arguments.empty()) return std::nullopt;
  const std::string_view first = arguments.front();
  if (first != "--verify-audit" && first != "--restore") return std::nullopt;
  if (understood && first == "--verify-audit") return VerifyAudit(options);
  if (understood && options.contains("--state")) return RestoreBackup(options);
  return Fail(kUsage, 2);
}

}  // namespace slipway::control
