// SPDX-License-Identifier: Apache-2.0
//
// Never given twice: random clients, messages, time jumps, policies and restarts against an
// oracle that knows only what was acknowledged and journalled.
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/protocols/dhcp/bench.h"

namespace slipway::dhcp {
namespace {

using std::chrono::milliseconds;

struct Holding {
  unsigned client = 0;
  std::int64_t until = 0;  // Unix seconds, by the client's clock
};

// A world of clients around one server. Each client is (MAC, maybe a client identifier).
class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    PolicySettings settings = TestSettings();
    settings.networks[0].pools = {{kFirst, Ipv4Address(10, 77, 0, 104)},
                                  {Ipv4Address(10, 77, 0, 200), Ipv4Address(10, 77, 0, 207)}};
    settings.networks[0].lease_time_min = std::chrono::seconds(1);
    settings.machines = {{.mac = MacOf(1), .addresses = {Ipv4Address(10, 77, 0, 50)}},
                         {.mac = MacOf(2), .addresses = {kFirst}}};
    policies_.push_back(Bench::Checked(settings));
    settings.networks[0].pools = {{kFirst, Ipv4Address(10, 77, 0, 109)}};
    settings.machines.pop_back();
    policies_.push_back(Bench::Checked(settings));
    Restart();
  }

  void Run(int steps) {
    for (step_ = 0; step_ < steps && !::testing::Test::HasFailure(); ++step_) Step();
  }
  std::size_t acknowledged() const { return acknowledged_; }

 private:
  static constexpr unsigned kClients = 30;

  std::int64_t Unix() const {
    return Bench::kZero + std::chrono::floor<std::chrono::seconds>(now_.time_since_epoch()).count();
  }

  void Restart() {
    server_.emplace(ServerSettings{.leases_max = 24,
                                   .unix_seconds_at_zero = Bench::kZero,
                                   .probe_time = milliseconds(random_.Below(2) * 500)},
                    random_);
    server_->SetPolicy(policies_[0].get());
    std::vector<Lease> leases;
    for (const auto& [address, lease] : journal_) leases.push_back(lease);
    server_->Restore(leases);
    offers_.clear();
  }

  Said Message(unsigned client) {
    static constexpr DhcpMessageType kTypes[] = {
        DhcpMessageType::kDiscover, DhcpMessageType::kDiscover, DhcpMessageType::kRequest,
        DhcpMessageType::kRequest,  DhcpMessageType::kRequest,  DhcpMessageType::kDecline,
        DhcpMessageType::kRelease,  DhcpMessageType::kInform};
    const DhcpMessageType type = kTypes[random_.Below(std::size(kTypes))];
    Said said(type, MacOf(client));
    if (client % 3 == 0) {
      said.Option(61, {255, static_cast<std::uint8_t>(client), 1});
    }
    Ipv4Address address(kFirst.value() + static_cast<std::uint32_t>(random_.Below(12)));
    if (offers_.count(client) != 0 && random_.Below(4) != 0) address = offers_[client];
    const bool releases = type == DhcpMessageType::kRelease || type == DhcpMessageType::kInform;
    switch (releases ? 0 : random_.Below(4)) {
      case 0:
        said.Ciaddr(address);
        break;
      case 1:
        said.Address(50, address);
        break;
      default:
        said.Address(50, address).Address(54, kServer);
        break;
    }
    if (random_.Below(3) == 0) said.U32(51, static_cast<std::uint32_t>(random_.Below(200)));
    return said;
  }

  void Step() {
    switch (random_.Below(40)) {
      case 0:
        now_ += std::chrono::seconds(random_.Below(4000));
        break;
      case 1:
        server_->SetPolicy(policies_[random_.Below(policies_.size())].get());
        break;
      case 2:
        if (random_.Below(5) == 0) Restart();
        break;
      default:
        now_ += milliseconds(random_.Below(3000));
        break;
    }
    const auto client = static_cast<unsigned>(random_.Below(kClients));
    const auto bytes = Message(client).Bytes();
    Take(server_->Receive({.message = bytes, .destination = Ipv4Address::Broadcast()}, buffer_,
                          now_));
    if (random_.Below(2) == 0 && !probes_.empty()) {
      const Ipv4Address address = probes_.back();
      probes_.pop_back();
      Take(server_->ProbeResult(address, random_.Below(3) == 0, now_));
    }
    server_->Expire(now_);
    while (const auto outcome = server_->Emit(buffer_, now_)) Take(*outcome);
  }

  // The journal sometimes refuses; then nothing is sent.
  void Take(const Outcome& outcome) {
    if (outcome.probe) probes_.push_back(*outcome.probe);
    if (outcome.change) {
      // The client gave it up itself, whether that reaches the disk or not.
      if (outcome.change->state != LeaseState::kBound) {
        holders_.erase(outcome.change->address.value());
      }
      if (random_.Below(10) == 0) return server_->Abandon(*outcome.change);
      journal_[outcome.change->address.value()] = *outcome.change;
    }
    if (outcome.reply) Judge(outcome);
  }

  void Judge(const Outcome& outcome) {
    OptionScratch scratch;
    const auto reply = Parse(slipway::Bytes(buffer_).first(outcome.reply->size), scratch);
    ASSERT_TRUE(reply);
    const unsigned client = static_cast<unsigned>(reply->mac.octets[5]);
    if (reply->yiaddr.is_unspecified()) return;
    const auto holder = holders_.find(reply->yiaddr.value());
    if (holder != holders_.end() && holder->second.until > Unix()) {
      ASSERT_EQ(holder->second.client, client)
          << "step " << step_ << ": " << reply->yiaddr.ToString() << " "
          << Describe(outcome.decision) << " though another holds it";
    }
    if (reply->type == DhcpMessageType::kOffer) offers_[client] = reply->yiaddr;
    if (reply->type != DhcpMessageType::kAck) return;
    ++acknowledged_;
    ASSERT_TRUE(outcome.change) << "an ACK without a durable change";
    holders_[reply->yiaddr.value()] = {client,
                                       Unix() + *reply->options.U32(DhcpOption::kLeaseTime)};
    offers_[client] = reply->yiaddr;
  }

  SeededEntropy random_;
  std::vector<std::unique_ptr<Policy>> policies_;
  std::optional<Server> server_;
  std::array<std::uint8_t, kReplySizeMax> buffer_{};
  Time now_{};
  int step_ = 0;
  std::size_t acknowledged_ = 0;
  std::map<std::uint32_t, Lease> journal_;
  std::map<std::uint32_t, Holding> holders_;
  std::map<unsigned, Ipv4Address> offers_;
  std::vector<Ipv4Address> probes_;
};

TEST(NeverTwice, HoldsForAnyClientsMessagesTimesPoliciesAndRestarts) {
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    World world(seed);
    world.Run(2000);
    acknowledged += world.acknowledged();
    if (HasFailure()) return;
  }
  EXPECT_GT(acknowledged, 20000U) << "the worlds must be busy ones";
}

}  // namespace
}  // namespace slipway::dhcp
