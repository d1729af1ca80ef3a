// SPDX-License-Identifier: Apache-2.0
//
// ControlPlane: what main.cc starts beside the dataplane: the core, the lease journal's thread, the
// threads that take events, tend what they tell and load what they ask for, and the REST server.
//
// Start() makes everything that can fail, publishes the first snapshot, and gives the leases that
// the dataplane begins with; after an error nothing runs. Stop() ends the REST server, writes the
// leases and boots that are still on their way, and may be called when Start() failed. A process
// that was killed instead starts with the same state.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "control/boots/silence.h"
#include "control/boots/timelines.h"
#include "control/config/config.h"
#include "control/seams.h"
#include "control/serve/boot_log.h"
#include "control/serve/canary_watch.h"
#include "control/serve/core.h"
#include "control/serve/firmware_watch.h"
#include "control/serve/plan_watch.h"
#include "control/store/journal_writer.h"
#include "protocols/dhcp/lease.h"

namespace slipway::control {

class RestServer;

class ControlPlane {
 public:
  // The seams outlive the control plane.
  ControlPlane(const Config& config, const Seams& seams);
  ~ControlPlane();

  absl::StatusOr<std::vector<dhcp::Lease>> Start();
  void Stop();
  // Boot and management certificates anew, those of the configuration from their files, and what
  // machines trust from its own; what SIGHUP asks for. Only between Start() and Stop().
  void Reload();

 private:
  // Four threads, so that none waits for what takes longer than its own: events are taken, boots
  // counted and kept, image sets brought into memory, and judged by what machines trust.
  void Watch();
  void Tend();
  void Load();
  void CheckSets();
  // Whether somebody wanted one; returns at once where it is time to stop.
  bool AwaitCheck(std::chrono::seconds longest);
  // Where it is reached, and what is to be kept elsewhere.
  void TellOfStart() const;
  void TakeEvents();
  void TellOfLink(const dataplane::Event& event) const;
  // Of image sets, by machines.
  void NoteUse(const dataplane::Event& event);
  // It has ended, or ended otherwise than it seemed.
  void NoteEnd(const Boot& boot);
  // Those that have ended since: counted, and on disk, for their plans and for rollouts. Gives
  // them as they were counted; the next StoreBoots() has them too, with their versions' counts.
  std::vector<Boot> CountEnded();
  void Tidy();
  void StoreBoots(bool all);

  const Config config_;
  const Seams seams_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<LeaseJournal> journal_;
  std::unique_ptr<JournalWriter> writer_;
  std::unique_ptr<RestServer> rest_;
  std::chrono::steady_clock::time_point stored_{};
  std::chrono::steady_clock::time_point forgotten_{};
  Silence silence_{std::chrono::nanoseconds(TimelineLimits().silence_nanoseconds)};
  PlanWatch plans_;         // the tender's
  FirmwareWatch firmware_;  // the tender's
  CanaryWatch canaries_;    // the tender's
  BootLog boot_log_;        // the tender's
  std::mutex wanted_mutex_;
  std::condition_variable to_load_;
  std::set<std::string, std::less<>> wanted_;  // paths of files that are not in memory
  bool is_missing_ = false;                    // image sets that a publication did not find
  std::atomic<bool> stopping_{false};
  std::thread watcher_;
  std::thread tender_;
  std::thread loader_;
  std::mutex check_mutex_;
  std::condition_variable to_check_;
  bool is_check_wanted_ = false;
  std::atomic<bool> stopping_checks_{false};  // before the rest: requests wait for a check to end
  std::thread checker_;
};

}  // namespace slipway::control
