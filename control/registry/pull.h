// SPDX-License-Identifier: Apache-2.0
//
// Pulls: image sets brought from other registries, each by a thread of its own, with progress that
// one can ask for. A blob that was cut goes on where it ended, by itself while the job lives, and
// by a new pull of the same after a restart: its session is named by its digest.
//
// Credentials live until the pull is over, in memory alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "control/access/actor.h"
#include "control/image_store/uploads.h"
#include "control/registry/remote.h"
#include "control/serve/core.h"

namespace slipway::control {

enum class PullState : std::uint8_t { kRunning, kDone, kFailed };

struct PullProgress {
  std::uint64_t id = 0;
  std::string source;
  std::string reference;  // as which it is stored
  PullState state = PullState::kRunning;
  std::uint64_t bytes = 0;          // that are here
  std::uint64_t bytes_total = 0;    // zero until the manifest is known
  std::uint64_t bytes_resumed = 0;  // that were here of a blob before it was gone on with
  std::string doing;                // in words
  std::string digest;               // of the manifest, hex; when done
  std::string error;                // when failed: what, and what to do
};

struct PullRequest {
  RemoteName source;
  std::string reference;  // "name:tag"
  RemoteAccess access;
  Actor actor;  // who wanted it, for the audit log
};

class Pulls {
 public:
  Pulls(Core& core, Uploads& uploads);
  ~Pulls();  // ends them all

  // kUnavailable when too many are under way. Where one of the same source and reference is, that
  // one: two would fight for one session.
  absl::StatusOr<PullProgress> Begin(PullRequest request);
  std::optional<PullProgress> Find(std::uint64_t id);
  std::vector<PullProgress> List();  // the newest last; some that are over are forgotten
  // False when there is no such job. It ends soon after; noted in the audit log as the actor's.
  bool Stop(std::uint64_t id, const Actor& actor);

 private:
  struct Job;
  void Run(Job& job);
  absl::Status Pull(Job& job);
  absl::Status PullBlob(Job& job, const Descriptor& blob);
  // `there`: bytes of the blob that are here afterwards.
  absl::Status Append(Job& job, const Descriptor& blob, std::uint64_t& there);

  Core& core_;
  Uploads& uploads_;
  std::mutex mutex_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Job>> jobs_;
};

}  // namespace slipway::control
