// SPDX-License-Identifier: Apache-2.0
//
// From evidence to words. Each step adds findings; the outcome is made of them at the end.
#include "control/secure_boot/judge.h"

#include <algorithm>
#include <array>

#include "control/secure_boot/authorities.h"
#include "control/secure_boot/evidence.h"
#include "control/text.h"

namespace slipway::control {
namespace {

std::string MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

class FileJudge {
 public:
  FileJudge(const JudgedFile& file, const JudgeContext& context)
      : context_(context), trust_(context.trust), file_(file) {
    verdict_.path = file.path;
    verdict_.role = file.role;
  }

  FileVerdict Judge() && {
    auto image = ParsePe(file_.bytes);
    if (!image.ok()) {
      Refuse("malformed", Text("it is no well-formed EFI program: ", MessageOf(image.status())),
             "bring the file again, whole and unchanged");
      return Concluded();
    }
    image_ = *std::move(image);
    verdict_.architecture = image_.architecture;
    CheckStructure();
    CheckUki();
    const FileEvidence evidence(image_);
    verdict_.digest = Hex(AsBytes(evidence.digest()));
    DescribeSignatures(evidence);
    ReadOwnSbat();
    const SignatureDatabase* const allowed[] = {&trust_.db};
    const SignatureDatabase* const revoked[] = {&trust_.dbx};
    firmware_ = evidence.Ask(allowed, revoked);
    if (!firmware_.forbidden_code.empty()) {
      Refuse(firmware_.forbidden_code, firmware_.forbidden_words,
             "bring a newer version of it, which its vendor signed after the revocation");
    }
    CheckShimItself();
    AskShims(evidence);
    if (firmware_.is_accepted) {
      NoteAuthority(evidence);
    } else {
      ExplainRefusal();
    }
    return Concluded();
  }

 private:
  void Add(Severity severity, std::string code, std::string words, std::string remedy) {
    verdict_.findings.push_back({severity, std::move(code), std::move(words), std::move(remedy)});
  }
  void Refuse(std::string code, std::string words, std::string remedy) {
    Add(Severity::kRefusal, std::move(code), std::move(words), std::move(remedy));
  }

  void CheckStructure() {
    if (!verdict_.role.empty() && verdict_.role != "any" && verdict_.role != image_.architecture) {
      Refuse("wrong-architecture",
             Text("it is the boot file for ", verdict_.role, ", but a program for ",
                  image_.architecture.empty() ? Text("machine type ", image_.machine)
                                              : std::string(image_.architecture)),
             Text("name the right one: --boot ", verdict_.role, "=PATH"));
    }
    if (!image_.has_efi_subsystem()) {
      Refuse("not-an-efi-program",
             Text("its subsystem is ", image_.subsystem, ", and UEFI loads 10, 11 and 12 alone"),
             "bring an EFI program");
    }
    if (!image_.certificate_table_fault.empty()) {
      Refuse("certificate-table", image_.certificate_table_fault,
             "sign it again, or bring the file again, whole and unchanged");
    }
    if (image_.is_signed() && image_.certificate_table_offset % 8 != 0) {
      Add(Severity::kWarning, "certificate-table-alignment",
          "its certificate table does not begin at a multiple of eight bytes, as the PE format has "
          "it; some firmware refuses that",
          "sign it again, with sbsign");
    }
  }

  void CheckUki() {
    verdict_.uki = ReadUki(image_);
    if (verdict_.uki && !verdict_.uki->fault.empty()) {
      Refuse("uki", verdict_.uki->fault, "build the unified kernel image again");
    }
  }

  void DescribeSignatures(const FileEvidence& evidence) {
    for (const FileEvidence::Signature& signature : evidence.signatures()) {
      SignatureVerdict described{.refused = signature.fault};
      if (signature.content) {
        described.chain = signature.content->chain();
        described.algorithm = NameOf(signature.content->algorithm());
        if (signature.fault.empty()) {
          described.accepted_by = NamesThatVouch(*signature.content, trust_.db);
        }
      }
      if (!signature.is_malformed && !signature.fault.empty()) {
        Add(Severity::kWarning, signature.content && !signature.fits ? "changed" : "passed-over",
            Text("a signature counts for nothing: ", signature.fault),
            "sign it again, or bring the file again, whole and unchanged");
      }
      verdict_.signatures.push_back(std::move(described));
    }
  }

