// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/connection.h"

#include <algorithm>

namespace slipway::tcp {
namespace {

constexpr std::uint16_t kTimestampsBytes = 12;

// RFC 8985 7.2: in order, and no probe without an answer yet. Beyond it, peers that do not select.
bool MayProbeTail(const Settings& settings, const Connection& c) {
  return settings.tail_loss_probe && c.send.recovery == Recovery::kOpen && !c.send.tail_probed &&
         !c.send.tail_probe_due && !c.send.persisting && c.send.retries == 0 &&
         IsSynchronized(c.state) && c.outstanding() != 0 && c.rtt.measured() &&
         !(c.sack && c.scoreboard.held() != 0);
}

// TLP_calc_PTO. A peer that does not select may be a firmware, which acknowledges an odd segment by
// the next tick of its clock.
Duration ProbeTimeout(const Settings& settings, const Connection& c) {
  const Duration timeout = 2 * c.rtt.smoothed();
  if (!c.sack) return timeout + settings.delayed_ack_max + settings.delayed_ack_max / 16;
  return timeout + (c.outstanding() <= c.send.mss ? settings.delayed_ack_max : Duration{});
}

}  // namespace

void UpdateMss(const Settings& settings, Connection& connection) {
  const std::uint16_t options = connection.timestamps ? kTimestampsBytes : 0;
  const std::uint16_t path = std::min(connection.path_mss, settings.mss);
  connection.send.mss = static_cast<std::uint16_t>(path > options ? path - options : path);
}

void Negotiate(const Settings& settings, const Options& offered, Connection& connection) {
  connection.peer = offered;
  connection.peer.sack = {};
  connection.path_mss =
      std::min(std::max(offered.mss.value_or(kMssDefault), kMssMin), settings.mss);
  connection.timestamps = settings.timestamps && offered.timestamps.has_value();
  connection.sack = settings.sack && offered.sack_permitted;
  connection.send.scale = 0;
  connection.receive.scale = 0;
  if (offered.window_scale) {
    connection.send.scale = std::min(*offered.window_scale, kWindowScaleMax);
    connection.receive.scale = std::min(settings.window_scale, kWindowScaleMax);
  }
  UpdateMss(settings, connection);
}

void StartCongestion(const Settings& settings, Connection& c) {
  const bool cubic = settings.cubic && c.sack;
  c.congestion.Start(settings, c.send.mss,
                     cubic ? CongestionAlgorithm::kCubic : CongestionAlgorithm::kNewReno);
  if (!c.sack) c.congestion.LimitSlowStart(settings.slow_start_max_without_sack);
}

Options SynOptions(const Context& context, const Connection& connection) {
  const Settings& settings = context.settings;
  const bool answering = connection.state == State::kSynReceived;
  Options options{.mss = connection.link_mss == 0 ? settings.mss : connection.link_mss};
  // An answer offers only what was offered (RFC 7323 2.2, 3.2; RFC 2018 2).
  if (!answering || connection.peer.window_scale) {
    options.window_scale = std::min(settings.window_scale, kWindowScaleMax);
  }
  options.sack_permitted = settings.sack && (!answering || connection.peer.sack_permitted);
  if (settings.timestamps && (!answering || connection.peer.timestamps)) {
    options.timestamps = Timestamps{.value = TimestampAt(connection, context.now),
                                    .echo = answering ? connection.receive.ts_recent : 0};
  }
  return options;
}

std::uint32_t TimestampAt(std::uint32_t offset, Time now) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return static_cast<std::uint32_t>(milliseconds) + offset;
}

void ArmRetransmit(const Context& context, Connection& connection) {
  Duration timeout = connection.rtt.Timeout(context.settings);
  connection.send.awaits = Awaits::kTimeout;
  if (MayProbeTail(context.settings, connection)) {
    timeout = std::min(timeout, ProbeTimeout(context.settings, connection));
    connection.send.awaits = Awaits::kTailProbe;
  }
  connection.timers.retransmit_at = context.now + timeout;
}

bool MayChallenge(const Context& context, Connection& connection) {
  if (context.now - connection.challenges_since >= std::chrono::seconds(1)) {
    connection.challenges_since = context.now;
    connection.challenges = 0;
  }
  if (connection.challenges >= context.settings.challenge_acks_per_second) return false;
  ++connection.challenges;
  return true;
}

}  // namespace slipway::tcp
