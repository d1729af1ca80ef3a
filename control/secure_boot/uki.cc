// SPDX-License-Identifier: Apache-2.0
#include "control/secure_boot/uki.h"

#include <algorithm>

#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kShownMax = 4096;  // bytes of a text that are kept

// Up to a NUL, without what no terminal should be sent.
std::string TextOf(const PeSection* section) {
  if (section == nullptr) return {};
  const std::string_view bytes = AsText(section->content);
  std::string text(bytes.substr(0, std::min(bytes.find('\0'), kShownMax)));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::ranges::replace_if(
      text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f; },
      '?');
  return text;
}

// The value of a key of os-release(5), without its quotes.
std::string ValueOf(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(key) || !line.substr(key.size()).starts_with('=')) continue;
    line.remove_prefix(key.size() + 1);
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') &&
        line.front() == line.back()) {
      line = line.substr(1, line.size() - 2);
    }
    return std::string(line);
  }
  return {};
}

}  // namespace

std::optional<Uki> ReadUki(const PeImage& image) {
  const PeSection* linux_section = image.Find(".linux");
  const PeSection* command_line = image.Find(".cmdline");
  const PeSection* initrd = image.Find(".initrd");
  if (linux_section == nullptr && command_line == nullptr && initrd == nullptr) return std::nullopt;
  Uki uki{.has_linux = linux_section != nullptr,
          .has_initrd = initrd != nullptr,
          .kernel = TextOf(image.Find(".uname")),
          .system = ValueOf(TextOf(image.Find(".osrel")), "PRETTY_NAME"),
          .command_line = TextOf(command_line)};
  if (linux_section == nullptr) {
    uki.fault = "it has sections of a unified kernel image, but no kernel (.linux)";
    return uki;
  }
  const auto kernel = ParsePe(linux_section->content);
  if (!kernel.ok()) {
    uki.fault =
        Text("its kernel (.linux) is no EFI program: ",
             std::string(kernel.status().message().data(), kernel.status().message().size()));
  } else if (kernel->machine != image.machine) {
    uki.fault =
        Text("its kernel is for ", kernel->architecture, ", its stub for ", image.architecture);
  }
  return uki;
}

}  // namespace slipway::control