  void ReadOwnSbat() {
    const PeSection* section = image_.Find(".sbat");
    if (section == nullptr) return;
    auto sbat = ParseSbat(section->content);
    if (sbat.ok()) {
      verdict_.sbat = *std::move(sbat);
    } else {
      sbat_fault_ = MessageOf(sbat.status());
      Add(Severity::kWarning, "sbat-malformed", sbat_fault_,
          "shim refuses it, firmware does not look: build it again with its .sbat mended");
    }
  }

  // A shim asks of itself what it asks of others.
  void CheckShimItself() {
    const auto shim = ReadShim(image_, file_.path);
    if (!shim.ok()) {
      Refuse("shim-malformed", MessageOf(shim.status()), "bring the distribution's shim unchanged");
      return;
    }
    if (!shim->has_value()) return;
    for (const DatabaseEntry& entry : (*shim)->vendor_db) {
      const auto certificate = ReadCertificate(AsBytes(entry.data));
      if (certificate.ok()) verdict_.vendors.push_back(certificate->name);
    }
    if (!sbat_fault_.empty()) Refuse("sbat-malformed", sbat_fault_, "bring another shim");
    if (const auto revoked = FindRevoked(verdict_.sbat, trust_.sbat_level)) {
      Refuse("sbat-revoked", RevokedWords(*revoked), "bring a newer shim");
    }
  }

  static std::string RevokedWords(const SbatRevocation& revoked) {
    return Text("SBAT: it is generation ", revoked.entry.generation, " of ",
                revoked.entry.component, ", and ", revoked.wanted, " is the oldest trusted");
  }

  void AskShims(const FileEvidence& evidence) {
    if (firmware_.is_accepted && !context_.is_second_stage) return;
    for (const Shim& shim : context_.shims) {
      if (shim.path == file_.path) continue;
      const SignatureDatabase* const allowed[] = {&shim.vendor_db, &trust_.db};
      const SignatureDatabase* const revoked[] = {&shim.vendor_dbx, &trust_.dbx};
      const Opinion opinion = evidence.Ask(allowed, revoked);
      if (!opinion.forbidden_code.empty()) {
        ShimRefuses(opinion.forbidden_code,
                    Text("the shim ", shim.path, " refuses it: ", opinion.forbidden_words));
      } else if (opinion.is_accepted && PassesSbat(shim)) {
        shim_path_ = shim.path;
        shim_by_ = opinion.accepted_by;
        return;
      }
    }
  }

  void ShimRefuses(std::string code, std::string words) {
    Add(context_.is_second_stage ? Severity::kRefusal : Severity::kWarning, std::move(code),
        std::move(words), "bring a newer version of it");
  }

  bool PassesSbat(const Shim& shim) {
    if (verdict_.sbat.empty()) {
      // shim asks for it of what it loads itself; a kernel that GRUB hands to it may lack it.
      if (!context_.is_second_stage) return true;
      ShimRefuses("sbat-missing", Text("the shim ", shim.path,
                                       " refuses it: it has no .sbat section that can be read"));
      return false;
    }
    const Sbat none;
    const Sbat& level = NewerLevel(shim.levels ? shim.levels->automatic : none, trust_.sbat_level);
    const auto revoked = FindRevoked(verdict_.sbat, level);
    if (revoked) {
      ShimRefuses("sbat-revoked",
                  Text("the shim ", shim.path, " refuses it. ", RevokedWords(*revoked)));
    }
    return !revoked;
  }

  // Which authority, and where it is not trusted. Signatures that db does not know but that lead to
  // an authority of other machines' firmware are told too.
  void NoteAuthority(const FileEvidence& evidence) {
    for (const FileEvidence::Signature& signature : evidence.signatures()) {
      if (!signature.content || !signature.fault.empty()) continue;
      bool is_known = false;
      for (const Certificate& certificate : signature.content->chain()) {
        const Authority* authority = FindAuthority(certificate);
        if (authority == nullptr || !signature.content->LeadsTo(AsBytes(certificate.der))) continue;
        is_known = true;
        Add(Severity::kNote, std::string(authority->code),
            Text("its signature by \"", signature.content->chain().front().name, "\" leads to \"",
                 authority->name, "\": ", authority->setting),
            "");
      }
      // The root may be in db alone, and not embedded.
      if (!is_known) NoteDatabaseAuthority(*signature.content);
    }
  }

