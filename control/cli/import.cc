// SPDX-License-Identifier: Apache-2.0
#include "control/cli/import.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "control/cli/table.h"
#include "control/cli/uki.h"
#include "control/text.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kOptions = {"as", "boot"};

int Fail(const std::string& words) {
  std::cerr << "slipway: " << words << '\n';
  return 1;
}

std::string OptionOf(const Command& command, const char* name) {
  const auto found = command.options.find(name);
  return found == command.options.end() ? std::string() : found->second;
}

Answer Send(Client& client, const Command& command, const fs::path& source) {
  std::string path = Text("/api/v1/images/", command.words.back());
  std::string between = "?";
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    path += Text(between, name, '=', value);
    between = "&";
  };
  add("as", OptionOf(command, "as"));
  add("boot", OptionOf(command, "boot"));
  std::error_code error;
  if (fs::is_directory(source, error)) return client.Put(path, {{"path", source.string()}});
  add("file", source.filename().string());
  return client.PutFile(path, source);
}

int PrintImport(const Answer& answer, const Command& command) {
  if (!answer.good) return Fail(answer);
  const auto set = answer.json();
  const nlohmann::json verdict = set.value("secure_boot", nlohmann::json());
  const bool refused = verdict.is_object() && Cell(verdict, "outcome") == "refused";
  if (refused) std::cerr << "slipway: warning: this set will not boot under Secure Boot\n";
  return PrintDone(answer, command,
                   Text(set.value("reference", ""), ": ", set["files"].size(), " files, ",
                        set.value("bytes", std::uint64_t{0}),
                        " bytes, sha256:", set.value("digest", "").substr(0, 12),
                        "\nSecure Boot: ", Cell(verdict, "outcome"), ": ", Cell(verdict, "words")));
}

// A folder of this user alone; gone with the object.
class OwnFolder {
 public:
  OwnFolder() {
    std::string pattern = (fs::temp_directory_path() / "slipway-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~OwnFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

int ImportUki(Client& client, const Command& command) {
  const OwnFolder folder;
  const fs::path file = folder.path() / "linux.efi";
  if (folder.path().empty()) return Fail("no temporary folder could be made; see TMPDIR");
  if (!MakeUki(command, command.words[2], file)) return 1;
  return PrintImport(Send(client, command, file), command);
}

}  // namespace

bool IsImportOption(std::string_view name) {
  return IsUkiOption(name) || std::ranges::find(kOptions, name) != kOptions.end();
}

bool IsImport(const Command& command) {
  return Is(command, "image", "import", 4) ||
         (Is(command, "image", "import", 3) && command.options.contains("kernel"));
}

int RunImport(Client& client, const Command& command) {
  if (command.words.size() == 3) return ImportUki(client, command);
  std::error_code error;
  const auto source = fs::absolute(command.words[2], error);
  if (!fs::exists(source, error)) {
    return Fail(Text(source.string(), ": is not there; name a folder, file, ISO or tar"));
  }
  return PrintImport(Send(client, command, source), command);
}

}  // namespace slipway::control
