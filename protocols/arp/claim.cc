// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/claim.h"

namespace slipway::arp {
namespace {

using std::chrono::seconds;

// RFC 5227 1.1.
constexpr Duration kProbeWait = seconds(1);
constexpr std::uint8_t kProbes = 3;
constexpr Duration kProbeMin = seconds(1);
constexpr Duration kProbeMax = seconds(2);
constexpr Duration kAnnounceWait = seconds(2);
constexpr std::uint8_t kAnnouncements = 2;
constexpr Duration kAnnounceInterval = seconds(2);
constexpr Duration kDefendInterval = seconds(10);
constexpr Duration kRateLimitInterval = seconds(60);

Duration Between(Duration low, Duration high, Entropy& entropy) {
  const auto range = static_cast<std::uint64_t>((high - low).count());
  return low + Duration(static_cast<Duration::rep>(entropy.Below(range + 1)));
}

}  // namespace

void Claim::Start(ClaimStart how, Time now, Entropy& entropy) {
  sent_ = 0;
  state_ = how == ClaimStart::kProbe ? ClaimState::kProbing : ClaimState::kAnnouncing;
  due_ = how == ClaimStart::kProbe ? now + Between({}, kProbeWait, entropy) : now;
}

bool Claim::IsDisputedBy(const Packet& packet) const {
  if (packet.sender_ip == prefix_.address) return true;
  // Somebody else is about to take it, too.
  return state_ == ClaimState::kProbing && packet.is_probe() && packet.target_ip == prefix_.address;
}

std::optional<Packet> Claim::Defend(Time now) {
  if (!is_usable()) {
    state_ = ClaimState::kRefused;
    due_ = now + kRateLimitInterval;
    return std::nullopt;
  }
  if (defended_ && now - *defended_ < kDefendInterval) return std::nullopt;
  defended_ = now;
  return Announcement();
}

std::optional<Packet> Claim::Emit(Time now, Entropy& entropy) {
  if (now < due_) return std::nullopt;
  if (state_ == ClaimState::kRefused) Start(ClaimStart::kProbe, now, entropy);
  if (now < due_) return std::nullopt;
  if (state_ == ClaimState::kProbing) {
    if (sent_ < kProbes) {
      ++sent_;
      due_ = now + (sent_ < kProbes ? Between(kProbeMin, kProbeMax, entropy) : kAnnounceWait);
      return Packet{.operation = Operation::kRequest,
                    .sender_mac = mac_,
                    .sender_ip = {},
                    .target_mac = {},
                    .target_ip = prefix_.address};
    }
    state_ = ClaimState::kAnnouncing;
    sent_ = 0;
  }
  ++sent_;
  if (sent_ >= kAnnouncements) state_ = ClaimState::kHeld;
  due_ = state_ == ClaimState::kHeld ? kNever : now + kAnnounceInterval;
  return Announcement();
}

Packet Claim::Announcement() const {
  return {.operation = Operation::kRequest,
          .sender_mac = mac_,
          .sender_ip = prefix_.address,
          .target_mac = {},
          .target_ip = prefix_.address};
}

}  // namespace slipway::arp
