// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/connection.h"

#include <algorithm>

namespace slipway::tcp {
namespace {

constexpr std::uint16_t kTimestampsBytes = 12;

}  // namespace

// RFC 6675 "pipe" where the peer selects, else what is between una and nxt. After a timeout nxt
// goes back to una, so everything beyond it counts as lost.
std::uint64_t Connection::Flight() const {
  if (!sack || scoreboard.empty()) return send.nxt - send.una;
  if (send.nxt < send.max) return send.nxt - send.una - scoreboard.BytesBelow(send.nxt);
  const std::uint64_t lost_below = std::max(scoreboard.LostBelow(send.mss), send.una);
  std::uint64_t flight =
      send.max - lost_below - (scoreboard.bytes() - scoreboard.BytesBelow(lost_below));
  const std::uint64_t again = std::min(loss.high_retransmit, lost_below);
  if (again > send.una) flight += again - send.una - scoreboard.BytesBelow(again);
  return flight;
}

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

Options SynOptions(const Context& context, const Connection& connection) {
  const Settings& settings = context.settings;
  const bool answering = connection.state == State::kSynReceived;
  Options options{.mss = settings.mss};
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

std::uint32_t TimestampAt(const Connection& connection, Time now) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return static_cast<std::uint32_t>(milliseconds) + connection.send.ts_offset;
}

void ArmRetransmit(const Context& context, Connection& connection) {
  connection.timers.retransmit_at = context.now + connection.rtt.Timeout(context.settings);
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
