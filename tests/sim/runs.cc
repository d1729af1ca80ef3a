// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/runs.h"

#include <fstream>
#include <sstream>

namespace slipway::sim {

Wire WireOf(std::uint64_t seed) {
  SeededEntropy random(seed * 77);
  const auto maybe = [&](double most) {
    return random.Below(2) == 0 ? 0.0 : most * static_cast<double>(random.Below(1000)) / 1000;
  };
  Wire wire;
  wire.delay = std::chrono::microseconds(50 + random.Below(20'000));
  wire.jitter = std::chrono::microseconds(random.Below(2) * random.Below(5000));
  wire.loss = maybe(0.08);
  wire.reorder = maybe(0.1);
  wire.duplicate = maybe(0.05);
  wire.damage = maybe(0.02);
  if (random.Below(3) == 0) wire.bytes_per_second = 500'000 + random.Below(50'000'000);
  wire.queue_bytes = 8'000 + random.Below(60'000);
  if (random.Below(4) == 0) {
    wire.shrinks_at = Time(std::chrono::seconds(1)) + std::chrono::milliseconds(random.Below(300));
    wire.packet_max_later = 600 + random.Below(900);
  }
  if (random.Below(3) == 0) wire.marks_above = wire.queue_bytes / 4;
  wire.marks = maybe(0.05);
  return wire;
}

tcp::Settings SettingsOf(std::uint64_t seed) {
  tcp::Settings settings;
  settings.connections_max = 2;
  settings.syn_backlog_max = 1;
  settings.time_wait_max = 4;
  settings.stray_max = 8;
  settings.out_of_order_blocks_max = 64;
  settings.sack = seed % 4 != 0;
  settings.timestamps = seed % 3 != 0;
  settings.window_scale = static_cast<std::uint8_t>(seed % 5);
  settings.ecn_asked = seed % 2 != 0;
  return settings;
}

void ExpectTable(const std::string& name, const std::string& table) {
  const std::string path = std::string(SLIPWAY_SOURCE_ROOT) + "/tests/sim/" + name;
  if (std::getenv("SLIPWAY_WRITE_TABLE") != nullptr) std::ofstream(path) << table;
  std::stringstream reviewed;
  reviewed << std::ifstream(path).rdbuf();
  EXPECT_EQ(reviewed.str(), table)
      << name << " says otherwise; SLIPWAY_WRITE_TABLE=1 writes it anew, for review";
}

std::optional<tcp::Info> InfoOf(Station& station) {
  if (!station.host().Alive(station.connection())) return std::nullopt;
  return station.host().Info(station.connection());
}

bool TimerIsArmed(Station& station) {
  const auto info = InfoOf(station);
  return !info || TimerIsArmed(*info);
}

}  // namespace slipway::sim
