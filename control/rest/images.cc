// SPDX-License-Identifier: Apache-2.0
//
// Image sets: GET /images, GET|PUT|DELETE /images/name:tag. PUT with a JSON body {"path": ...}
// imports what lies on the server; with any other body, that body is one file ("?file=" names it),
// or an ISO or a tar to open ("?as=tree").
#include <algorithm>

#include "control/image_store/layout.h"
#include "control/parse_json.h"
#include "control/rest/bodies.h"
#include "control/rest/routes.h"
#include "control/rest/tags.h"
#include "control/rest/upload_folder.h"
#include "control/text.h"

namespace slipway::control {
namespace {

enum class Detail : std::uint8_t { kOutcome, kAll };

// The stored verdict; null where the set was never judged.
nlohmann::json VerdictJson(const ImageSet& set, Core& core, Detail detail) {
  const auto verdict = core.VerdictOn(set);
  if (!verdict.ok() || !verdict->has_value()) return nullptr;
  auto json = ParseJson((*verdict)->document);
  if (!json.is_object()) return nullptr;
  json["is_current"] = (*verdict)->version == core.trust()->version;
  if (json.contains("refused_since")) json["is_assigned"] = core.IsAssigned(set.reference);
  if (detail == Detail::kOutcome) json.erase("files");
  return json;
}

// Where machines find the files of a set.
struct Address {
  std::string host;
  std::string path;  // "/debian/12"
};
Address AddressOf(const ImageSet& set, const Config& config) {
  Address address{.host = {}, .path = "/" + set.reference};
  std::ranges::replace(address.path, ':', '/');
  if (!config.boot_names.empty()) {
    address.host = config.boot_names.front();
  } else if (!config.ports.empty() && !config.ports.front().addresses.empty()) {
    address.host = config.ports.front().addresses.front().address.ToString();
  }
  return address;
}

// What boots the installer of a distribution's tree; null for another.
nlohmann::json LayoutJson(const ImageSet& set, Core& core) {
  const auto layout = RecogniseLayout(
      set, [&](const ImageFile& file) { return core.image_store().Beginning(file); });
  if (!layout) return nullptr;
  const Address address = AddressOf(set, core.config());
  nlohmann::json json = {{"family", layout->family},
                         {"title", Printable(layout->title)},
                         {"boots", nlohmann::json::array()},
                         {"notes", layout->notes}};
  for (const BootProposal& boot : layout->boots) {
    json["boots"].push_back({{"architecture", boot.architecture},
                             {"kernel", boot.kernel},
                             {"initrds", boot.initrds},
                             {"arguments", Filled(boot.arguments, address.host, address.path)}});
  }
  return json;
}

absl::StatusOr<TagHistory> HistoryOf(Core& core) {
  const auto entries = core.image_store().Entries();
  if (!entries.ok()) return entries.status();
  return TagHistory(*entries, core.image_store().folder());
}

nlohmann::json ToJson(const ImageSet& set, Core& core, Detail detail, const TagHistory& history) {
  nlohmann::json json = {{"created", set.created},
                         {"bytes", set.bytes()},
                         {"loaded", core.IsLoaded(set)},
                         {"boot", set.boot},
                         {"arguments", set.arguments},
                         {"labels", set.labels},
                         {"needs", set.needs},
                         {"layout", detail == Detail::kAll ? LayoutJson(set, core) : nullptr},
                         {"secure_boot", VerdictJson(set, core, detail)}};
  json.update(history.Of(set.reference, set.digest));
  json["files"] = nlohmann::json::array();
  for (const ImageFile& file : set.files) {
    json["files"].push_back({{"path", file.path},
                             {"digest", file.digest},
                             {"bytes", file.size},
                             {"media_type", file.media_type},
                             {"role", file.role},
                             {"architecture", file.architecture}});
  }
  return json;
}

void ReplySet(httplib::Response& response, const ImageSet& set, Core& core, int status = 200) {
  const auto history = HistoryOf(core);
  if (!history.ok()) return ReplyProblem(response, history.status());
  Reply(response, ToJson(set, core, Detail::kAll, *history), status);
}

void RemoveImage(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto reference = CanonicalReference(request.matches[1].str());
  if (!reference.ok()) return ReplyProblem(response, reference.status());
  const absl::Status status = core.RemoveImage(*reference, RequestActor(request));
  if (!status.ok()) return ReplyProblem(response, status);
  response.status = 204;
}

absl::StatusOr<ImportAs> FormOf(std::string_view as) {
  if (as.empty()) return ImportAs::kByName;
  if (as == "tree") return ImportAs::kTree;
  if (as == "ramdisk") return ImportAs::kRamDisk;
  return absl::InvalidArgumentError(
      "'as' is neither tree nor ramdisk; leave it out to go by the name");
}

using Words = std::map<std::string, std::string>;

// "x64=EFI/BOOT/BOOTX64.EFI,aa64=..."
Words WordsOf(std::string_view text) {
  Words words;
  while (!text.empty()) {
    const std::string_view each = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), each.size() + 1));
    const std::size_t equals = std::min(each.find('='), each.size());
    words[std::string(each.substr(0, equals))] = each.substr(std::min(equals + 1, each.size()));
  }
  return words;
}

