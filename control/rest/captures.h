// SPDX-License-Identifier: Apache-2.0
//
// The routes of packet capture (control/capture).
#pragma once

namespace slipway::control {

class CaptureDesk;
class Core;
class Router;

void AddCaptures(Router& router, Core& core, CaptureDesk& desk);

}  // namespace slipway::control
