// SPDX-License-Identifier: Apache-2.0
// A server fed with messages: each is two bytes of length, one of circumstances, then its bytes.
#include "tests/unit/protocols/dhcp/bench_settings.h"
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  static const dhcp::Policy policy(dhcp::FuzzSettings());
  SeededEntropy entropy(1);
  dhcp::Server server({.leases_max = 8}, entropy);
  server.SetPolicy(&policy);
  std::array<std::uint8_t, dhcp::kReplySizeMax> reply;
  Time now{};
  for (Reader reader(Bytes(data, size)); !reader.empty();) {
    const std::size_t length = reader.U16();
    const std::uint8_t how = reader.U8();
    const Bytes bytes = reader.Take(std::min(length, reader.remaining()));
    now += std::chrono::milliseconds(how % 16 * how % 16 * 100);
    const auto outcome = server.Receive(dhcp::FuzzReceived(bytes, how), reply, now);
    if (outcome.probe) server.ProbeResult(*outcome.probe, how % 2 != 0, now);
    server.Expire(now);
    while (const auto due = server.Emit(reply, now)) {
      if (due->change && how % 4 == 3) server.Abandon(*due->change);
    }
  }
  return 0;
}
