// SPDX-License-Identifier: Apache-2.0
#include "control/cli/contexts.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "control/text.h"
#include "control/whole_file.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameMax = 63;
constexpr unsigned kSecret = 0600;
constexpr unsigned kPublic = 0644;

struct NewText {
  const char* name;
  std::string text;
  unsigned mode;
};

bool IsName(std::string_view name) {
  constexpr std::string_view kOthers = "-_.";
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= kNameMax && plain(name.front()) &&
         std::ranges::all_of(name,
                             [&](char c) { return plain(c) || kOthers.find(c) != kOthers.npos; });
}

// A context is written by its own user alone, so there is nobody to race with.
absl::Status MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(Text(folder.string(), ": cannot be made: ", error.message(),
                                     "; name another place with XDG_CONFIG_HOME"));
}

absl::Status CheckServer(const std::string& server) {
  if (server.find_first_of("/ \t\r\n") == server.npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      Text("--server '", server, "': write ADDRESS:PORT, without https:// and without a path"));
}

// The file's text, once it has what PEM calls such a thing (RFC 7468).
absl::StatusOr<std::string> ReadPem(const char* option, const fs::path& file,
                                    std::string_view label) {
  auto text = ReadFile(file);
  if (!text.ok())
    return absl::InvalidArgumentError(Text(option, " ", std::string(text.status().message())));
  for (std::size_t at = 0; (at = text->find("-----BEGIN ", at)) != text->npos; ++at) {
    const std::size_t end = text->find("-----", at + 5);
    if (end != text->npos && text->substr(at, end - at).ends_with(label)) return text;
  }
  return absl::InvalidArgumentError(
      Text(option, " ", file.string(), ": holds no ", label, " in PEM; name the file that does"));
}

absl::StatusOr<std::vector<NewText>> TextsOf(const ContextSettings& settings) {
  std::vector<NewText> texts;
  if (!settings.server.empty()) {
    if (absl::Status status = CheckServer(settings.server); !status.ok()) return status;
    texts.push_back({"management", settings.server + "\n", kPublic});
  }
  const struct {
    const char* option;
    const fs::path& file;
    std::string_view label;
    const char* name;
    unsigned mode;
  } kFiles[] = {{"--ca", settings.ca, "CERTIFICATE", "ca.pem", kPublic},
                {"--cert", settings.certificate, "CERTIFICATE", "cert.pem", kPublic},
                {"--key", settings.key, "PRIVATE KEY", "key.pem", kSecret}};
  for (const auto& each : kFiles) {
    if (each.file.empty()) continue;
    auto text = ReadPem(each.option, each.file, each.label);
    if (!text.ok()) return text.status();
    texts.push_back({each.name, *std::move(text), each.mode});
  }
  if (!settings.token.empty()) texts.push_back({"token", settings.token + "\n", kSecret});
  return texts;
}

