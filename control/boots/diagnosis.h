// SPDX-License-Identifier: Apache-2.0
//
// Diagnose: from a machine's boots and what the daemon knows, one cause of the table (causes.h),
// the steps that show it, and how sure that is. A pure function: time is an argument, nothing is
// asked for. What is not known is left empty, and less is concluded then.
//
// Rules look at how far the newest boot came. One that has only just begun anew is passed over for
// the one before it, which is what an administrator asks about.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "control/boots/causes.h"
#include "control/boots/timelines.h"

namespace slipway::control {

// A certificate that machines are shown.
struct CertificateFacts {
  bool rsa = false;             // else ECDSA
  std::int64_t not_before = 0;  // Unix seconds
  std::int64_t not_after = 0;
  std::vector<std::string> names;  // DNS names and addresses, as written
};

// What the daemon knows beside the events.
struct Surroundings {
  std::int64_t now_unix_nanoseconds = 0;       // 0: the moment of the last step
  std::vector<CertificateFacts> certificates;  // empty: not known
  std::string image_set;                       // what the machine is to boot; empty: not known
  bool image_set_is_there = true;
  std::string policy;               // what the policy says of it, in a sentence; empty: not known
  std::string secure_boot_refusal;  // why firmware would refuse its boot file; empty: it would not
  // What the set needs and the machine is known not to have, a sentence each. No cause: what is
  // known may be wrong.
  std::vector<std::string> unmet_needs;
  std::vector<std::string> notes;  // for a machine that was never seen: ports without a link, ...
};

enum class Certainty : std::uint8_t { kCertain, kLikely, kPossible };
std::string_view Name(Certainty certainty);

struct Evidence {
  std::int64_t unix_nanoseconds = 0;  // 0: not an event
  std::string words;
};

struct Diagnosis {
  CauseId cause = CauseId::kNeverSeen;
  Certainty certainty = Certainty::kCertain;
  std::string detail;              // what the table cannot know: a path, an address; may be empty
  std::int64_t boot = 0;           // the id of the boot it is about; 0: none
  std::vector<Evidence> evidence;  // in order of time
  bool tries_again = false;        // a newer boot is under way

  bool failed() const { return Describe(cause).verdict == Verdict::kFailed; }
  // "asked for a file that is not there: /debian/stable/boot.efi"
  std::string Sentence() const;
};

// `boots` of one machine, oldest first.
Diagnosis Diagnose(std::span<const Boot> boots, const Surroundings& surroundings);

}  // namespace slipway::control