  void NoteDatabaseAuthority(const AuthenticodeSignature& signature) {
    for (const DatabaseEntry& entry : trust_.db) {
      if (entry.kind != DatabaseEntryKind::kCertificate ||
          !signature.LeadsTo(AsBytes(entry.data))) {
        continue;
      }
      const auto certificate = ReadCertificate(AsBytes(entry.data));
      const Authority* authority = certificate.ok() ? FindAuthority(*certificate) : nullptr;
      if (authority != nullptr) {
        Add(Severity::kNote, std::string(authority->code),
            Text("it leads to \"", authority->name, "\": ", authority->setting), "");
      } else if (certificate.ok()) {
        Add(Severity::kNote, "authority-own",
            Text("it leads to \"", certificate->name,
                 "\": firmware in whose db that certificate was not enrolled refuses it"),
            "");
      }
    }
  }

  void ExplainRefusal() {
    if (!firmware_.forbidden_code.empty()) return;
    const std::string own =
        "sign it with a key of your own (sbsign) and enrol its certificate in db, or put the "
        "distribution's shim before it";
    if (!image_.is_signed()) {
      unaccepted_ = {Severity::kRefusal, "unsigned",
                     "it is not signed, and its digest is not in db", own};
      return;
    }
    for (const SignatureVerdict& signature : verdict_.signatures) {
      if (!signature.refused.empty() || signature.chain.empty()) continue;
      const Certificate& last = signature.chain.back();
      unaccepted_ = {Severity::kRefusal, "signer-not-in-db",
                     Text("it is signed by \"", signature.chain.front().name, "\" (issued by ",
                          last.issuer, "), which no certificate in db vouches for"),
                     Text("enrol the certificate of ", last.issuer, " in db; or ", own)};
      return;
    }
    unaccepted_ = {Severity::kRefusal, "no-valid-signature", "none of its signatures counts", own};
  }

  FileVerdict Concluded() {
    const auto is_refusal = [](const Finding& f) { return f.severity == Severity::kRefusal; };
    const bool by_shim = !shim_path_.empty();
    if (const auto refusal = std::ranges::find_if(verdict_.findings, is_refusal);
        refusal != verdict_.findings.end()) {
      verdict_.outcome = Outcome::kRefused;
      verdict_.words = Text("refused: ", refusal->words);
    } else if (by_shim && (context_.is_second_stage || !firmware_.is_accepted)) {
      Accepted(Outcome::kAcceptedByShim);
    } else if (firmware_.is_accepted) {
      Accepted(Outcome::kAccepted);
    } else {
      Unaccepted();
    }
    return std::move(verdict_);
  }

  void Accepted(Outcome outcome) {
    verdict_.outcome = outcome;
    if (outcome == Outcome::kAccepted) {
      verdict_.words = firmware_.accepted_by == "its digest"
                           ? "accepted by firmware: its digest is in db"
                           : Text("accepted by firmware: \"", firmware_.accepted_by,
                                  "\" in db vouches for its signer");
      return;
    }
    verdict_.words =
        Text("accepted by the shim ", shim_path_, ": \"", shim_by_, "\" vouches for its signer");
    if (firmware_.is_accepted) return;
    const std::string direct =
        Text("firmware refuses it when it is booted directly: ", unaccepted_.words);
    if (verdict_.role.empty() || verdict_.role == "any") {
      verdict_.words += "; " + direct;
      Add(Severity::kNote, "only-behind-shim", direct, "let machines boot the shim");
      return;
    }
    verdict_.outcome = Outcome::kRefused;
    verdict_.words = "refused: " + direct;
    Refuse("only-behind-shim",
           Text(direct, "; the shim ", shim_path_, " of this set would accept it"),
           Text("let machines boot the shim: --boot ", verdict_.role, '=', shim_path_));
  }

  void Unaccepted() {
    if (trust_.is_known) {
      Refuse(unaccepted_.code, unaccepted_.words, unaccepted_.remedy);
      verdict_.outcome = Outcome::kRefused;
      verdict_.words = Text("refused: ", unaccepted_.words);
      return;
    }
    verdict_.outcome = Outcome::kUnknown;
    verdict_.words = "nobody can say: no db is known";
    Add(Severity::kWarning, "no-db", "what the machines' firmware trusts is not known",
        "name it in secure_boot.db: a file of the firmware's db, or OVMF's variables");
  }

  const JudgeContext& context_;
  const FirmwareTrust& trust_;
  const JudgedFile& file_;
  PeImage image_;
  FileVerdict verdict_;
  Opinion firmware_;
  std::string sbat_fault_;
  std::string shim_path_;  // of the one that accepts it; empty: none
  std::string shim_by_;
  Finding unaccepted_;  // why firmware does not accept it
};

}  // namespace

FileVerdict JudgeFile(const JudgedFile& file, const JudgeContext& context) {
  return FileJudge(file, context).Judge();
}

}  // namespace slipway::control