absl::Status CheckWhole(const std::string& name, const ContextSettings& settings, bool fresh) {
  if (!IsName(name)) {
    return absl::InvalidArgumentError(
        Text("context '", name,
             "': write letters, digits, '-', '_' and '.', at most 63, a letter or digit first"));
  }
  if (settings.server.empty() && settings.token.empty() && settings.ca.empty() &&
      settings.certificate.empty() && settings.key.empty()) {
    return absl::InvalidArgumentError(Text(
        "context '", name, "': nothing is said of it; give --server, --ca, --token, or --cert ",
        "and --key", fresh ? "" : Text("; 'slipway context use ", name, "' is what takes it")));
  }
  if (settings.certificate.empty() != settings.key.empty()) {
    return absl::InvalidArgumentError("--cert and --key belong together; give both");
  }
  if (!settings.token.empty() && !settings.key.empty()) {
    return absl::InvalidArgumentError("--token and --cert: one says who you are; give one of them");
  }
  if (fresh && (settings.server.empty() || settings.ca.empty() ||
                (settings.token.empty() && settings.key.empty()))) {
    return absl::InvalidArgumentError(
        Text("context '", name,
             "' is new: name its appliance with --server ADDRESS:PORT, its ca.pem with --ca FILE, "
             "and --token TEXT (or '-': a line of the input) or --cert FILE --key FILE"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Contexts> Contexts::OfUser() {
  const char* const config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && fs::path(config).is_absolute()) {
    return Contexts(fs::path(config) / "slipway");
  }
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return Contexts(fs::path(home) / ".config/slipway");
  return absl::FailedPreconditionError(
      "neither XDG_CONFIG_HOME nor HOME says where contexts are; set one, or use --state DIR");
}

std::vector<Contexts::Entry> Contexts::List() const {
  std::vector<Entry> all;
  const std::string current = Current();
  std::error_code error;
  for (const auto& each : fs::directory_iterator(home_ / "contexts", error)) {
    const std::string name = each.path().filename();
    if (!IsName(name)) continue;
    std::string server = ReadFile(each.path() / "management").value_or("");
    while (server.ends_with('\n')) server.pop_back();
    all.push_back({name, std::move(server), name == current});
  }
  std::ranges::sort(all, {}, &Entry::name);
  return all;
}

std::string Contexts::Current() const {
  std::error_code error;
  return fs::read_symlink(home_ / "current", error).filename();
}

absl::StatusOr<fs::path> Contexts::FolderOf(const std::string& name) const {
  const fs::path folder = home_ / "contexts" / name;
  std::error_code error;
  if (IsName(name) && fs::is_directory(folder, error)) return folder;
  return absl::NotFoundError(Text("context '", name, "': there is none of this name in ",
                                  home_.string(), "; see 'slipway context list'"));
}

absl::Status Contexts::Set(const std::string& name, const ContextSettings& settings) const {
  const bool fresh = !FolderOf(name).ok();
  if (absl::Status status = CheckWhole(name, settings, fresh); !status.ok()) return status;
  const auto texts = TextsOf(settings);
  if (!texts.ok()) return texts.status();
  const fs::path folder = home_ / "contexts" / name;
  const fs::path into = fresh ? home_ / "contexts" / Text(".", name, ".new") : folder;
  std::error_code error;
  if (fresh) fs::remove_all(into, error);
  for (const fs::path& each : {home_, home_ / "contexts", into}) {
    if (absl::Status status = MakeFolder(each); !status.ok()) return status;
  }
  for (const NewText& each : *texts) {
    if (absl::Status status = WriteFile(into / each.name, each.text, each.mode); !status.ok()) {
      return status;
    }
  }
  // After the new one is there: without it, the old one still opens the door.
  std::vector<const char*> replaced;
  if (!settings.token.empty()) replaced = {"cert.pem", "key.pem"};
  if (!settings.key.empty()) replaced = {"token"};
  for (const char* file : replaced) {
    fs::remove(into / file, error);
    if (error) {
      return absl::UnavailableError(
          Text((into / file).string(), ": cannot be removed: ", error.message()));
    }
  }
  if (!fresh) return absl::OkStatus();
  fs::rename(into, folder, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(Text(folder.string(), ": cannot be made: ", error.message()));
}

absl::Status Contexts::Use(const std::string& name) const {
  if (const auto folder = FolderOf(name); !folder.ok()) return folder.status();
  const fs::path link = home_ / "current";
  const fs::path beside = home_ / ".current.new";
  std::error_code error;
  fs::remove(beside, error);
  fs::create_symlink(fs::path("contexts") / name, beside, error);
  if (!error) fs::rename(beside, link, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(Text(link.string(), ": cannot be written: ", error.message()));
}

void Contexts::UseNone() const {
  std::error_code error;
  fs::remove(home_ / "current", error);
}

absl::Status Contexts::Remove(const std::string& name) const {
  const auto folder = FolderOf(name);
  if (!folder.ok()) return folder.status();
  if (Current() == name) UseNone();
  std::error_code error;
  fs::remove_all(*folder, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(Text(folder->string(), ": cannot be removed: ", error.message()));
}

}  // namespace slipway::control
