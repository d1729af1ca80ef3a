// SPDX-License-Identifier: Apache-2.0
//
// The verdict: what firmware under Secure Boot (EDK II's DxeImageVerificationLib), and shim after
// it, would say to the EFI programs of an image set; why; and what to do about it.
//
// A program is accepted when one of its signatures leads to a certificate in db, or its digest is
// in db, and no signature leads to a certificate in dbx, no certificate's hash and no digest is in
// dbx. Stricter than EDK II in one point, as UEFI 2.10 section 32.5.3.3 has it: a certificate hash
// in dbx counts for the whole chain, where EDK II looks at the signer and the root alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/secure_boot/pe_image.h"
#include "control/secure_boot/sbat.h"
#include "control/secure_boot/shim.h"
#include "control/secure_boot/signature_database.h"
#include "control/secure_boot/uki.h"

namespace slipway::control {

// What the machines' firmware trusts, as far as the operator told.
struct FirmwareTrust {
  bool is_known = false;  // false: no db was given, so nothing can be said to be accepted
  SignatureDatabase db;
  SignatureDatabase dbx;
  Sbat sbat_level;                   // empty: what the set's own shim brings along
  std::vector<std::string> sources;  // where it is from, in words
  std::string version;               // a digest of all of it: another one asks for new verdicts
};

enum class Outcome {
  kAccepted,        // by firmware
  kAcceptedByShim,  // refused by firmware, accepted by a shim of the same set
  kRefused,
  kUnknown,    // no db is known to ask
  kNotJudged,  // no EFI program
};
std::string_view WordOf(Outcome outcome);  // "accepted", "accepted-by-shim", ...

enum class Severity { kNote, kWarning, kRefusal };
std::string_view WordOf(Severity severity);

struct Finding {
  Severity severity = Severity::kNote;
  std::string code;    // a fixed word; docs/image-sets.md has them all
  std::string words;   // what was found
  std::string remedy;  // what to do about it; may be empty
};

struct SignatureVerdict {
  std::vector<Certificate> chain;        // the signer first
  std::string algorithm;                 // of the digest; empty when the signature cannot be read
  std::vector<std::string> accepted_by;  // names of certificates in db that it leads to
  std::string refused;                   // why it counts for nothing, or is forbidden; may be empty
};

struct FileVerdict {
  std::string path;
  std::string architecture;
  std::string role;    // the architecture it is the boot file of; empty: of none
  std::string digest;  // Authenticode, SHA-256, hex; empty when malformed
  Outcome outcome = Outcome::kRefused;
  std::string words;  // one sentence
  std::vector<SignatureVerdict> signatures;
  std::vector<Finding> findings;
  Sbat sbat;
  std::optional<Uki> uki;
  std::vector<std::string> vendors;  // a shim's own certificates, by name

  bool Has(std::string_view code) const;
};

struct SetVerdict {
  Outcome outcome = Outcome::kNotJudged;
  std::string words;
  std::vector<FileVerdict> files;
};

struct JudgedFile {
  std::string path;
  std::string role;  // as in FileVerdict
  Bytes bytes;       // the whole file
};

// Files that are no PE images are passed over. The set is refused when a boot file is, or what a
// shim that is a boot file loads next; other programs that are refused are told, and no more.
SetVerdict JudgeSet(const std::vector<JudgedFile>& files, const FirmwareTrust& trust);

}  // namespace slipway::control