constexpr std::uint64_t kJsonMax = 65536;  // bytes of an import's description

void ImportUpload(const httplib::Request& request, httplib::Response& response,
                  const httplib::ContentReader& reader, Core& core) {
  const std::string reference = request.matches[1];
  std::string as = request.get_param_value("as");
  // Before gigabytes are sent.
  absl::Status wanted = CheckNewName(reference);
  if (wanted.ok()) wanted = FormOf(as).status();
  if (!wanted.ok()) {
    ReplyProblem(response, wanted);
    return SettleBody(request, response);
  }
  ImportOptions options{.boot = WordsOf(request.get_param_value("boot")),
                        .arguments = {},
                        .labels = WordsOf(request.get_param_value("labels")),
                        .needs = WordsOf(request.get_param_value("needs"))};
  if (request.has_param("arguments")) {
    const std::string architecture = request.get_param_value("arch");
    options.arguments[architecture.empty() ? "any" : architecture] =
        request.get_param_value("arguments");
  }
  std::filesystem::path source;
  std::optional<UploadFolder> folder;  // for as long as the import reads from it
  if (request.get_header_value("Content-Type").starts_with("application/json")) {
    std::string text;
    // What is too much is read past all the same: a close with bytes unread is a reset, which can
    // take the answer from the client before it was read.
    std::uint64_t bytes = 0;
    const bool whole = reader([&](const char* data, std::size_t size) {
      bytes += size;
      if (bytes <= kJsonMax) text.append(data, size);
      return bytes <= kPassedOverMax;
    });
    if (!whole || bytes > kJsonMax) {
      ReplyProblem(response, 400, "an import's JSON has at most 64 KiB; send it whole");
      return whole ? void() : EndConnection(response);
    }
    const auto body = ParseJson(text);
    if (const auto unknown =
            UnknownField(body, {"path", "as", "boot", "arguments", "labels", "needs"})) {
      return ReplyProblem(response, 400, *unknown);
    }
    if (!body.is_object() || !body.contains("path") || !body["path"].is_string()) {
      return ReplyProblem(response, 400, "the body names no path; send {\"path\": \"/dir\"}");
    }
    // The daemon reads more of this host than an operator may: its keys and the first token.
    if (!May(RequestActor(request), Role::kAdmin)) {
      return ReplyProblem(response, 403,
                          "a path of the server is imported by an admin only; send the file, or "
                          "push the image set to /v2");
    }
    source = body["path"].get<std::string>();
    as = body.value("as", as);
    options.boot = body.value("boot", options.boot);
    options.arguments = body.value("arguments", options.arguments);
    options.labels = body.value("labels", options.labels);
    options.needs = body.value("needs", options.needs);
  } else {
    folder = UploadFolder::Make(core.config().state_directory, request, response);
    if (!folder) return;
    const auto file = folder->Receive(request, response, reader, core.config().upload_max);
    if (!file) return;
    source = *file;
  }
  const auto form = FormOf(as);
  if (!form.ok()) return ReplyProblem(response, form.status());
  options.as = *form;
  const auto set = core.ImportImage(source, reference, options, RequestActor(request));
  if (!set.ok()) return ReplyProblem(response, set.status());
  ReplySet(response, *set, core, 201);
}

}  // namespace

void AddImages(Router& router, Core& core) {
  router.Get("/api/v1/images", [&core](const httplib::Request& request,
                                       httplib::Response& response) {
    const auto sets = core.Images();
    if (!sets.ok()) return ReplyProblem(response, sets.status());
    const auto history = HistoryOf(core);
    if (!history.ok()) return ReplyProblem(response, history.status());
    ReplyPage(
        request, response,
        {.size = sets->size(),
         .key = [&](std::size_t i) { return (*sets)[i].reference; },
         .item =
             [&](std::size_t i) { return ToJson((*sets)[i], core, Detail::kOutcome, *history); }});
  });
  router.Get("/api/v1/images/{reference+}", [&core](const httplib::Request& request,
                                                    httplib::Response& response) {
    const auto sets = core.Images();
    if (!sets.ok()) return ReplyProblem(response, sets.status());
    const auto reference = CanonicalReference(request.matches[1].str());
    if (!reference.ok()) return ReplyProblem(response, reference.status());
    for (const ImageSet& set : *sets) {
      if (set.reference == *reference) return ReplySet(response, set, core);
    }
    ReplyProblem(response, 404, Text(*reference, ": no such image set; see 'slipway image list'"));
  });
  router.Put("/api/v1/images/{reference+}",
             [&core](const httplib::Request& request, httplib::Response& response,
                     const httplib::ContentReader& reader) {
               ImportUpload(request, response, reader, core);
             });
  router.Delete("/api/v1/images/{reference+}",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  RemoveImage(request, response, core);
                });
}

}  // namespace slipway::control
