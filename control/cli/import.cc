// SPDX-License-Identifier: Apache-2.0
#include "control/cli/import.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "control/architecture.h"
#include "control/cli/table.h"
#include "control/cli/transfer.h"
#include "control/cli/uki.h"
#include "control/text.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 6> kOptions = {"as",     "boot",  "arguments",
                                                      "labels", "needs", "from"};

int Fail(const std::string& words) {
  std::cerr << "slipway: " << words << '\n';
  return 1;
}

bool Failed(const std::string& words) {
  Fail(words);
  return false;
}

// As a value of a query (RFC 3986 section 2.3).
std::string Encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~/";
  std::string out;
  for (const char c : text) {
    const auto value = static_cast<unsigned char>(c);
    if ((std::isalnum(value) != 0 && value < 0x80) || kPlain.find(c) != kPlain.npos) {
      out += c;
    } else {
      out += '%';
      out += kDigits[value >> 4];
      out += kDigits[value & 15];
    }
  }
  return out;
}

Answer Send(Client& client, const Command& command, const fs::path& source) {
  std::string path = Text("/api/v1/images/", command.words.back());
  std::string between = "?";
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    path += Text(between, name, '=', Encoded(value));
    between = "&";
  };
  for (const char* name : {"as", "boot", "arguments", "labels", "needs"}) {
    add(name, OptionOf(command, name));
  }
  if (command.options.contains("arguments")) add("arch", OptionOf(command, "arch"));
  std::error_code error;
  const bool is_folder = fs::is_directory(source, error);
  const Transfer shown(client, !command.json,
                       {.doing = "is sent",
                        .before = is_folder ? "the appliance reads it" : "",
                        .after = "the appliance checks it"});
  if (is_folder) return client.Put(path, {{"path", source.string()}});
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
                        " bytes, sha256:", set.value("digest", "").substr(0, 12), "\nSecure Boot: ",
                        Cell(verdict, "outcome"), ": ", Cell(verdict, "words"), LayoutText(set)));
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

// A file of a set, as it is called there, and where it is put.
struct Wanted {
  std::string path;
  fs::path target;
};

Answer FetchBlob(Client& client, const std::string& blob, const Wanted& wanted, bool is_shown) {
  const Transfer shown(client, is_shown, {.doing = Plain(wanted.path) + " is fetched"});
  return client.GetFile(blob, wanted.target);
}

// Fetched by its digest.
bool FetchFile(Client& client, const nlohmann::json& set, const Wanted& wanted, bool is_shown) {
  const std::string reference = Cell(set, "reference");
  for (const auto& file : set["files"]) {
    if (Cell(file, "path") != wanted.path) continue;
    const std::string blob = Text("/v2/", reference.substr(0, reference.rfind(':')),
                                  "/blobs/sha256:", Cell(file, "digest"));
    const Answer answer = FetchBlob(client, blob, wanted, is_shown);
    return answer.good || Failed(answer.error);
  }
  return Failed(Text(reference, ": has no ", wanted.path));
}

// What the set of --from proposes for --arch, as far as nothing else was said: its kernel and
// initrds, fetched into `folder`, and its arguments. The image needs that set, from which its
// installer goes on. False, and why is said.
bool TakeProposal(Client& client, const fs::path& folder, Command& command) {
  const Answer answer = client.Get("/api/v1/images/" + OptionOf(command, "from"));
  if (!answer.good) return Failed(answer.error);
  const nlohmann::json set = answer.json();
  const nlohmann::json layout = set.value("layout", nlohmann::json());
  const std::string architecture(
      UefiArchitecture(command.options.contains("arch") ? command.options["arch"] : "x64"));
  for (const auto& boot : layout.is_object() ? layout["boots"] : nlohmann::json::array()) {
    if (Cell(boot, "architecture") != architecture) continue;
    command.options.try_emplace("cmdline", Cell(boot, "arguments"));
    std::string& needs = command.options["needs"];
    needs += Text(needs.empty() ? "" : ",", "image-set=", Cell(set, "reference"));
    if (!command.options.contains("kernel")) {
      command.options["kernel"] = folder / "kernel";
      const Wanted kernel{Cell(boot, "kernel"), folder / "kernel"};
      if (!FetchFile(client, set, kernel, !command.json)) return false;
    }
    if (command.options.contains("initrd")) return true;
    std::string initrds;
    for (const auto& initrd : boot["initrds"]) {
      const fs::path target = folder / Text("initrd", initrds.size());
      if (!FetchFile(client, set, {initrd.get<std::string>(), target}, !command.json)) return false;
      initrds += Text(initrds.empty() ? "" : ",", target.string());
    }
    command.options["initrd"] = initrds;
    return true;
  }
  return Failed(Text(OptionOf(command, "from"), ": proposes nothing for ", architecture,
                     "; 'slipway image show' says what it proposes, or name --kernel"));
}

int ImportUki(Client& client, const Command& asked) {
  const OwnFolder folder;
  const fs::path file = folder.path() / "linux.efi";
  if (folder.path().empty()) return Fail("no temporary folder could be made; see TMPDIR");
  Command command = asked;
  if (command.options.contains("from") && !TakeProposal(client, folder.path(), command)) return 1;
  if (!MakeUki(command, command.words[2], file)) return 1;
  return PrintImport(Send(client, command, file), command);
}

}  // namespace

bool IsImportOption(std::string_view name) {
  return IsUkiOption(name) || std::ranges::find(kOptions, name) != kOptions.end();
}

bool IsImport(const Command& command) {
  return Is(command, "image", "import", 4) ||
         (Is(command, "image", "import", 3) &&
          (command.options.contains("kernel") || command.options.contains("from")));
}

std::string LayoutText(const nlohmann::json& set) {
  const nlohmann::json layout = set.value("layout", nlohmann::json());
  if (!layout.is_object()) return {};
  const std::string reference = Cell(set, "reference");
  std::string text =
      Text("\nRecognised: ", Cell(layout, "title"), ". Its installer goes on over HTTPS with");
  for (const auto& boot : layout["boots"]) {
    const std::string architecture = Cell(boot, "architecture");
    text += Text("\n  ", architecture, ": ", Cell(boot, "kernel"));
    for (const auto& initrd : boot["initrds"])
      text += Text(" + ", Plain(initrd.get<std::string>()));
    text += Text("\n    ", Cell(boot, "arguments"),
                 "\n    take it: slipway image import NAME:TAG --from ", reference, " --arch ",
                 architecture, Cell(layout, "family") == "debian" ? " --trust CA" : "",
                 " --sign-key KEY --sign-cert CERT");
  }
  for (const auto& note : layout["notes"])
    text += Text("\n  note: ", Plain(note.get<std::string>()));
  return text;
}

int RunImport(Client& client, const Command& command) {
  if (command.words.size() == 3) return ImportUki(client, command);
  for (const char* option :
       {"from", "kernel", "initrd", "trust", "cmdline", "sign-key", "sign-cert"}) {
    if (!command.options.contains(option)) continue;
    return Fail(Text("--", option, " makes a kernel image, and ", command.words[2],
                     " is imported as it is: leave out one of the two"));
  }
  std::error_code error;
  const auto source = fs::absolute(command.words[2], error);
  if (!fs::exists(source, error)) {
    return Fail(Text(source.string(), ": is not there; name a folder, file, ISO or tar"));
  }
  return PrintImport(Send(client, command, source), command);
}

}  // namespace slipway::control
