// SPDX-License-Identifier: Apache-2.0
//
// What an event means to the boot that its machine told last: whether it is of another boot, says
// nothing new, or is a failure. Pure: which boots there are, and what is counted of them, is the
// timelines'. Private to control/boots.
#pragma once

#include "control/boots/timelines.h"
#include "dataplane/event.h"

namespace slipway::control {

// A boot client asks anew after this boot has ended, or has come further than that.
bool BeginsAnother(const Boot& boot, const dataplane::Event& event);
// What asks where we are again and again, as it boots or afterwards, says nothing new; nor does
// who tries a closed port again.
bool Repeats(const Boot& boot, const dataplane::Event& event);
// Of a boot that has no whole file yet.
bool IsFailure(const Boot& boot, const dataplane::Event& event);
BootStep StepOf(const dataplane::Event& event);

}  // namespace slipway::control
