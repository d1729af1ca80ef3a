// SPDX-License-Identifier: Apache-2.0
//
// What a whole worker reports: counters as they are posted, and events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/http/date.h"
#include "tests/unit/dataplane/worker_fixture.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WorkerReportsTest : public WorkerTest {};

TEST_F(WorkerReportsTest, CountsTheBurstsAndBytesOfItsPorts) {
  Start();
  const WorkerStatistics before = appliance_->statistics();
  const Buffer question = Echo(kMachine, Buffer(100));
  for (int i = 0; i < 4; ++i) appliance_->wire().Deliver(question);
  std::size_t bytes = 0;
  const auto sent = Ask(question);
  for (const Buffer& frame : sent) bytes += frame.size();
  appliance_->Run(now_ += milliseconds(200));  // counters are posted now and then
  const WorkerStatistics& after = appliance_->statistics();
  EXPECT_EQ(after.receive_bursts.frames - before.receive_bursts.frames, 5u);
  EXPECT_EQ(after.receive_bursts.counts[2] - before.receive_bursts.counts[2], 1u) << "4 to 7";
  EXPECT_EQ(after.received_bytes - before.received_bytes, 5 * question.size());
  ASSERT_THAT(sent, SizeIs(5));
  EXPECT_EQ(after.transmit_bursts.frames - before.transmit_bursts.frames, 5u);
  EXPECT_EQ(after.sent_bytes - before.sent_bytes, bytes);
  EXPECT_EQ(after.posted_nanoseconds, now_.time_since_epoch().count());
}

TEST_F(WorkerReportsTest, TellsOfFramesThatWaitForTheRing) {
  Start({.wire = {.ring_frames = 4}});
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 4; ++j) EXPECT_TRUE(appliance_->wire().Deliver(WhoHas(kApplianceAddress)));
    appliance_->Run(now_);
  }
  // Four on the wire, one in the port's hands.
  appliance_->Run(now_ += milliseconds(200));
  EXPECT_EQ(appliance_->statistics().outbox_frames, 15u);
  EXPECT_EQ(appliance_->statistics().outbox_peak, 15u);
  EXPECT_GT(appliance_->statistics().transmit_ring_full, 0u);
  for (int i = 0; i < 200; ++i) {
    appliance_->Sent();
    appliance_->Run(now_);
  }
  appliance_->Run(now_ += milliseconds(200));
  EXPECT_EQ(appliance_->statistics().outbox_frames, 0u);
  appliance_->Run(now_ += milliseconds(200));
  EXPECT_EQ(appliance_->statistics().outbox_peak, 0u) << "since the post before";
}

TEST_F(WorkerReportsTest, CountsEventsThatFindNoRoom) {
  Start();
  appliance_->Events();
  const Buffer query = UdpFrame(
      kMachine, {.source = Port(4000), .destination = Port(53), .payload = DnsQuery("boot")});
  for (int i = 0; i < 256; ++i) Ask(query);
  EXPECT_EQ(appliance_->statistics().events_lost, 0u);
  for (int i = 0; i < 10; ++i) Ask(query);
  EXPECT_EQ(appliance_->statistics().events_lost, 10u);
}

// NTP sets the clock of the machine, forwards or back.
TEST_F(WorkerReportsTest, TellsWhatHappensInTheWorldsTimeWhateverItsClockDoes) {
  Start();
  const Buffer query = UdpFrame(
      kMachine, {.source = Port(4000), .destination = Port(53), .payload = DnsQuery("boot")});
  std::int64_t at_zero = kUnixNanosecondsAtZero;
  std::uint16_t port = 1024;
  for (const Duration by : {Duration{}, Duration(std::chrono::hours(1)), Duration(-seconds(400))}) {
    appliance_->StepWallClock(by);
    at_zero += by.count();
    appliance_->Run(now_ += milliseconds(100));
    appliance_->Events();
    Ask(query);
    const auto events = appliance_->Events();
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].unix_nanoseconds, at_zero + now_.time_since_epoch().count());
    Station station(kMachine, MachineSettings(), port);
    HttpClient client(kGet, kImageSize);
    station.Connect(Port(port++), Port(80), client, now_);
    Talk(station, [&] { return station.closed; });
    const std::int64_t unix_now = (at_zero + now_.time_since_epoch().count()) / 1'000'000'000;
    constexpr std::string_view kDate = "\r\nDate: ";
    const std::string_view text = AsText(client.text);
    ASSERT_NE(text.find(kDate), text.npos);
    const auto date =
        http::ParseDate(text.substr(text.find(kDate) + kDate.size(), http::kDateSize), unix_now);
    EXPECT_NEAR(static_cast<double>(date.value_or(0)), static_cast<double>(unix_now), 1);
  }
}

