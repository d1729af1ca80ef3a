// SPDX-License-Identifier: Apache-2.0
//
// Captures as the control plane runs them: who captures whom, within which bounds, and what is to
// be written next. The desk lists and ends those of others; each is read by whoever began it.
//
// Who was captured by whom is in the audit log twice: when it begins, so that one that a power cut
// ends is there too, and when it ends, with how long it was and what it saw.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/access/actor.h"
#include "control/serve/core.h"
#include "dataplane/capture.h"

namespace slipway::control {

struct CaptureTerms {
  static constexpr std::int64_t kSecondsMax = 86'400;
  static constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 40;
  static constexpr std::uint32_t kSnapMin = 64;

  dataplane::CaptureOrder order;
  std::chrono::seconds seconds{600};
  std::uint64_t bytes = std::uint64_t{1} << 30;  // of the file, but for its last blocks
};

class CaptureDesk;

// One capture, from Begin() to its destruction. Next() is called by one thread.
class CaptureSession {
 public:
  CaptureSession(CaptureDesk& desk, const CaptureTerms& terms, const Actor& actor,
                 std::shared_ptr<dataplane::Capture> capture);
  ~CaptureSession();
  CaptureSession(const CaptureSession&) = delete;
  CaptureSession& operator=(const CaptureSession&) = delete;

  std::uint64_t id() const { return id_; }
  // The next bytes of the file, within half a second or so; empty when nothing came. After the last
  // is_over() is true. One that nothing was written to for long is given a pause.
  std::string Next();
  bool is_over() const { return over_; }
  // Asks it to end, with the end that a file should have; from any thread.
  void End() { ending_.store(true); }

  struct State {
    std::uint64_t id = 0;
    MacAddress machine;
    std::string actor;
    std::int64_t began = 0;  // Unix seconds
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;  // of the file
    std::uint64_t lost = 0;   // frames
  };
  State state() const;

 private:
  std::string Begin();
  // What the rings hold, as far as the bounds allow. `all`: nothing is waited for any more.
  std::string Frames(bool all = false);
  std::string Finish();
  void CountLost();

  CaptureDesk& desk_;
  const CaptureTerms terms_;
  const Actor actor_;
  const std::uint64_t id_;
  const std::shared_ptr<dataplane::Capture> capture_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  const std::int64_t began_unix_nanoseconds_;
  std::chrono::steady_clock::time_point written_ = began_;
  struct Interface {
    std::uint64_t frames = 0;
    std::uint64_t lost = 0;  // told so far
  };
  std::vector<Interface> interfaces_;
  bool begun_ = false;
  bool over_ = false;
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> frames_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> lost_{0};
};

class CaptureDesk {
 public:
  // `captures` may be null: then none begins.
  CaptureDesk(Core& core, dataplane::Captures* captures) : core_(core), captures_(captures) {}

  // Unavailable where there is no dataplane or the daemon stops, failed precondition where as many
  // run as may.
  absl::StatusOr<std::shared_ptr<CaptureSession>> Begin(const CaptureTerms& terms,
                                                        const Actor& actor);
  std::vector<CaptureSession::State> List() const;
  // False: there is none of that number.
  bool End(std::uint64_t id);
  // Ends all, lets none begin, and waits until their readers have gone, but no longer.
  void Close(std::chrono::milliseconds patience);

 private:
  friend class CaptureSession;
  void Leave(CaptureSession& session);

  Core& core_;
  dataplane::Captures* const captures_;
  mutable std::mutex mutex_;  // what follows
  std::condition_variable left_;
  std::vector<CaptureSession*> sessions_;
  std::atomic<std::uint64_t> next_id_{1};
  bool closed_ = false;
};

}  // namespace slipway::control
