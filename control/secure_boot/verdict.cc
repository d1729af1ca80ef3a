// SPDX-License-Identifier: Apache-2.0
//
// A set judged: shims first, since what is behind them depends on them.
#include "control/secure_boot/verdict.h"

#include <algorithm>
#include <map>

#include "control/secure_boot/judge.h"
#include "control/text.h"

namespace slipway::control {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// shim's DEFAULT_LOADER: GRUB of its architecture, beside it.
std::string SecondStage(const FileVerdict& shim) {
  const std::size_t slash = shim.path.rfind('/');
  const std::string folder = slash == shim.path.npos ? "" : shim.path.substr(0, slash + 1);
  return Lower(Text(folder, "grub", shim.architecture, ".efi"));
}

bool IsBootFile(const FileVerdict& file) { return !file.role.empty() && file.role != "any"; }

void Conclude(SetVerdict& set, const std::vector<std::string>& second_stages) {
  constexpr std::string_view kNone =
      "no EFI program is a boot file of it; what lies inside a disk image is not looked at";
  set.outcome = Outcome::kNotJudged;
  set.words = kNone;
  const auto worse = [](Outcome outcome) {
    return outcome == Outcome::kRefused ? 3 : outcome == Outcome::kUnknown ? 2 : 1;
  };
  const auto count = [&](const FileVerdict& file) {
    if (set.outcome != Outcome::kNotJudged && worse(file.outcome) <= worse(set.outcome)) return;
    set.outcome = file.outcome;
    set.words = Text(file.path, ": ", file.words);
  };
  // Boot files speak first; what comes after them only where it is worse.
  for (const FileVerdict& file : set.files) {
    if (IsBootFile(file)) count(file);
  }
  for (const FileVerdict& file : set.files) {
    if (std::ranges::find(second_stages, Lower(file.path)) != second_stages.end()) count(file);
  }
}

}  // namespace

std::string_view WordOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAccepted:
      return "accepted";
    case Outcome::kAcceptedByShim:
      return "accepted-by-shim";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kUnknown:
      return "unknown";
    case Outcome::kNotJudged:
      return "not-judged";
  }
  return "";
}

std::string_view WordOf(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kRefusal:
      return "refusal";
  }
  return "";
}

bool FileVerdict::Has(std::string_view code) const {
  return std::ranges::find(findings, code, &Finding::code) != findings.end();
}

SetVerdict JudgeSet(const std::vector<JudgedFile>& files, const FirmwareTrust& trust) {
  std::vector<Shim> shims;
  std::vector<std::string> second_stages;
  std::map<std::string, FileVerdict> verdicts;
  const std::vector<Shim> none;
  for (const JudgedFile& file : files) {
    const auto image = ParsePe(file.bytes);
    if (!image.ok()) continue;
    auto shim = ReadShim(*image, file.path);
    if (!shim.ok() || !shim->has_value()) continue;
    FileVerdict verdict = JudgeFile(file, {.trust = trust, .shims = none});
    if (IsBootFile(verdict)) second_stages.push_back(SecondStage(verdict));
    // One that firmware refuses never runs, and so accepts nothing.
    if (verdict.outcome != Outcome::kRefused) shims.push_back(**std::move(shim));
    verdicts.emplace(file.path, std::move(verdict));
  }
  SetVerdict set;
  for (const JudgedFile& file : files) {
    if (!LooksLikePe(file.bytes)) {
      if (file.role.empty() || file.role == "any") continue;
    }
    if (const auto judged = verdicts.find(file.path); judged != verdicts.end()) {
      set.files.push_back(std::move(judged->second));
      continue;
    }
    const bool is_second =
        std::ranges::find(second_stages, Lower(file.path)) != second_stages.end();
    set.files.push_back(
        JudgeFile(file, {.trust = trust, .shims = shims, .is_second_stage = is_second}));
  }
  const auto has = [&](const std::string& path) {
    return std::ranges::any_of(files, [&](const JudgedFile& f) { return Lower(f.path) == path; });
  };
  for (FileVerdict& file : set.files) {
    if (file.vendors.empty() || !IsBootFile(file) || has(SecondStage(file))) continue;
    file.findings.push_back(
        {Severity::kWarning, "no-second-stage",
         Text("shim loads ", SecondStage(file), " next, which is not in the set"),
         "import shim and GRUB as one folder"});
  }
  Conclude(set, second_stages);
  return set;
}

}  // namespace slipway::control