// Anybody may claim our address at any rate.
TEST_F(WorkerReportsTest, AFloodOfClaimsToOurAddressLeavesTheStoriesWhole) {
  Start();
  appliance_->Events();
  for (int i = 0; i < 1000; ++i) {
    Ends other = kMachine;
    other.from.octets[5] = static_cast<std::uint8_t>(i);
    other.source = kApplianceAddress;
    Ask(WhoHas(kMachine.source, other));
  }
  EXPECT_EQ(appliance_->Dropped(Drop::kArpConflict), 1000u) << "each is counted";
  Ask(UdpFrame(kMachine,
               {.source = Port(4000), .destination = Port(53), .payload = DnsQuery("boot")}));
  EXPECT_EQ(appliance_->statistics().events_lost, 0u);
  const auto events = appliance_->Events();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front().kind, EventKind::kAddressConflict);
  EXPECT_EQ(events.back().kind, EventKind::kDnsQuery);
}

class ToldTest : public ::testing::Test {
 protected:
  // So many a second of this kind, for so long; how many of them were told.
  std::size_t Tell(EventKind kind, int per_second, Duration duration) {
    std::vector<Event> told(kEventsPerWorker);
    std::size_t count = 0;
    const Duration step = Duration(seconds(1)) / per_second;
    const Time end = now_ + duration;
    for (Time emptied = now_; now_ < end; now_ += step) {
      Event event;
      event.kind = kind;
      reporter_.Tell(event, now_);
      if (now_ - emptied < milliseconds(5)) continue;  // as the control plane does
      emptied = now_;
      count += events_.Poll(told);
    }
    return count + events_.Poll(told);
  }

  EventQueue events_{1, kEventsPerWorker};
  WallClock wall_{0};
  Reporter reporter_{{events_, 0, wall_}};
  Time now_{seconds(1)};
};

