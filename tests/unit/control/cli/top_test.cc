// SPDX-License-Identifier: Apache-2.0
//
// `slipway top` without a terminal: two answers of the REST interface in, figures and text out.
#include <gmock/gmock.h>

#include <sstream>

#include "control/cli/top_sample.h"
#include "control/cli/top_screen.h"

namespace slipway::control {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::DoubleNear;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

// A worker that has been up for a second and did nothing.
json QuietWorker(int number = 0) {
  json steps = json::object();
  for (const auto name : kTopSteps) steps[std::string(name)] = {{"frames", 0}, {"cycles", 0}};
  return {{"worker", number},
          {"at", 1.0},
          {"cycles", {{"busy", 0}, {"idle", 2'000'000'000}}},
          {"steps", steps},
          {"seal_sample", {{"cycles", 0}, {"bytes", 0}}},
          {"received", {{"frames", 0}, {"bytes", 0}, {"bursts", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}},
          {"sent",
           {{"frames", 0},
            {"bytes", 0},
            {"payload_bytes", 0},
            {"sealed_bytes", 0},
            {"borrowed_bytes", 0},
            {"retransmissions", 0},
            {"bursts", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}},
          {"outbox", {{"frames", 0}, {"peak", 0}, {"limit", 256}, {"ring_full", 0}}},
          {"pool", {{"used", 100}, {"permille", 125}}},
          {"connections", {{"open", 0}, {"opened", 0}}},
          {"handshakes", {{"finished", 0}, {"waiting", 0}}},
          {"events_lost", 0},
          {"drops", json::object()}};
}

json Sample(std::vector<json> workers) {
  return {
      {"boots",
       {{"under_way", 812}, {"waiting", 0}, {"complete", 120}, {"failed", 0}, {"abandoned", 0}}},
      {"workers", std::move(workers)}};
}

// Two seconds later: a million frames out, a sixteenth of it in, three quarters of the time busy.
json BusyWorker(int number = 0) {
  json worker = QuietWorker(number);
  worker["at"] = 3.0;
  worker["cycles"] = {{"busy", 3'000'000'000}, {"idle", 3'000'000'000}};
  worker["steps"]["receive"]["cycles"] = 150'000'000;
  worker["steps"]["deliver"]["cycles"] = 300'000'000;
  worker["steps"]["emit"]["cycles"] = 2'400'000'000;
  worker["steps"]["transmit"]["cycles"] = 150'000'000;
  worker["seal_sample"] = {{"cycles", 15'000'000}, {"bytes", 10'000'000}};
  worker["received"] = {
      {"frames", 62'500}, {"bytes", 62'500 * 60}, {"bursts", {0, 0, 15'625, 0, 0, 0, 0, 0, 0, 0}}};
  worker["sent"]["frames"] = 1'000'000;
  worker["sent"]["bytes"] = 1'500'000'000;
  worker["sent"]["payload_bytes"] = 1'200'000'000;
  worker["sent"]["sealed_bytes"] = 900'000'000;
  worker["sent"]["bursts"] = {0, 0, 0, 0, 50'000, 0, 0, 0, 0, 0};
  worker["outbox"] = {{"frames", 12}, {"peak", 200}, {"limit", 256}, {"ring_full", 2'500}};
  worker["connections"] = {{"open", 1'234}, {"opened", 400}};
  worker["handshakes"] = {{"finished", 300}, {"waiting", 5}};
  return worker;
}

TopView BusyView(int workers = 1) {
  std::vector<json> before, after;
  for (int i = 0; i < workers; ++i) {
    before.push_back(QuietWorker(i));
    after.push_back(BusyWorker(i));
  }
  return ViewBetween(Sample(before), Sample(after)).value();
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(TopSample, RatesAreOfTheTimeBetweenTheWorkersOwnStamps) {
  const TopWorker worker = BusyView().workers[0];
  EXPECT_DOUBLE_EQ(worker.seconds, 2);
  EXPECT_DOUBLE_EQ(worker.load, 0.75);
  EXPECT_DOUBLE_EQ(worker.bits_out, 6e9);
  EXPECT_DOUBLE_EQ(worker.bits_in, 8 * 62'500 * 60 / 2.0);
  EXPECT_DOUBLE_EQ(worker.packets_out, 500'000);
  EXPECT_DOUBLE_EQ(worker.packets_in, 31'250);
  EXPECT_DOUBLE_EQ(worker.opened, 200);
  EXPECT_DOUBLE_EQ(worker.handshakes, 150);
  EXPECT_EQ(worker.connections, 1'234u);
}

TEST(TopSample, CostsAreBusyCyclesDividedByWhatWasDone) {
  const TopWorker worker = BusyView().workers[0];
  EXPECT_DOUBLE_EQ(worker.cycles_per_packet, 3e9 / 1'062'500);
  EXPECT_DOUBLE_EQ(worker.cycles_per_byte, 2.5);
  EXPECT_DOUBLE_EQ(worker.sealed_share, 0.75);
  EXPECT_DOUBLE_EQ(worker.burst_in, 4);
  EXPECT_DOUBLE_EQ(worker.burst_out, 20);
  EXPECT_DOUBLE_EQ(worker.ring_full, 0.05);
}

TEST(TopSample, SealingIsTakenOutOfEmitAndAllStepsMakeTheWhole) {
  const TopWorker worker = BusyView().workers[0];
  // 1.5 cycles a byte where it was measured, for every byte of payload.
  EXPECT_THAT(worker.step_shares[5], DoubleNear(0.6, 1e-9));
  EXPECT_THAT(worker.step_shares[4], DoubleNear(0.2, 1e-9));
  double sum = 0;
  for (const double share : worker.step_shares) sum += share;
  EXPECT_THAT(sum, DoubleNear(1, 1e-9));
}

TEST(TopSample, ADaemonStartedAnewCountsFromZero) {
  json before = BusyWorker();
  before["at"] = 1000.0;
  before["sent"]["bytes"] = 5'000'000'000;
  const auto view = ViewBetween(Sample({before}), Sample({BusyWorker()}));
  EXPECT_DOUBLE_EQ(view->workers[0].seconds, 3);
  EXPECT_DOUBLE_EQ(view->workers[0].bits_out, 4e9);
  EXPECT_DOUBLE_EQ(view->workers[0].burst_out, 20);
}

TEST(TopSample, TheFirstSampleIsSinceTheStart) {
  const auto view = ViewBetween(json(), Sample({BusyWorker()}));
  EXPECT_DOUBLE_EQ(view->workers[0].seconds, 3);
  EXPECT_DOUBLE_EQ(view->workers[0].load, 0.5);
}

TEST(TopSample, DropsOfAllWorkersAreSummedTheFastestFirst) {
  json first = BusyWorker(0), second = BusyWorker(1), quiet = QuietWorker(0);
  const auto drop = [](std::uint64_t count, const char* severity) {
    return json{{"count", count}, {"severity", severity}, {"sentence", "words"}};
  };
  quiet["drops"] = {{"Old", drop(5'000, "normal")}};
  first["drops"] = {{"Old", drop(5'000, "normal")}, {"Slow", drop(10, "peer")}};
  second["drops"] = {{"Slow", drop(20, "peer")}, {"Fast", drop(400, "load")}};
  const auto view = ViewBetween(Sample({quiet, QuietWorker(1)}), Sample({first, second}));
  ASSERT_THAT(view->drops, SizeIs(3));
  EXPECT_EQ(view->drops[0].name, "Fast");
  EXPECT_DOUBLE_EQ(view->drops[0].per_second, 200);
  EXPECT_EQ(view->drops[1].name, "Slow");
  EXPECT_EQ(view->drops[1].count, 30u);
  EXPECT_DOUBLE_EQ(view->drops[1].per_second, 15);
  EXPECT_EQ(view->drops[2].name, "Old");
  EXPECT_DOUBLE_EQ(view->drops[2].per_second, 0);
}

TEST(TopSample, WhatIsNoAnswerIsNoView) {
  EXPECT_FALSE(ViewBetween(json(), json()).has_value());
  EXPECT_FALSE(ViewBetween(json(), json::array()).has_value());
  EXPECT_FALSE(ViewBetween(json(), {{"workers", 7}}).has_value());
  // Fields of a later or earlier version may be missing: zeros, no failure.
  EXPECT_TRUE(ViewBetween(json(), {{"workers", {json::object()}}}).has_value());
}

TEST(TopSample, TheDocumentHasTheFiguresOfTheView) {
  const json document = ToJson(BusyView());
  EXPECT_DOUBLE_EQ(document["workers"][0]["load"].get<double>(), 0.75);
  EXPECT_DOUBLE_EQ(document["workers"][0]["bits_per_second_out"].get<double>(), 6e9);
  EXPECT_THAT(document["workers"][0]["step_shares"]["seal"].get<double>(), DoubleNear(0.6, 1e-9));
  EXPECT_EQ(document["boots"]["under_way"].get<int>(), 812);
}

TEST(TopScreen, NumbersAreShortAndGrouped) {
  EXPECT_EQ(Scaled(0), "0");
  EXPECT_EQ(Scaled(7), "7");
  EXPECT_EQ(Scaled(0.25), "0.25");
  EXPECT_EQ(Scaled(999), "999");
  EXPECT_EQ(Scaled(999.7), "1.00k");
  EXPECT_EQ(Scaled(12'340), "12.3k");
  EXPECT_EQ(Scaled(834'112), "834k");
  EXPECT_EQ(Scaled(9'712'000'000), "9.71G");
  EXPECT_EQ(Scaled(999'600'000), "1.00G");
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1'234'567), "1,234,567");
}

const TopFrame kFrame{.server = "127.0.0.1:8443", .clock = "18:20:31"};

TEST(TopScreen, OneWorkerOnASmallTerminal) {
  TopView view = BusyView();
  view.drops = {{.name = "TransmitRingFull",
                 .severity = "load",
                 .sentence = "the port's transmit ring was full",
                 .count = 12'345,
                 .per_second = 250},
                {.name = "EthernetNotForUs",
                 .severity = "normal",
                 .sentence = "addressed to another station",
                 .count = 7'654'321}};
  EXPECT_EQ(RenderTop(view, kFrame, {.columns = 80, .rows = 24}),
            R"(slipway top  127.0.0.1:8443  18:20:31  every 1 s
boots  812 running  0 waiting  120 done  0 failed  0 abandoned

WORKER  LOAD              BIT/S OUT     IN PKT/S OUT     IN   OPEN  NEW/S  TLS/S
     0  ########..   75 %     6.00G  15.0M      500k  31.2k  1.23k    200    150

WORKER  CYCLES/PKT  /BYTE  BURST IN   OUT   OUTBOX  PEAK  RING FULL   POOL
     0       2.82k   2.50       4.0  20.0       12   200        5 %   13 %

WORKER  where the busy cycles go (sealing measured in one round of 64)
     0  RRRRDDDDDDDEEEEEEEEEEEEEESSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSTTTT
  Receive 5  Classify 0  Deliver 10  eXpire 0  Emit 20  Seal 60  Transmit 5 %

DROPS/S        TOTAL  KIND    WHY
    250       12,345  load    the port's transmit ring was full
      -    7,654,321  normal  addressed to another station







q quit   p pause   + slower   - faster
)");
}

TEST(TopScreen, TwoWorkersOnAWideOneStandInOneTable) {
  const auto lines = LinesOf(RenderTop(BusyView(2), kFrame, {.columns = 160, .rows = 50}));
  ASSERT_EQ(lines.size(), 50u);
  EXPECT_EQ(lines[3],
            "WORKER  LOAD              BIT/S OUT     IN PKT/S OUT     IN   OPEN  NEW/S  TLS/S"
            "  CYCLES/PKT  /BYTE  BURST IN   OUT   OUTBOX  PEAK  RING FULL   POOL");
  EXPECT_EQ(lines[5],
            "     1  ########..   75 %     6.00G  15.0M      500k  31.2k  1.23k    200    150"
            "       2.82k   2.50       4.0  20.0       12   200        5 %   13 %");
  EXPECT_EQ(lines[6],
            "   all  ########..   75 %     12.0G  30.0M     1.00M  62.5k  2.47k    400    300");
}

TEST(TopScreen, NoScreenIsExceededWhateverItsSize) {
  TopView view = BusyView(12);
  for (int i = 0; i < 40; ++i) {
    view.drops.push_back({.name = "SomeDrop",
                          .severity = "peer",
                          .sentence = std::string(90, 'w'),
                          .count = 12'345'678'901,
                          .per_second = 40.0 - i});
  }
  view.workers[3].load = 1;
  for (std::size_t columns = 40; columns <= 200; columns += 7) {
    for (std::size_t rows = 24; rows <= 90; rows += 11) {
      const auto lines = LinesOf(RenderTop(view, kFrame, {.columns = columns, .rows = rows}));
      EXPECT_EQ(lines.size(), rows) << columns;
      for (const std::string& line : lines) EXPECT_LE(line.size(), columns) << line;
      EXPECT_THAT(lines.back(), HasSubstr("q quit"));
    }
  }
}

TEST(TopScreen, WorkersAndDropsThatDoNotFitAreCounted) {
  TopView view = BusyView(12);
  for (int i = 0; i < 9; ++i) view.drops.push_back({.name = "D", .count = 1});
  const std::string text = RenderTop(view, kFrame, {.columns = 80, .rows = 30});
  EXPECT_THAT(text, HasSubstr("workers more; a taller window shows them"));
  EXPECT_THAT(text, HasSubstr("reasons more: slipway drops"));
  const std::string all = RenderTop(view, kFrame, {.columns = 80, .rows = 0});
  EXPECT_THAT(all, AllOf(Not(HasSubstr("workers more")), Not(HasSubstr("reasons more")),
                         HasSubstr("    11  ####")));
}

TEST(TopScreen, ColourChangesNoText) {
  const TopScreen plain{.columns = 100, .rows = 30};
  const TopScreen colored{.columns = 100, .rows = 30, .color = true};
  TopView view = BusyView(3);
  view.drops.push_back({.name = "D", .severity = "load", .sentence = "why", .per_second = 3});
  std::string text = RenderTop(view, kFrame, colored);
  EXPECT_THAT(text, HasSubstr("\033["));
  for (std::size_t at = text.find("\033["); at != text.npos; at = text.find("\033[")) {
    text.erase(at, text.find('m', at) + 1 - at);
  }
  EXPECT_EQ(text, RenderTop(view, kFrame, plain));
}

// What is unusual is said in words; what is not is not.
TEST(TopScreen, ItSaysWhatLimits) {
  TopView view = BusyView();
  const TopScreen screen{.columns = 120, .rows = 0};
  EXPECT_THAT(RenderTop(view, kFrame, screen), Not(HasSubstr("! ")));
  view.workers[0].load = 0.99;
  EXPECT_THAT(RenderTop(view, kFrame, screen), HasSubstr("! worker 0 is full"));
  view = BusyView();
  view.workers[0].ring_full = 0.4;
  EXPECT_THAT(RenderTop(view, kFrame, screen), HasSubstr("ring was full in 40 %"));
  view = BusyView();
  view.workers[0].pool = 0.98;
  EXPECT_THAT(RenderTop(view, kFrame, screen), HasSubstr("98 % of its packet memory"));
  view = BusyView();
  view.workers[0].retransmissions = 50'000;
  EXPECT_THAT(RenderTop(view, kFrame, screen), HasSubstr("50.0k segments a second are sent again"));
  view = BusyView();
  view.workers[0].events_lost = 3;
  EXPECT_THAT(RenderTop(view, kFrame, screen), HasSubstr("3 events a second are lost"));
  view = BusyView();
  view.workers[0].seconds = 0;
  EXPECT_THAT(RenderTop(view, kFrame, screen), HasSubstr("has not reported"));
}

TEST(TopScreen, AnApplianceThatDoesNotAnswerIsNamedAboveTheLastFigures) {
  TopFrame frame = kFrame;
  frame.trouble = "127.0.0.1:8443: Could not establish connection";
  const auto lines = LinesOf(RenderTop(BusyView(), frame, {.columns = 80, .rows = 24}));
  EXPECT_EQ(lines[2], frame.trouble);
  EXPECT_EQ(lines.size(), 24u);
}

TEST(TopScreen, MachinesThatWaitAreToldWithTheirTime) {
  TopView view = BusyView();
  view.boots.waiting = 9'188;
  view.boots.wait_seconds = 34.4;
  EXPECT_THAT(RenderTop(view, kFrame, {.columns = 120, .rows = 24}),
              HasSubstr("9,188 waiting (34 s for a new one)"));
}

}  // namespace
}  // namespace slipway::control
