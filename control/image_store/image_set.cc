// SPDX-License-Identifier: Apache-2.0
//
// ImageSet: see the header. JSON is read without exceptions: every value is asked for its type.
#include "control/image_store/image_set.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/image_store/digest.h"
#include "control/image_store/oci.h"
#include "control/image_store/refusal.h"
#include "control/parse_json.h"

namespace slipway::control {
namespace {

using Json = nlohmann::json;

constexpr const char* kTitle = "org.opencontainers.image.title";
constexpr std::string_view kBootPrefix = "dev.slipway.boot.";
constexpr std::string_view kArgumentsPrefix = "dev.slipway.arguments.";
constexpr std::string_view kLabelPrefix = "dev.slipway.label.";
constexpr std::string_view kNeedsPrefix = "dev.slipway.needs.";
constexpr const char* kRole = "dev.slipway.role";
constexpr const char* kArchitecture = "dev.slipway.architecture";
// The blob "{}", as image-spec 1.1 has it for artifacts without a configuration.
constexpr std::string_view kEmptyDigest =
    "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

absl::Status Malformed(const std::string& where, const std::string& what) {
  return Refuse(absl::StatusCode::kDataLoss,
                {.where = where,
                 .what = what,
                 .rule = "a manifest is written by an import and never changed",
                 .remedy = "import the image set again"});
}

std::string TextAt(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Before image-spec 1.1 an artifact's type was its configuration's.
std::string ArtifactTypeOf(const Json& manifest) {
  std::string type = TextAt(manifest, "artifactType");
  if (!type.empty() || !manifest.is_object()) return type;
  const auto config = manifest.find("config");
  return config == manifest.end() ? type : TextAt(*config, "mediaType");
}

bool IsWithin(std::string_view text, std::string_view marks, bool capitals) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (capitals && c >= 'A' && c <= 'Z') ||
           marks.find(c) != marks.npos;
  });
}

bool IsAlphanumeric(char c) { return IsWithin({&c, 1}, "", true); }

constexpr std::size_t kPathMax = 512;  // bytes

// Bytes of the character that the text begins with; 0 where it is no UTF-8 (RFC 3629 section 4).
std::size_t CharacterAt(std::string_view text) {
  const auto at = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const unsigned first = at(0);
  if (first < 0x80) return text.empty() ? 0 : 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  // Overlong forms, surrogates and what is beyond U+10FFFF, by the second byte.
  const unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (first < 0xc2 || first > 0xf4 || at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (at(i) < 0x80 || at(i) > 0xbf) return 0;
  }
  return length;
}

absl::StatusOr<ImageFile> ParseLayer(const Json& layer, const std::string& where) {
  const std::string digest = HexOf(TextAt(layer, "digest"));
  const auto size = layer.is_object() ? layer.find("size") : layer.end();
  if (digest.empty() || size == layer.end() || !size->is_number_unsigned()) {
    return Malformed(where, "a layer without digest and size");
  }
  const auto found = layer.find("annotations");
  const Json none;
  const Json& annotations = found == layer.end() ? none : *found;
  const auto path = SanitizePath(TextAt(annotations, kTitle));
  if (!path.ok()) return Malformed(where, std::string(path.status().message()));
  return ImageFile{.path = *path,
                   .digest = digest,
                   .size = size->get<std::uint64_t>(),
                   .media_type = TextAt(layer, "mediaType"),
                   .role = TextAt(annotations, kRole),
                   .architecture = TextAt(annotations, kArchitecture)};
}

Json LayerOf(const ImageFile& file) {
  Json annotations = {{kTitle, file.path}};
  if (!file.role.empty()) annotations[kRole] = file.role;
  if (!file.architecture.empty()) annotations[kArchitecture] = file.architecture;
  return {{"mediaType", file.media_type},
          {"digest", std::string(kDigestPrefix) + file.digest},
          {"size", file.size},
          {"annotations", annotations}};
}

// Where an annotation of the set goes; null where it is of no kind that is known.
std::map<std::string, std::string>* PlaceOf(ImageSet& set, std::string_view& key) {
  const std::pair<std::string_view, std::map<std::string, std::string>*> places[] = {
      {kBootPrefix, &set.boot},
      {kArgumentsPrefix, &set.arguments},
      {kLabelPrefix, &set.labels},
      {kNeedsPrefix, &set.needs}};
  for (const auto& [prefix, place] : places) {
    if (!key.starts_with(prefix)) continue;
    key.remove_prefix(prefix.size());
    return place;
  }
  return nullptr;
}

}  // namespace

std::uint64_t ImageSet::bytes() const {
  std::uint64_t sum = 0;
  for (const ImageFile& file : files) sum += file.size;
  return sum;
}

const ImageFile* ImageSet::Find(std::string_view path) const {
  const auto found = std::ranges::find(files, path, &ImageFile::path);
  return found == files.end() ? nullptr : &*found;
}

const ImageFile* ImageSet::BootFile(const std::string& architecture) const {
  auto found = boot.find(architecture);
  if (found == boot.end()) found = boot.find("any");
  return found == boot.end() ? nullptr : Find(found->second);
}

