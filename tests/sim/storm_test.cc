// SPDX-License-Identifier: Apache-2.0
//
// A storm of booting machines (slipway-storm's own) against a whole worker under a virtual clock,
// over a wire that carries a few frames each millisecond: who waits for its turn, where, and that
// nobody is lost by it.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "bench/storm/farm.h"
#include "bench/storm/library.h"
#include "bench/storm/statistics.h"
#include "tests/sim/storm_lab.h"
#include "tests/support/appliance.h"

namespace slipway::dataplane {
namespace {

using namespace std::chrono_literals;

constexpr Duration kStep = 1ms;
constexpr std::uint32_t kMachines = 120;
constexpr std::size_t kImageBytes = 256 << 10;

struct StormOptions {
  AdmissionOptions admission;
  double frames_each_step = 8;  // towards the machines
  storm::FarmOptions machines;
};

storm::FarmOptions Mixed() {
  storm::FarmOptions options;
  options.workloads = {{.mode = storm::Mode::kBoot, .machines = kMachines}};
  options.personalities = {
      {storm::Firmware::kUefi, 2}, {storm::Firmware::kIpxe, 1}, {storm::Firmware::kLinux, 1}};
  options.url = storm::Url::Parse("https://10.77.0.1/image.efi");
  options.power_on = 1s;
  options.verify_every = 1;
  options.await_server = false;
  return options;
}

class Storm {
 public:
  explicit Storm(const StormOptions& options)
      : frames_each_step_(options.frames_each_step),
        wire_(VirtualWireOptions{.station = MacAddress{{0x02, 0x53, 0, 0, 0, 0}},
                                 .ring_frames = 256}),
        appliance_(memory_,
                   {.leases = 256, .connections = 2 * kMachines, .admission = options.admission}) {
    EXPECT_TRUE(wire_.Initialize({.pools = {&memory_.pool(1)}}).ok());
    EXPECT_TRUE(wire_.ReceiveFilters({.promiscuous = true}).ok());
    auto farm = storm::Farm::Create(options.machines,
                                    {.port = &wire_, .queue = 0, .pool = &memory_.pool(1)});
    EXPECT_TRUE(farm.ok()) << farm.status();
    farm_ = *std::move(farm);
    const auto image = NewImage(memory_, kImageBytes, 7);
    appliance_.snapshots().Publish(LabSnapshot(image, "https://boot.test/image.efi"));
  }

  ~Storm() {
    farm_->Stop(now_);
    for (int i = 0; i < 10; ++i) Round();
    appliance_.Stop(now_);
    EXPECT_TRUE(appliance_.StepsAddUp());
  }

  void Round() {
    now_ += kStep;
    appliance_.RunOnce(now_);
    appliance_.MakeLeasesDurable();
    for (const Event& event : appliance_.Events()) Note(event);
    for (credit_ = std::min(credit_ + frames_each_step_, 64.0); credit_ >= 1; --credit_) {
      const Frame frame = appliance_.wire().Take();
      if (frame.empty()) break;
      Buffer bytes(frame.size());
      frame.CopyTo(bytes);
      EXPECT_TRUE(wire_.Deliver(bytes));
    }
    farm_->RunOnce(now_);
    for (Frame frame = wire_.Take(); !frame.empty(); frame = wire_.Take()) {
      Buffer bytes(frame.size());
      frame.CopyTo(bytes);
      static_cast<void>(appliance_.wire().Deliver(bytes));
      appliance_.RunOnce(now_);
    }
    const AdmissionStatistics& now = appliance_.statistics().admission;
    most_waiting_ = std::max(most_waiting_, now.waiting_at_syn + now.waiting_at_server_hello);
  }

  void Run(Duration most) {
    const Time end = now_ + most;
    while (now_ < end && !farm_->finished()) Round();
  }

  double MeanBoot() const {
    double sum = 0;
    for (const storm::Machine& machine : farm_->machines()) sum += BootOf(machine);
    return sum / static_cast<double>(farm_->machines().size());
  }
  double LastBoot() const {
    double last = 0;
    for (const storm::Machine& machine : farm_->machines()) {
      last = std::max(last, BootOf(machine));
    }
    return last;
  }
  // Within each `group` machines whose first GETs followed each other: the mean of Jain's index.
  double JainTogether(std::size_t group) const {
    std::vector<const storm::Machine*> machines;
    for (const storm::Machine& machine : farm_->machines()) machines.push_back(&machine);
    std::ranges::sort(machines, {}, [](const storm::Machine* m) { return m->served_from; });
    double sum = 0;
    std::size_t groups = 0;
    for (std::size_t at = 0; at + group <= machines.size(); at += group, ++groups) {
      std::vector<double> rates;
      for (std::size_t i = at; i < at + group; ++i) {
        const Duration served = machines[i]->ended_at - machines[i]->served_from;
        rates.push_back(1 / std::chrono::duration<double>(served).count());
      }
      sum += storm::JainIndex(rates);
    }
    return sum / static_cast<double>(groups);
  }