TEST_F(ToldTest, TellsEveryStepOfTenThousandMachinesThatAreSwitchedOnTogether) {
  for (const EventKind kind :
       {EventKind::kDhcpDiscover, EventKind::kDhcpOffer, EventKind::kDhcpRequest,
        EventKind::kDhcpAck, EventKind::kDhcpIgnored, EventKind::kAdmissionWaits}) {
    EXPECT_EQ(Tell(kind, 10'000, seconds(1)), 10'000u) << Describe(kind).name;
  }
  EXPECT_EQ(Tell(EventKind::kDnsQuery, 20'000, seconds(1)), 20'000u) << "A and AAAA";
  EXPECT_EQ(Tell(EventKind::kDhcpDiscover, 1'000'000, Duration(seconds(1)) / 2000), 500u)
      << "at once";
}

// Of every kind that one frame of anybody brings about, a hundred thousand a second.
TEST_F(ToldTest, NoFloodFillsTheQueueOrHidesAnotherKind) {
  for (const EventBound& bound : kEventBounds) {
    EXPECT_LE(Tell(bound.kind, 100'000, seconds(1)), bound.burst + bound.per_second + 1)
        << Describe(bound.kind).name;
  }
  EXPECT_EQ(Tell(EventKind::kTlsOffered, 1000, seconds(1)), 1000u);
  now_ += seconds(10);
  for (const EventBound& bound : kEventBounds) {
    for (std::uint32_t i = 0; i < 10 * bound.burst; ++i) {
      Event event;
      event.kind = bound.kind;
      reporter_.Tell(event, now_);
    }
  }
  EXPECT_EQ(reporter_.statistics.events_lost, 0u) << "all at once, and nobody reads";
  EXPECT_EQ(Tell(EventKind::kHttpRequest, 1000, seconds(1)), SumOfBursts() + 1000u);
}

TEST_F(WorkerReportsTest, CountsWhatItSeals) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  Boot(station, Port(1024), Port(80));
  EXPECT_EQ(appliance_->statistics().sealed_bytes, 0u);
  const std::uint64_t plain = appliance_->statistics().payload_bytes;
  Boot(station, Port(1025), Port(443), TLS1_3_VERSION);
  EXPECT_EQ(appliance_->statistics().sealed_bytes, appliance_->statistics().payload_bytes - plain);
  EXPECT_GT(appliance_->statistics().sealed_bytes, kImageSize);
}

TEST(BurstHistogram, CountsByPowersOfTwo) {
  BurstHistogram histogram;
  constexpr std::array<std::size_t, 12> kBursts = {0, 1, 2, 3, 4, 7, 8, 31, 32, 511, 512, 100'000};
  for (const std::size_t burst : kBursts) histogram.Add(burst);
  EXPECT_THAT(histogram.counts, testing::ElementsAre(1, 2, 2, 1, 1, 1, 0, 0, 1, 2));
  EXPECT_EQ(histogram.frames, 1u + 2 + 3 + 4 + 7 + 8 + 31 + 32 + 511 + 512 + 100'000);
}

TEST_F(WorkerReportsTest, TellsTheStoryOfABoot) {
  Start();
  appliance_->Events();
  Station station(kMachine, MachineSettings(), 1);
  Boot(station, Port(1024), Port(443), TLS1_3_VERSION);
  std::vector<EventKind> kinds;
  for (const Event& event : appliance_->Events()) {
    if (event.kind != EventKind::kHttpProgress) kinds.push_back(event.kind);
    EXPECT_EQ(event.mac, kMachine.from) << Describe(event.kind).words;
  }
  EXPECT_THAT(kinds, testing::ElementsAre(EventKind::kTcpOpened, EventKind::kTlsOffered,
                                          EventKind::kTlsDone, EventKind::kHttpRequest,
                                          EventKind::kHttpComplete, EventKind::kTcpClosed));
}

TEST_F(WorkerReportsTest, TellsHowThePeersTcpAndTlsAre) {
  Start();
  appliance_->Events();
  Station station(kMachine, MachineSettings(), 1);
  Boot(station, Port(1024), Port(443), TLS1_2_VERSION);
  std::map<EventKind, Event> told;
  for (const Event& event : appliance_->Events()) told.insert_or_assign(event.kind, event);
  EXPECT_THAT(std::string(told.at(EventKind::kTcpOpened).text()),
              testing::MatchesRegex("window=65536 scale=2 sack=1 timestamps=1 rtt_us=1000 "
                                    "syn=[0-9]+:[0-9]+:mss-nop-ws2-nop-nop-sack-nop-nop-ts"));
  const Event& offered = told.at(EventKind::kTlsOffered);
  EXPECT_EQ(offered.number, TLS1_2_VERSION);
  EXPECT_GT(offered.extra, 10);
  EXPECT_THAT(offered.text(),
              testing::ContainsRegex("^hello=[0-9a-f]+ suites=c0[0-9a-f]+,[0-9a-f,]*[0-9a-f]$"));
  const Event& closed = told.at(EventKind::kTcpClosed);
  EXPECT_THAT(std::string(closed.text()),
              testing::MatchesRegex("acked=" + std::to_string(closed.number) +
                                    " rtt_us=1000 window=65[0-9][0-9][0-9]"));
}

TEST_F(WorkerReportsTest, TellsWhoAskedWhereWeAreAndWhatDnsAnswered) {
  Start();
  appliance_->Events();
  Ask(WhoHas(kApplianceAddress));
  Ask(WhoHas(Ipv4Address(10, 77, 0, 2)));
  for (const char* name : {"boot", "other"}) {
    Ask(UdpFrame(kMachine,
                 {.source = Port(4000), .destination = Port(53), .payload = DnsQuery(name)}));
  }
  const auto events = appliance_->Events();
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[0].kind, EventKind::kArpAsked);
  EXPECT_EQ(events[0].address, kMachine.source);
  EXPECT_EQ(events[0].text(), "10.77.0.1");
  EXPECT_EQ(events[1].number, 1) << "A";
  EXPECT_EQ(events[1].extra, 0);
  EXPECT_EQ(events[2].text(), "other.test");
  EXPECT_EQ(events[2].extra, 5) << "refused";
}

TEST_F(WorkerReportsTest, TellsOfAWindowThatClosedAndStayedSo) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  HttpClient client(kGet, kImageSize);
  BeginDownload(station, client);
  appliance_->Events();
  // It still takes what arrives in order, and opens its window no more.
  Talk(
      station,
      [&] {
        station.host().SetReceiveRoom(station.connection(), 0);
        return station.closed;
      },
      seconds(200));
  const auto events = appliance_->Events();
  const auto ended = std::ranges::find_if(events, [](const Event& event) {
    return event.kind == EventKind::kTcpClosed || event.kind == EventKind::kTcpTimedOut;
  });
  ASSERT_NE(ended, events.end());
  EXPECT_THAT(std::string(ended->text()),
              testing::MatchesRegex("because=HttpStalled acked=[0-9]+ rtt_us=[0-9]+ window=0 "
                                    "closures=[1-9] closed_ms=(1[0-9]|[5-9])[0-9]{4}"));
}

// Frames take long both ways and the machine's window holds two, so the file takes more than the
// minute after which a receiver that takes nothing is given up, and some of it is always on its
// way. Where OpenSSL seals, what is acknowledged counts all the same.
TEST_F(WorkerReportsTest, ADownloadOfManyMinutesIsNoStalledOneThoughSomeIsAlwaysOnItsWay) {
  constexpr std::uint32_t kWindow = 2920;
  constexpr Duration kOneWay = milliseconds(1250);
  Start();
  tcp::Settings settings = MachineSettings();
  settings.receive_window = kWindow;
  Station station(kMachine, settings, 1);
  HttpClient client(kGet, kImageSize, TLS1_2_VERSION, [](SSL_CTX* context) {
    SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-SHA256");
  });
  station.Connect(Port(1024), Port(443), client, now_);
  struct Delayed {
    Time at;
    Buffer frame;
  };
  std::deque<Delayed> up;
  std::deque<Delayed> down;
  std::vector<std::int64_t> progress;
  const Time began = now_;
  for (; !station.closed && now_ - began < seconds(400); now_ += milliseconds(10)) {
    station.host().SetReceiveRoom(station.connection(), kWindow);
    while (auto frame = station.Emit(now_)) up.push_back({now_ + kOneWay, *std::move(frame)});
    for (; !up.empty() && up.front().at <= now_; up.pop_front()) {
      appliance_->wire().Deliver(up.front().frame);
    }
    appliance_->Run(now_);
    while (auto frame = appliance_->Emit(now_)) down.push_back({now_ + kOneWay, *std::move(frame)});
    for (; !down.empty() && down.front().at <= now_; down.pop_front()) {
      station.Receive(down.front().frame, now_);
    }
    if (station.Deadline() <= now_) station.Expire(now_);
    for (const Event& event : appliance_->Events()) {
      if (event.kind == EventKind::kHttpProgress) progress.push_back(event.number);
    }
  }
  EXPECT_GT(now_ - began, seconds(65));
  EXPECT_EQ(appliance_->Dropped(Drop::kHttpStalled), 0u);
  EXPECT_FALSE(station.reset);
  ExpectImage(client);
  ASSERT_THAT(progress, testing::SizeIs(testing::Ge(20u)));
  EXPECT_TRUE(std::ranges::is_sorted(progress));
  // As far as the records that have arrived whole.
  EXPECT_GE(std::ranges::count_if(progress, [](std::int64_t bytes) { return bytes > 50'000; }), 10);
  EXPECT_GE(std::set(progress.begin(), progress.end()).size(), 20u);
  TakeLast(station);
}

// A machine behind a router is switched off in the middle of its download; the router says so.
TEST_F(WorkerReportsTest, TellsThatAMachineThatAnswersNoMoreIsUnreachable) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  HttpClient client(kGet, kImageSize);
  BeginDownload(station, client);
  appliance_->Events();
  std::vector<Event> told;
  for (const Time end = now_ + seconds(500); now_ < end; now_ += milliseconds(50)) {
    appliance_->Run(now_);
    for (const Buffer& frame : appliance_->Sent()) {
      if (See(frame).tcp) {
        appliance_->wire().Deliver(IcmpFrame(kMachine, {.type = icmp::kDestinationUnreachable,
                                                        .code = 1,
                                                        .argument = 0,
                                                        .body = Bytes(frame).subspan(14, 40)}));
      }
    }
    for (const Event& event : appliance_->Events()) told.push_back(event);
  }
  const auto ended = std::ranges::find_if(told, [](const Event& event) {
    return event.kind == EventKind::kTcpClosed || event.kind == EventKind::kTcpTimedOut;
  });
  ASSERT_NE(ended, told.end());
  EXPECT_TRUE(ended->text().starts_with("because=unreachable ")) << ended->text();
}

TEST_F(WorkerReportsTest, CountsARequestForAFileThatIsNotThere) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  HttpClient client("GET /nothing.efi HTTP/1.1\r\nHost: boot.test\r\n\r\n", 1);
  station.Connect(Port(1024), Port(80), client, now_);
  Talk(station, [&] { return appliance_->Dropped(Drop::kHttpNotFound) == 1; });
  EXPECT_EQ(appliance_->Dropped(Drop::kHttpNotFound), 1u);
  EXPECT_TRUE(appliance_->StepsAddUp());
}

TEST_F(WorkerReportsTest, CountsWhatItHasNoBufferFor) {
  Start();
  std::vector<Frame> taken;
  appliance_->wire().Deliver(Echo(kMachine, Buffer(8)));
  for (Frame f = memory_->pool(0).Allocate(); !f.empty(); f = memory_->pool(0).Allocate()) {
    taken.push_back(std::move(f));
  }
  appliance_->Run(now_);
  EXPECT_THAT(appliance_->Sent(), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kNoBuffer), 1u);
  EXPECT_TRUE(appliance_->StepsAddUp());
  taken.clear();
  EXPECT_THAT(Ask(Echo(kMachine, Buffer(8))), SizeIs(1));
}

}  // namespace
}  // namespace slipway::dataplane
