// SPDX-License-Identifier: Apache-2.0
//
// Reads a fuzzer's bytes as a script for one whole appliance: frames and pauses, each with a length
// before it. Frames for us get our address, so that the fuzzer need not guess it. EAL is started
// once, without hugepages. At the end everything must have been given back.
#pragma once

#include <memory>

#include "dataplane/eal.h"
#include "protocols/base/check.h"
#include "tests/support/appliance.h"

namespace slipway::dataplane {

class WorkerScript {
 public:
  explicit WorkerScript(Bytes bytes) : reader_(bytes), appliance_(Shared::Get().memory, {}) {
    appliance_.snapshots().Publish(NewSnapshot({Shared::Get().image, {}, /*tls=*/true}));
  }

  // One frame or pause; false at the end.
  bool Step();

  void Finish() {
    SLIPWAY_CHECK(appliance_.StepsAddUp());
    appliance_.Stop(now_);
    appliance_.wire().Shutdown();
  }

  // Packet buffers that are out once an appliance has died.
  static std::size_t BuffersOut() { return Shared::Get().memory.in_use(); }

 private:
  struct Shared {
    static Shared& Get() {
      static Shared shared;
      return shared;
    }
    static std::unique_ptr<EalGuard> StartEal() {
      auto started = EalGuard::Start({.memory_mib = 256, .log_level = "error"});
      SLIPWAY_CHECK(started.ok());
      return *std::move(started);
    }
    std::unique_ptr<EalGuard> eal = StartEal();
    Memory memory;
    std::shared_ptr<const MutableBytes> image = NewImage(memory, 10'000, 1);
  };

  Reader reader_;
  Appliance appliance_;
  Time now_{std::chrono::seconds(1)};
};

}  // namespace slipway::dataplane