  const storm::Farm& farm() const { return *farm_; }
  const AdmissionStatistics& admission() const { return appliance_.statistics().admission; }
  std::uint64_t most_waiting() const { return most_waiting_; }
  std::size_t told_to_wait() const { return told_to_wait_; }
  std::size_t told_their_turn() const { return told_their_turn_; }

 private:
  static double BootOf(const storm::Machine& machine) {
    return std::chrono::duration<double>(machine.ended_at - machine.powered_at).count();
  }
  void Note(const Event& event) {
    told_to_wait_ += event.kind == EventKind::kAdmissionWaits ? 1 : 0;
    told_their_turn_ += event.kind == EventKind::kAdmissionTurn ? 1 : 0;
  }

  double frames_each_step_;
  double credit_ = 0;
  Memory memory_;
  VirtualWire wire_;
  Appliance appliance_;
  std::unique_ptr<storm::Farm> farm_;
  Time now_ = Time{} + 1s;
  std::uint64_t most_waiting_ = 0;
  std::size_t told_to_wait_ = 0;
  std::size_t told_their_turn_ = 0;
};

void ExpectAllBooted(const Storm& storm) {
  const storm::Tally& tally = storm.farm().tally();
  EXPECT_EQ(tally.booted, kMachines);
  EXPECT_EQ(tally.failed, 0U);
  for (std::size_t i = 0; i < storm::kFailures; ++i) {
    if (tally.failures[i] == 0) continue;
    ADD_FAILURE() << tally.failures[i] << ": " << Describe(static_cast<storm::Failure>(i)).sentence;
  }
}

TEST(StormTest, MachinesInTurnsBootSoonerOnTheMeanAndNoneLater) {
  // Ten seconds' worth: UEFI comes four seconds after the others, and finds them still there.
  constexpr double kFrames = 2;
  Storm at_once(
      {.admission = {.enabled = false}, .frames_each_step = kFrames, .machines = Mixed()});
  at_once.Run(60s);
  ExpectAllBooted(at_once);
  Storm in_turns(
      {.admission = {.machines_at_once = 8}, .frames_each_step = kFrames, .machines = Mixed()});
  in_turns.Run(60s);
  ExpectAllBooted(in_turns);
  EXPECT_GT(in_turns.most_waiting(), kMachines / 2);
  EXPECT_EQ(in_turns.admission().forced, 0U);
  EXPECT_EQ(in_turns.told_their_turn(), in_turns.admission().waited);
  EXPECT_GE(in_turns.told_to_wait(), in_turns.told_their_turn());
  EXPECT_LT(in_turns.MeanBoot(), 0.9 * at_once.MeanBoot());
  EXPECT_LE(in_turns.LastBoot(), 1.05 * at_once.LastBoot());
}

// "At least one segment every second to everyone admitted": a machine that asked and hears nothing
// for a second fails.
TEST(StormTest, NobodyWaitsAfterItsRequest) {
  StormOptions options{.admission = {.machines_at_once = 8}, .machines = Mixed()};
  options.machines.patience = 1s;
  Storm storm(options);
  storm.Run(60s);
  ExpectAllBooted(storm);
  EXPECT_LE(storm.farm().tally().longest_silence, Duration(500ms));
}

TEST(StormTest, MachinesServedTogetherAreServedAlike) {
  StormOptions options{.admission = {.machines_at_once = 16}, .machines = Mixed()};
  Storm storm(options);
  storm.Run(60s);
  ExpectAllBooted(storm);
  EXPECT_GE(storm.JainTogether(8), 0.95);
}

// A wire so slow that the queue is longer than any firmware waits: all are let in late, all boot.
TEST(StormTest, NobodyIsLostWhereTheQueueIsLongerThanTheirPatience) {
  Storm storm(
      {.admission = {.machines_at_once = 2}, .frames_each_step = 0.25, .machines = Mixed()});
  storm.Run(300s);
  ExpectAllBooted(storm);
  EXPECT_GT(storm.admission().forced, 0U);
}

TEST(StormTest, AFewMachinesNeverWait) {
  StormOptions options{.admission = {}, .machines = Mixed()};
  Storm storm(options);
  storm.Run(60s);
  ExpectAllBooted(storm);
  EXPECT_EQ(storm.most_waiting(), 0U);
  EXPECT_EQ(storm.told_to_wait(), 0U);
}

}  // namespace
}  // namespace slipway::dataplane
