// SPDX-License-Identifier: Apache-2.0
#include "control/secure_boot/sbat.h"

#include <algorithm>
#include <charconv>

#include "control/secure_boot/little_endian.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kSectionFields = 6;
constexpr std::size_t kLevelFields = 2;
constexpr std::size_t kVendorField = 2;
constexpr std::size_t kVersionField = 4;
constexpr std::size_t kDateField = 2;  // of a level's first line
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

absl::Status Malformed(std::string_view what) {
  return absl::InvalidArgumentError(Text("SBAT is malformed: ", what));
}

std::vector<std::string_view> Split(std::string_view text, std::string_view marks) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find_first_of(marks);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// As atoi: digits at the beginning, else zero. What would overflow is as large as can be.
std::uint32_t Generation(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc::result_out_of_range ? UINT32_MAX : number;
}

absl::StatusOr<Sbat> ParseLines(std::string_view text, std::size_t fields_min) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text = text.substr(0, text.find('\0'));
  Sbat sbat;
  for (const std::string_view line : Split(text, "\r\n")) {
    if (line.empty()) continue;
    const auto printable = [](char c) {
      return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    };
    if (!std::ranges::all_of(line, printable)) return Malformed("it is no text");
    const auto fields = Split(line, ",");
    if (fields.size() < fields_min) {
      return Malformed(Text("the line \"", line.substr(0, 80), "\" has ", fields.size(),
                            " fields instead of ", fields_min));
    }
    SbatEntry entry{.component = std::string(fields[0]), .generation = Generation(fields[1])};
    if (fields.size() >= kSectionFields && fields_min == kSectionFields) {
      entry.vendor = fields[kVendorField];
      entry.version = fields[kVersionField];
    } else if (fields.size() > kDateField) {
      entry.version = fields[kDateField];
    }
    sbat.push_back(std::move(entry));
  }
  if (sbat.empty() || sbat.front().component != "sbat") {
    return Malformed("its first line is not that of \"sbat\" itself");
  }
  return sbat;
}

}  // namespace

absl::StatusOr<Sbat> ParseSbat(Bytes section) {
  return ParseLines(AsText(section), kSectionFields);
}
absl::StatusOr<Sbat> ParseSbatLevel(Bytes level) { return ParseLines(AsText(level), kLevelFields); }

absl::StatusOr<std::optional<SbatLevels>> ReadSbatLevels(const PeImage& image) {
  const PeSection* section = image.Find(".sbatlevel");
  if (section == nullptr) return std::optional<SbatLevels>();
  // A version (0), then where the two texts are, counted from after the version.
  constexpr std::size_t kBase = 4;
  LittleEndianView view(section->content);
  const std::uint32_t version = view.U32(0);
  const std::size_t automatic = kBase + view.U32(4);
  const std::size_t latest = kBase + view.U32(8);
  if (!view.ok() || version != 0 || automatic > section->content.size() ||
      latest > section->content.size()) {
    return Malformed(".sbatlevel is none as shim has it");
  }
  const auto first = ParseSbatLevel(section->content.subspan(automatic));
  if (!first.ok()) return first.status();
  const auto second = ParseSbatLevel(section->content.subspan(latest));
  if (!second.ok()) return second.status();
  return SbatLevels{.automatic = *first, .latest = *second};
}

std::optional<SbatRevocation> FindRevoked(const Sbat& sbat, const Sbat& level) {
  for (const SbatEntry& entry : sbat) {
    for (const SbatEntry& wanted : level) {
      if (entry.component == wanted.component && entry.generation < wanted.generation) {
        return SbatRevocation{.entry = entry, .wanted = wanted.generation};
      }
    }
  }
  return std::nullopt;
}

const Sbat& NewerLevel(const Sbat& a, const Sbat& b) {
  const auto date = [](const Sbat& level) -> std::string_view {
    return level.empty() ? std::string_view() : std::string_view(level.front().version);
  };
  return date(b) > date(a) ? b : a;
}

}  // namespace slipway::control
