// SPDX-License-Identifier: Apache-2.0
#include "control/serve/image_check.h"

#include <algorithm>
#include <vector>

#include "control/parse_json.h"
#include "control/serve/mapped_file.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using Json = nlohmann::json;

Json ToJson(const SignatureVerdict& signature) {
  Json json = {{"algorithm", signature.algorithm},
               {"accepted_by", signature.accepted_by},
               {"refused", signature.refused},
               {"chain", Json::array()}};
  for (const Certificate& certificate : signature.chain) {
    json["chain"].push_back({{"name", certificate.name},
                             {"subject", certificate.subject},
                             {"issuer", certificate.issuer},
                             {"sha256", certificate.fingerprint}});
  }
  return json;
}

Json ToJson(const FileVerdict& file) {
  Json json = {{"path", file.path},
               {"architecture", file.architecture},
               {"role", file.role},
               {"authenticode_sha256", file.digest},
               {"outcome", WordOf(file.outcome)},
               {"words", file.words},
               {"shim_vendors", file.vendors},
               {"signatures", Json::array()},
               {"findings", Json::array()},
               {"sbat", Json::array()}};
  for (const SignatureVerdict& signature : file.signatures) {
    json["signatures"].push_back(ToJson(signature));
  }
  for (const Finding& finding : file.findings) {
    json["findings"].push_back({{"severity", WordOf(finding.severity)},
                                {"code", finding.code},
                                {"words", finding.words},
                                {"remedy", finding.remedy}});
  }
  for (const SbatEntry& entry : file.sbat) {
    json["sbat"].push_back({{"component", entry.component},
                            {"generation", entry.generation},
                            {"vendor", entry.vendor},
                            {"version", entry.version}});
  }
  if (file.uki) {
    json["uki"] = {{"system", file.uki->system},
                   {"kernel", file.uki->kernel},
                   {"command_line", file.uki->command_line},
                   {"initrd", file.uki->has_initrd}};
  }
  return json;
}

}  // namespace

absl::StatusOr<SetVerdict> JudgeImageSet(
    const ImageSet& set, const FirmwareTrust& trust,
    const std::function<std::filesystem::path(const std::string&)>& blob_path) {
  std::vector<MappedFile> mapped;
  mapped.reserve(set.files.size());
  std::vector<JudgedFile> files;
  for (const ImageFile& file : set.files) {
    auto opened = MappedFile::Open(blob_path(file.digest));
    if (!opened.ok()) return opened.status();
    mapped.push_back(*std::move(opened));
    const auto role = std::ranges::find_if(
        set.boot, [&](const auto& entry) { return entry.second == file.path; });
    files.push_back({.path = file.path,
                     .role = role == set.boot.end() ? std::string() : role->first,
                     .bytes = mapped.back().bytes()});
  }
  return JudgeSet(files, trust);
}

absl::StatusOr<SetVerdict> JudgeLooseFile(const std::filesystem::path& file,
                                          const std::string& role, const FirmwareTrust& trust) {
  const auto mapped = MappedFile::Open(file);
  if (!mapped.ok()) return mapped.status();
  JudgedFile judged{.path = file.filename().string(), .role = role, .bytes = mapped->bytes()};
  if (role.empty()) {
    const auto image = ParsePe(judged.bytes);
    // Judged as what machines of its own architecture boot.
    if (image.ok()) judged.role = image->architecture;
  }
  SetVerdict verdict = JudgeSet({judged}, trust);
  // One that is malformed has no architecture and so no role; it is refused all the same.
  if (verdict.outcome == Outcome::kNotJudged && !verdict.files.empty()) {
    verdict.outcome = verdict.files.front().outcome;
    verdict.words = Text(judged.path, ": ", verdict.files.front().words);
  }
  return verdict;
}

nlohmann::json ToJson(const SetVerdict& verdict) {
  Json json = {
      {"outcome", WordOf(verdict.outcome)}, {"words", verdict.words}, {"files", Json::array()}};
  for (const FileVerdict& file : verdict.files) json["files"].push_back(ToJson(file));
  // Texts out of a program are any bytes; JSON's must be UTF-8.
  return ParseJson(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

nlohmann::json ToJson(const FirmwareTrust& trust) {
  Json json = {{"sources", trust.sources},    {"version", trust.version},
               {"db", Json::array()},         {"db_digests", 0},
               {"dbx_certificates", 0},       {"dbx_digests", 0},
               {"sbat_level", Json::object()}};
  std::size_t digests = 0;
  for (const DatabaseEntry& entry : trust.db) {
    const bool is_certificate = entry.kind == DatabaseEntryKind::kCertificate;
    const auto certificate = is_certificate ? ReadCertificate(AsBytes(entry.data))
                                            : absl::StatusOr<Certificate>(absl::NotFoundError(""));
    if (certificate.ok()) {
      json["db"].push_back({{"name", certificate->name}, {"sha256", certificate->fingerprint}});
    } else {
      ++digests;
    }
  }
  json["db_digests"] = digests;
  const auto revoked_digests =
      std::ranges::count(trust.dbx, DatabaseEntryKind::kImageDigest, &DatabaseEntry::kind);
  json["dbx_digests"] = revoked_digests;
  json["dbx_certificates"] = static_cast<std::ptrdiff_t>(trust.dbx.size()) - revoked_digests;
  for (const SbatEntry& entry : trust.sbat_level) {
    json["sbat_level"][entry.component] = entry.generation;
  }
  return json;
}

std::string RefusalOf(const SetVerdict& verdict) {
  std::string remedy;
  for (const FileVerdict& file : verdict.files) {
    if (file.outcome != Outcome::kRefused || !remedy.empty()) continue;
    for (const Finding& finding : file.findings) {
      if (finding.severity == Severity::kRefusal && remedy.empty()) remedy = finding.remedy;
    }
  }
  return Text("firmware under Secure Boot would not boot it: ", verdict.words, "; ", remedy,
              "; or set secure_boot.policy = \"warn\"");
}

}  // namespace slipway::control
