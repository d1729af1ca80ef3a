// SPDX-License-Identifier: Apache-2.0
//
// Seams: what the dataplane gives the control plane to work with. All of it outlives the control
// plane.
#pragma once

#include <functional>

#include "dataplane/capture.h"
#include "dataplane/event.h"
#include "dataplane/snapshot.h"

namespace slipway::control {

struct Seams {
  dataplane::SnapshotPublisher* snapshots = nullptr;
  dataplane::EventQueue* events = nullptr;
  dataplane::LeaseChannel* leases = nullptr;
  dataplane::StatisticsBoard* statistics = nullptr;
  dataplane::ImageMemory* images = nullptr;
  dataplane::Captures* captures = nullptr;
};

}  // namespace slipway::control
