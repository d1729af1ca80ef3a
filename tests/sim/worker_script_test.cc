// SPDX-License-Identifier: Apache-2.0
//
// The script by which the fuzzer feeds a worker reaches what lies deep: HTTP by frames whose
// checksums and acknowledgments it makes right, and what is behind a handshake by its machine.
#include "tests/support/worker_script.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace slipway::dataplane {
namespace {

constexpr Ends kEnds{.from = {{0x52, 0x54, 0, 0, 0, 9}},
                     .to = kApplianceMac,
                     .source = Ipv4Address(10, 77, 0, 9),
                     .destination = kApplianceAddress};

class Written {
 public:
  Written& Step(std::uint8_t what, std::uint16_t number, Bytes more = {}) {
    bytes_.insert(bytes_.end(), {what, static_cast<std::uint8_t>(number >> 8),
                                 static_cast<std::uint8_t>(number)});
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  Written& Frame(std::uint8_t what, Buffer frame) {
    return Step(what, static_cast<std::uint16_t>(frame.size()), frame);
  }
  // What the appliance told of it.
  std::vector<Event> Run() const {
    WorkerScript script(bytes_);
    std::vector<Event> events;
    while (script.Step()) {
      const auto more = script.Events();
      events.insert(events.end(), more.begin(), more.end());
    }
    script.Finish();
    return events;
  }

 private:
  Buffer bytes_;
};

bool Has(const std::vector<Event>& events, EventKind kind) {
  return std::ranges::count(events, kind, &Event::kind) > 0;
}

// A whole request in three segments, whose ACKs are counted from what the server sent.
Written PlainRequest(std::uint8_t flags, bool damaged) {
  tcp::Segment segment{.source = Port(4000), .destination = Port(80), .window = 65535};
  const auto frame = [&] {
    Buffer bytes = TcpFrame(kEnds, segment);
    // A byte of the window, which the checksum covers and a server takes as it comes.
    if (damaged) bytes[14 + 20 + 15] ^= 1;
    return bytes;
  };
  Written written;
  segment.flags.syn = true;
  written.Frame(flags, frame());
  segment.flags = {.ack = true};
  segment.seq = tcp::SeqNum(1);
  written.Frame(flags, frame());
  constexpr std::string_view kGet = "GET /image.efi HTTP/1.1\r\nHost: boot.test\r\n\r\n";
  segment.text = AsBytes(kGet);
  return written.Frame(flags, frame());
}

TEST(WorkerScriptTest, FramesOfAnotherDayReachHttp) {
  EXPECT_TRUE(Has(PlainRequest(0, false).Run(), EventKind::kHttpRequest));
  EXPECT_TRUE(Has(PlainRequest(0, true).Run(), EventKind::kHttpRequest))
      << "checksums not repaired";
}

TEST(WorkerScriptTest, AFlagEachLeavesWhatAFrameSaidItself) {
  EXPECT_FALSE(
      Has(PlainRequest(WorkerScript::kChecksumsAsTheyCame, true).Run(), EventKind::kTcpOpened));
  EXPECT_TRUE(
      Has(PlainRequest(WorkerScript::kAddressesAsTheyCame, false).Run(), EventKind::kHttpRequest));
  EXPECT_FALSE(Has(PlainRequest(WorkerScript::kAckAsItCame, false).Run(), EventKind::kHttpRequest));
}

TEST(WorkerScriptTest, ItsMachineGetsBehindAHandshake) {
  for (const int version : {1, 2}) {
    Written written;
    written.Step(static_cast<std::uint8_t>(WorkerScript::kCall + version), 0x1f);
    for (int i = 0; i < 8; ++i) written.Step(WorkerScript::kSend, 15);
    const auto events = written.Run();
    EXPECT_TRUE(Has(events, EventKind::kTlsDone)) << version;
    EXPECT_TRUE(Has(events, EventKind::kHttpRequest)) << version;
  }
}

TEST(WorkerScriptTest, ALostFrameIsSentAgainAndASpoiltRecordEndsTls) {
  Written lost;
  lost.Step(WorkerScript::kCall + 2, 0).Step(WorkerScript::kSendAndLose, 0);
  lost.Step(WorkerScript::kPause, 1500);
  for (int i = 0; i < 8; ++i) lost.Step(WorkerScript::kSend, 15);
  EXPECT_TRUE(Has(lost.Run(), EventKind::kHttpRequest));
  Written spoilt;
  spoilt.Step(WorkerScript::kCall + 2, 0).Step(WorkerScript::kSend, 0);
  // Of the ClientHello, behind the ACK: a byte of its record header.
  spoilt.Step(WorkerScript::kSend, 0).Step(WorkerScript::kSendAndSpoil, (14 + 20 + 20) * 16);
  for (int i = 0; i < 8; ++i) spoilt.Step(WorkerScript::kSend, 15);
  const auto events = spoilt.Run();
  EXPECT_FALSE(Has(events, EventKind::kTlsDone));
  EXPECT_FALSE(Has(events, EventKind::kHttpRequest));
}

}  // namespace
}  // namespace slipway::dataplane