std::string ManifestOf(const ImageSet& set) {
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                   {"artifactType", kArtifactType},
                   {"config",
                    {{"mediaType", "application/vnd.oci.empty.v1+json"},
                     {"digest", std::string(kDigestPrefix) + std::string(kEmptyDigest)},
                     {"size", 2}}},
                   {"layers", Json::array()},
                   {"annotations", Json::object()}};
  for (const ImageFile& file : set.files) manifest["layers"].push_back(LayerOf(file));
  const std::pair<std::string_view, const std::map<std::string, std::string>&> kinds[] = {
      {kBootPrefix, set.boot},
      {kArgumentsPrefix, set.arguments},
      {kLabelPrefix, set.labels},
      {kNeedsPrefix, set.needs}};
  for (const auto& [prefix, values] : kinds) {
    for (const auto& [key, value] : values) {
      manifest["annotations"][std::string(prefix) + key] = value;
    }
  }
  return manifest.dump(2) + "\n";
}

absl::StatusOr<ImageSet> ParseManifest(const std::string& text, const std::string& where) {
  const Json manifest = ParseJson(text);
  if (ArtifactTypeOf(manifest) != kArtifactType) {
    return Malformed(where, "not the manifest of an image set");
  }
  const auto layers = manifest.find("layers");
  if (layers == manifest.end() || !layers->is_array()) return Malformed(where, "no layers");
  ImageSet set;
  for (const Json& layer : *layers) {
    auto file = ParseLayer(layer, where);
    if (!file.ok()) return file.status();
    if (set.Find(file->path) != nullptr) return Malformed(where, file->path + " stands twice");
    set.files.push_back(*std::move(file));
  }
  const auto annotations = manifest.find("annotations");
  if (annotations == manifest.end() || !annotations->is_object()) return set;
  for (const auto& [key, value] : annotations->items()) {
    std::string_view name = key;
    auto* const place = PlaceOf(set, name);
    if (place == nullptr) continue;
    const bool is_boot = place == &set.boot;
    if (!value.is_string() || (is_boot && set.Find(value.get<std::string>()) == nullptr)) {
      return Malformed(where, key + (is_boot ? " names no file of the set" : " is no text"));
    }
    (*place)[std::string(name)] = value.get<std::string>();
  }
  return set;
}

std::string PathFault(std::string_view path) {
  if (path.starts_with('/')) return "is absolute";
  if (path.size() > kPathMax) return "is longer than " + std::to_string(kPathMax) + " bytes";
  for (std::size_t i = 0; i < path.size();) {
    const std::size_t length = CharacterAt(path.substr(i));
    if (length == 0) return "is not UTF-8";
    const auto value = static_cast<unsigned char>(path[i]);
    if (value < 0x20 || value == 0x7f) return "has a control character";
    if (value == '\\') return "has a backslash";
    i += length;
  }
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t slash = rest.find('/');
    if (rest.substr(0, slash) == "..") return "leads out of the tree by \"..\"";
    rest.remove_prefix(slash == rest.npos ? rest.size() : slash + 1);
  }
  return {};
}

std::string Printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  while (!text.empty()) {
    const std::size_t length = CharacterAt(text);
    const auto value = static_cast<unsigned char>(text.front());
    if (length == 0 || value < 0x20 || value == 0x7f) {
      shown += "\\x";
      shown += kDigits[value >> 4];
      shown += kDigits[value & 15];
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return shown;
}

absl::StatusOr<std::string> SanitizePath(std::string_view path) {
  const std::string fault = PathFault(path);
  std::string clean;
  while (fault.empty() && !path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  if (!clean.empty()) return clean;
  return Refuse(absl::StatusCode::kInvalidArgument, {.where = "path \"" + Printable(path) + "\"",
                                                     .what = "cannot name a file of an image set" +
                                                             (fault.empty() ? "" : ": it " + fault),
                                                     .rule = kPathRule,
                                                     .remedy = "rename the file"});
}

absl::StatusOr<std::string> CanonicalReference(std::string_view reference) {
  const std::size_t colon = reference.find(':');
  const std::string_view name = reference.substr(0, colon);
  const std::string_view tag = colon == reference.npos ? "latest" : reference.substr(colon + 1);
  bool ok = !name.empty() && name.size() <= 200 && IsWithin(name, "._-/", false) &&
            name.find("//") == name.npos && name.find("..") == name.npos;
  ok = ok && IsAlphanumeric(name.front()) && IsAlphanumeric(name.back());
  ok = ok && !tag.empty() && tag.size() <= 128 && IsWithin(tag, "._-", true) &&
       (IsAlphanumeric(tag.front()) || tag.front() == '_');
  if (!ok) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  {.where = "reference \"" + std::string(reference) + "\"",
                   .what = "not name:tag",
                   .rule = "names are lower-case letters, digits, '.', '_', '-' and '/'; tags may "
                           "have capitals, and no '/'",
                   .remedy = "use one like debian-installer:12.5"});
  }
  return std::string(name) + ":" + std::string(tag);
}

absl::Status CheckNewName(std::string_view reference) {
  if (reference.substr(0, reference.find(':')) != kKeptName) return absl::OkStatus();
  return Refuse(absl::StatusCode::kInvalidArgument,
                {.where = "reference \"" + std::string(reference) + "\"",
                 .what = "no image set may have the name \"" + std::string(kKeptName) + "\"",
                 .rule = "machines find their documents at /machine/MAC/NAME, which its files "
                         "would hide",
                 .remedy = "give it another name, such as machines:12.5"});
}

}  // namespace slipway::control
