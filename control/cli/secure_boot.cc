// SPDX-License-Identifier: Apache-2.0
#include "control/cli/secure_boot.h"

#include "control/cli/table.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using Json = nlohmann::json;

Json ListAt(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_array() ? object[key]
                                                                              : Json::array();
}

std::string FileText(const Json& file) {
  std::string text =
      Text("  ", Cell(file, "path"), " (",
           Cell(file, "architecture").empty() ? "unknown" : Cell(file, "architecture"),
           Cell(file, "role").empty() ? "" : ", boot file", "): ", Cell(file, "words"), '\n');
  if (file.contains("uki") && file["uki"].is_object()) {
    const Json& uki = file["uki"];
    text += Text("    kernel ", Cell(uki, "kernel"), ", ", Cell(uki, "system"),
                 "\n    arguments: ", Cell(uki, "command_line"), '\n');
  }
  for (const Json& finding : ListAt(file, "findings")) {
    text += Text("    ", Cell(finding, "severity"), " [", Cell(finding, "code"),
                 "]: ", Cell(finding, "words"), '\n');
    if (const std::string remedy = Cell(finding, "remedy"); !remedy.empty()) {
      text += Text("      -> ", remedy, '\n');
    }
  }
  return text;
}

}  // namespace

std::string OutcomeText(const Json& verdict) {
  if (!verdict.is_object()) return "";
  std::string outcome = Cell(verdict, "outcome");
  if (!verdict.contains("refused_since")) return outcome;
  const Column since{.title = {}, .key = "refused_since", .moment = true};
  return Text(outcome, " since ", Cell(verdict, since).substr(0, 10),  // the day
              Cell(verdict, "is_assigned") == "yes" ? ", still served" : "");
}

std::string VerdictText(const Json& verdict) {
  if (!verdict.is_object()) {
    return "Secure Boot: not judged yet; 'slipway secure-boot recheck' does\n";
  }
  std::string text =
      Text("Secure Boot: ", OutcomeText(verdict), "\n  ", Cell(verdict, "words"), '\n');
  for (const Json& file : ListAt(verdict, "files")) text += FileText(file);
  for (const Json& source : ListAt(verdict, "judged_by")) {
    text += Text("  judged by ", source.is_string() ? source.get<std::string>() : "", '\n');
  }
  if (verdict.contains("is_current") && verdict["is_current"] == false) {
    text += "  what is trusted has changed since; 'slipway secure-boot recheck' judges anew\n";
  }
  return text;
}

std::string TrustText(const Json& trust) {
  std::string text = Text("policy: ", Cell(trust, "policy"), '\n');
  if (const std::string refused = Cell(trust, "refused"); !refused.empty()) {
    text += Text("changed since, and not read: ", refused, '\n');
  }
  for (const Json& source : ListAt(trust, "sources")) {
    text += Text("from: ", source.is_string() ? source.get<std::string>() : "", '\n');
  }
  for (const Json& certificate : ListAt(trust, "db")) {
    text +=
        Text("db: ", Cell(certificate, "name"), " (sha256 ", Cell(certificate, "sha256"), ")\n");
  }
  text += Text("db: ", Cell(trust, "db_digests"),
               " digests of images\ndbx: ", Cell(trust, "dbx_digests"), " digests of images, ",
               Cell(trust, "dbx_certificates"), " certificates\n");
  if (!trust.contains("sbat_level")) return text;
  for (const auto& [component, generation] : trust["sbat_level"].items()) {
    text +=
        Text("SBAT level: ", component, ' ', Cell(trust["sbat_level"], component.c_str()), '\n');
  }
  return text;
}

}  // namespace slipway::control
