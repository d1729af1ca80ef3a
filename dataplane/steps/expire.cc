// SPDX-License-Identifier: Apache-2.0
//
// Expire: what the passing of time brings about, and work that waits for its turn.
#include "dataplane/worker.h"

namespace slipway::dataplane {
namespace {

std::string_view Because(tcp::Expiry what) {
  switch (what) {
    case tcp::Expiry::kIdle:
    case tcp::Expiry::kNoHandshake:
      return "";
    case tcp::Expiry::kNoAnswer:
      return "no-answer";
    case tcp::Expiry::kStalled:
      return "stalled";
    case tcp::Expiry::kKeepaliveFailed:
      return "silent";
    case tcp::Expiry::kLinger:
      return "linger";
  }
  return "";
}

}  // namespace

std::size_t Worker::Expire(Time now) {
  std::size_t work = Admit(now) + WorkOff(now);
  while (const auto expired = tcp_.Expire(now)) {
    ++work;
    reporter_.Count(Step::kExpire, Drop::kNone);
    Service& service = services_[expired->connection.index];
    if (service.id != expired->connection || expired->what == tcp::Expiry::kIdle) continue;
    // Its reset answers nobody and is no connection's any more: only the service knows its way.
    stray_way_ = {service.station, service.interface};
    SendStrays(now);
    Ended(service, {.how = EventKind::kTcpTimedOut, .because = Because(expired->what)}, now);
  }
  for (std::size_t i = 0; i < arp_.size() && index_ == 0; ++i) {
    arp::Responder& arp = arp_[i];
    if (arp.Deadline() <= now) arp.Expire(now);
    while (const auto query = arp.Emit(now)) {
      SendAnswer(interfaces_[i].index(), BuildArp(interfaces_[i], *query));
      ++work;
    }
  }
  if (dhcp_) dhcp_->Expire(now);
  reassembly_.Expire(now);
  return work;
}

}  // namespace slipway::dataplane
