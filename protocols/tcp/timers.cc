// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/timers.h"

#include <algorithm>

#include "protocols/tcp/recovery.h"

namespace slipway::tcp {
namespace {

bool WaitsForPeer(const Connection& c) { return c.outstanding() != 0 || c.send.persisting; }

Time LimitAt(const Connection& c) { return c.state == State::kFinWait2 ? c.limit_at : kNever; }

Time PacedUntil(const Connection& c) { return c.send.paced ? c.pacer.release_at() : kNever; }

Time StalledAt(const Settings& settings, const Connection& c) {
  if (!IsSynchronized(c.state) || !WaitsForPeer(c)) return kNever;
  return c.timers.progress + settings.stalled;
}

Time IdleAt(const Settings& settings, const Connection& c) {
  if (!IsSynchronized(c.state) || WaitsForPeer(c)) return kNever;
  return c.timers.idle_from + settings.idle;
}

Time KeepaliveAt(const Settings& settings, const Connection& c) {
  if (settings.keepalive_idle == Duration{} || !IsSynchronized(c.state) || WaitsForPeer(c)) {
    return kNever;
  }
  return c.timers.heard + settings.keepalive_idle + c.send.keepalives * settings.keepalive_interval;
}

std::optional<Expiry> RetransmitExpired(const Context& context, Connection& c) {
  if (c.send.awaits == Awaits::kTailProbe) {
    // RFC 8985 7.3: the timeout runs from the probe on.
    c.send.tail_probe_due = true;
    ArmRetransmit(context, c);
    return std::nullopt;
  }
  if (c.send.awaits == Awaits::kReordering) {
    ArmRetransmit(context, c);
    DetectLosses(context, c);
    return std::nullopt;
  }
  const bool opening = !IsSynchronized(c.state);
  c.rtt.BackOff();
  ArmRetransmit(context, c);
  if (!opening && c.send.window == 0) c.Persist(context.now);
  if (c.send.persisting) {  // stalled_at bounds how long
    c.send.probe_due = true;
    c.send.timed = kNoPosition;
    return std::nullopt;
  }
  const std::uint32_t limit =
      opening ? context.settings.syn_retries : context.settings.data_retries;
  if (c.send.retries++ >= limit) return opening ? Expiry::kNoHandshake : Expiry::kNoAnswer;
  if (opening) {
    c.send.syn_due = true;
  } else {
    TimeOut(c);
  }
  return std::nullopt;
}

}  // namespace

Time NextTimer(const Settings& settings, const Connection& c) {
  // One by one: of a list the compiler makes an array, and reads what it just wrote in pairs, which
  // waits until all stores before are done (measured: 2 % of a small request).
  Time next = std::min(c.timers.retransmit_at, c.timers.delayed_ack_at);
  next = std::min(next, LimitAt(c));
  next = std::min(next, PacedUntil(c));
  next = std::min(next, StalledAt(settings, c));
  next = std::min(next, IdleAt(settings, c));
  return std::min(next, KeepaliveAt(settings, c));
}

std::optional<Expiry> ExpireTimers(const Context& context, Connection& c) {
  const Time now = context.now;
  if (PacedUntil(c) <= now) c.send.paced = false;
  if (c.timers.delayed_ack_at <= now) {
    c.timers.delayed_ack_at = kNever;
    c.receive.ack_due = true;
  }
  if (LimitAt(c) <= now) return Expiry::kLinger;
  if (StalledAt(context.settings, c) <= now) return Expiry::kStalled;
  if (c.timers.retransmit_at <= now) {
    if (const auto what = RetransmitExpired(context, c)) return what;
  }
  if (KeepaliveAt(context.settings, c) <= now) {
    if (c.send.keepalives >= context.settings.keepalive_probes) return Expiry::kKeepaliveFailed;
    ++c.send.keepalives;
    c.send.keepalive_due = true;
  }
  if (IdleAt(context.settings, c) <= now) {
    c.timers.idle_from = now;
    return Expiry::kIdle;
  }
  return std::nullopt;
}

}  // namespace slipway::tcp
