// SPDX-License-Identifier: Apache-2.0
//
// A waiting room for two machines at once, and machines by number: what the tests of admission have
// in common.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "dataplane/admission.h"

namespace slipway::dataplane {

inline constexpr Admission::Syn kPatient{.is_patient = true};
inline constexpr Admission::Syn kImpatient{};

inline Time At(Duration since) { return Time{} + since; }
inline MacAddress MacOf(std::uint32_t n) {
  return {{0x02, 0, static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16),
           static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}};
}
inline Ipv4Address AddressOf(std::uint32_t n) { return Ipv4Address(10 << 24 | n); }

// Machines by number, with leases, up to the word of the admission.
class AdmissionTest : public ::testing::Test {
 protected:
  void Discover(std::uint32_t n, Time now) {
    EXPECT_TRUE(room_.MayOffer(MacOf(n), /*is_patient=*/true, now));
  }
  void Lease(std::uint32_t n, Time now) { room_.Leased(MacOf(n), AddressOf(n), now); }
  // DHCP and a SYN; true when it may go on.
  bool Knock(std::uint32_t n, Time now, const Admission::Syn& syn = kPatient) {
    Lease(n, now);
    return room_.AtSyn(AddressOf(n), syn, now) == Admission::Verdict::kGo;
  }
  Admission::Id Connect(std::uint32_t n, Time now) {
    return room_.Connected(MacOf(n), AddressOf(n), now);
  }
  // A machine that is served.
  Admission::Id Serve(std::uint32_t n, Time now) {
    const Admission::Id id = Connect(n, now);
    EXPECT_EQ(room_.AtServerHello(id, now), Admission::Verdict::kGo);
    return id;
  }
  // Whose turns have come, in order.
  std::vector<Ipv4Address> Turns(Time now) {
    std::vector<Ipv4Address> turns;
    while (const auto turn = room_.Next(now)) {
      if (turn->admitted) turns.push_back(room_.address(turn->id));
    }
    return turns;
  }
  // As the worker does, with so many bytes for each of `served` in the last second.
  void Review(const std::vector<std::pair<Admission::Id, std::uint64_t>>& served, Time now,
              double spare = 0.5) {
    double sum = 0;
    for (const auto& [id, bytes] : served) {
      room_.See(id, {.bytes = bytes});
      sum += static_cast<double>(bytes);
    }
    room_.EndReview({.bytes_per_second = sum, .spare = spare}, now);
  }

  // Machines 3 to 52 wait, and a turn comes once in two seconds.
  void TheLongQueue() {
    Admission::Id served = Serve(1, At({}));
    Serve(2, At({}));
    for (std::uint32_t n = 3; n < 53; ++n) EXPECT_FALSE(Knock(n, At({})));
    Review({}, At({}));
    for (int second = 2; second <= 8; second += 2) {
      room_.Closed(served, At(std::chrono::seconds(second)));
      const auto turn = room_.Next(At(std::chrono::seconds(second)));
      ASSERT_TRUE(turn);
      served = room_.Connected(room_.mac(turn->id), room_.address(turn->id),
                               At(std::chrono::seconds(second)));
      Review({}, At(std::chrono::seconds(second)));
    }
  }

  Admission room_{{.at_once = 2, .machines_max = 64}};
};

}  // namespace slipway::dataplane
