// SPDX-License-Identifier: Apache-2.0
//
// One of slipway-storm's machines of each kind boots a small image from a whole worker, and every
// frame is recorded. tests/fuzz/captures holds such recordings, which the fuzzers begin with:
// SLIPWAY_WRITE_CAPTURES=1 writes them anew. The machines must still say what is recorded there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

#include "bench/storm/farm.h"
#include "tests/sim/storm_lab.h"
#include "tests/support/pcap.h"
#include "tests/support/seeded_openssl.h"
#include "tests/support/station.h"

namespace slipway::dataplane {
namespace {

using namespace std::chrono_literals;

struct Boot {
  const char* name;
  storm::Firmware firmware;
  const char* uri;
};
constexpr Boot kBoots[] = {
    {"uefi-http", storm::Firmware::kUefi, "http://boot.test/image.efi"},
    {"uefi-https", storm::Firmware::kUefi, "https://boot.test/image.efi"},
    {"ipxe-http", storm::Firmware::kIpxe, "http://boot.test/image.efi"},
    {"ipxe-https", storm::Firmware::kIpxe, "https://boot.test/image.efi"},
    {"linux-https", storm::Firmware::kLinux, "https://boot.test/image.efi"},
};

using Recording = std::vector<support::TimedFrame>;

Recording Record(const Boot& boot, Memory& memory) {
  SeedOpenssl(1);
  Appliance appliance(memory, {});
  appliance.snapshots().Publish(LabSnapshot(NewImage(memory, 3000, 1), boot.uri));
  VirtualWire wire({.station = MacAddress{{0x02, 0x53, 0, 0, 0, 0}}});
  EXPECT_TRUE(wire.Initialize({.pools = {&memory.pool(1)}}).ok());
  EXPECT_TRUE(wire.ReceiveFilters({.promiscuous = true}).ok());
  storm::FarmOptions options;
  options.workloads = {{.mode = storm::Mode::kBoot, .machines = 1}};
  options.personalities = {{boot.firmware, 1}};
  options.url = storm::Url::Parse(boot.uri);
  options.await_server = false;
  auto farm = storm::Farm::Create(options, {.port = &wire, .queue = 0, .pool = &memory.pool(1)});
  EXPECT_TRUE(farm.ok()) << farm.status();
  Recording recording;
  Time now = Time{} + 1s;
  const auto carry = [&](VirtualWire& from, VirtualWire& to) {
    for (Frame frame = from.Take(); !frame.empty(); frame = from.Take()) {
      const auto at = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
      recording.push_back({at.count(), Buffer(frame.size())});
      frame.CopyTo(recording.back().bytes);
      EXPECT_TRUE(to.Deliver(recording.back().bytes));
    }
  };
  for (const Time end = now + 30s; now < end && !(*farm)->finished(); now += 1ms) {
    (*farm)->RunOnce(now);
    carry(wire, appliance.wire());
    appliance.Run(now);
    appliance.MakeLeasesDurable();
    appliance.Run(now);
    carry(appliance.wire(), wire);
  }
  EXPECT_EQ((*farm)->tally().booted, 1u) << boot.name;
  (*farm)->Stop(now);
  appliance.Stop(now);
  return recording;
}

// What a machine says, by kind, and how often.
std::map<std::string, int> KindsOf(const std::vector<support::FrameBytes>& frames) {
  std::map<std::string, int> kinds;
  for (const support::FrameBytes& frame : frames) {
    const Seen seen = See(frame);
    if (seen.link.source == kApplianceMac) continue;
    if (seen.arp) ++kinds["ARP"];
    if (seen.udp) ++kinds["UDP to port " + std::to_string(seen.udp->destination.value())];
    if (seen.tcp && seen.tcp->flags.syn) {
      ++kinds["SYN to port " + std::to_string(seen.tcp->destination.value())];
    }
  }
  return kinds;
}

TEST(BootCaptures, TheMachinesStillSayWhatIsRecordedOfThem) {
  Memory memory;
  for (const Boot& boot : kBoots) {
    const Recording recording = Record(boot, memory);
    const std::string path =
        std::string(SLIPWAY_SOURCE_ROOT) + "/tests/fuzz/captures/" + boot.name + ".pcap";
    if (std::getenv("SLIPWAY_WRITE_CAPTURES") != nullptr) {
      ASSERT_TRUE(support::WritePcap(path, recording)) << path;
    }
    std::vector<support::FrameBytes> now;
    for (const support::TimedFrame& frame : recording) now.push_back(frame.bytes);
    const auto kinds = KindsOf(now);
    for (const char* kind : {"ARP", "UDP to port 67", "UDP to port 53"}) {
      EXPECT_TRUE(kinds.contains(kind)) << boot.name << " says nothing of " << kind;
    }
    EXPECT_EQ(KindsOf(support::ReadPcap(path)), kinds)
        << boot.name << ": SLIPWAY_WRITE_CAPTURES=1 writes the recording anew";
  }
  EXPECT_EQ(memory.in_use(), 0u);
}

}  // namespace
}  // namespace slipway::dataplane
