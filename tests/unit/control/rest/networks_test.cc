// SPDX-License-Identifier: Apache-2.0
//
// Networks as an operator makes and changes them while the daemon runs, down to what the
// dataplane's policy then has.
#include <gmock/gmock.h>

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kFar =
    "network set far --subnet 10.88.0.0/24 --relayed true --pools 10.88.0.10-10.88.0.20";

constexpr const char* kNear =
    "network set near --subnet 10.77.0.0/24 --pools 10.77.0.100-10.77.0.199";

class RestNetworksTest : public RestTest {
 protected:
  const dhcp::NetworkSettings* Served(const char* address) {
    return snapshot_->dhcp->NetworkOf(*Ipv4Address::Parse(address));
  }
  std::optional<Ipv4Address> KeptFor(const char* mac) {
    const auto* machine = snapshot_->dhcp->FindMachine({*MacAddress::Parse(mac), {}, {}});
    const auto* network = Served("10.88.0.1");
    if (machine == nullptr || network == nullptr) return std::nullopt;
    return dhcp::Policy::ReservedAddress(*machine, *network);
  }
  // A machine's in the far network, which ends so many seconds from now.
  static dhcp::Lease BoundFor(std::int64_t seconds) {
    return {.address = *Ipv4Address::Parse("10.88.0.12"),
            .mac = *MacAddress::Parse("52:54:00:00:00:07"),
            .state = dhcp::LeaseState::kBound,
            .expires_unix_seconds = std::time(nullptr) + seconds};
  }
  // A port with a gateway, and no network of the file.
  void BeginAnew(const char* gateway) {
    End();
    site_ = Text(kSitePort, "gateway = \"", gateway, "\"\n");
    Begin();
  }
  std::optional<Ipv4Address> ToldRouter() { return Served("10.77.0.9")->gateway; }
};

TEST_F(RestNetworksTest, ANetworkIsServedFromTheMomentItIsSetAndAfterARestart) {
  EXPECT_EQ(Served("10.88.0.1"), nullptr);
  const Ran set = Slipway(kFar);
  EXPECT_EQ(set.code, 0) << set.text;
  EXPECT_THAT(set.text, HasSubstr("far: 10.88.0.0/24, pools 10.88.0.10-10.88.0.20"));
  ASSERT_NE(Served("10.88.0.1"), nullptr);
  EXPECT_EQ(Served("10.88.0.1")->name, "far");

  // What an option does not mention stays.
  EXPECT_EQ(Slipway("network set far --lease-time 10m").code, 0);
  EXPECT_EQ(Served("10.88.0.1")->lease_time, std::chrono::minutes(10));
  EXPECT_EQ(Served("10.88.0.1")->pools.size(), 1U);

  End();
  Begin();
  ASSERT_NE(Served("10.88.0.1"), nullptr);
  EXPECT_EQ(Served("10.88.0.1")->lease_time, std::chrono::minutes(10));
  const Ran list = Slipway("network list");
  EXPECT_THAT(list.text, HasSubstr("catalog"));
  EXPECT_THAT(list.text, HasSubstr("file"));
  EXPECT_EQ(Slipway("network rm far").code, 0);
  EXPECT_EQ(Served("10.88.0.1"), nullptr);
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("network far"));
}

TEST_F(RestNetworksTest, WhatDoesNotFitIsRefusedAndNothingChanges) {
  const Ran overlap =
      Slipway("network set near --subnet 10.77.0.0/25 --pools 10.77.0.10-10.77.0.20");
  EXPECT_EQ(overlap.code, 1);
  EXPECT_THAT(overlap.text, HasSubstr("overlaps 10.77.0.0/24 of lab"));
  const Ran truth = Slipway(std::string(kFar) + " --authoritative maybe");
  EXPECT_EQ(truth.code, 1);
  EXPECT_THAT(truth.text, HasSubstr("network.authoritative = \"maybe\": not true or false"));
  EXPECT_EQ(snapshot_->dhcp->networks().size(), 1U);
  EXPECT_THAT(Slipway("audit list").text, Not(HasSubstr("network")));
}

TEST_F(RestNetworksTest, ThoseOfTheFileAreChangedThere) {
  const Ran set = Slipway("network set lab --lease-time 10m");
  EXPECT_EQ(set.code, 1);
  EXPECT_THAT(set.text, HasSubstr("lab: is a network of the configuration file; change it there"));
  EXPECT_EQ(Slipway("network rm lab").code, 1);
  EXPECT_EQ(Slipway("network reserve lab 10.77.0.9 52:54:00:00:00:01").code, 1);
}

TEST_F(RestNetworksTest, AnAddressIsKeptForOneMachineAtATime) {
  ASSERT_EQ(Slipway(kFar).code, 0);
  EXPECT_EQ(Slipway("network reserve far 10.88.0.9 52:54:00:AA:00:01").code, 0);
  EXPECT_EQ(KeptFor("52:54:00:aa:00:01"), Ipv4Address::Parse("10.88.0.9"));
  // Another address for the same machine, in another spelling; then another machine at that one.
  EXPECT_EQ(Slipway("network reserve far 10.88.0.8 52:54:00:aa:00:01").code, 0);
  EXPECT_EQ(KeptFor("52:54:00:aa:00:01"), Ipv4Address::Parse("10.88.0.8"));
  EXPECT_EQ(Slipway("network reserve far 10.88.0.8 52:54:00:aa:00:02").code, 0);
  EXPECT_EQ(KeptFor("52:54:00:aa:00:01"), std::nullopt);
  EXPECT_EQ(KeptFor("52:54:00:aa:00:02"), Ipv4Address::Parse("10.88.0.8"));
  const Ran outside = Slipway("network reserve far 10.99.0.8 52:54:00:aa:00:03");
  EXPECT_EQ(outside.code, 1);
  EXPECT_THAT(outside.text, HasSubstr("outside the subnet"));
  EXPECT_EQ(Slipway("network unreserve far 10.88.0.8").code, 0);
  EXPECT_EQ(KeptFor("52:54:00:aa:00:02"), std::nullopt);
  EXPECT_EQ(Slipway("network unreserve far 10.88.0.8").code, 1);
}

TEST_F(RestNetworksTest, LeasesKeepANetworkUnlessItIsMeantAllTheSame) {
  ASSERT_EQ(Slipway(kFar).code, 0);
  core_->leases().Take(std::array{BoundFor(60)});
  const Ran refused = Slipway("network rm far");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("far: has leases of 1 machine, which could not be renewed"));
  EXPECT_EQ(Slipway("network rm far --all").code, 0);
  EXPECT_EQ(Served("10.88.0.1"), nullptr);
}

TEST_F(RestNetworksTest, LeasesThatRanOutFillNoNetworkAndKeepNone) {
  ASSERT_EQ(Slipway(kFar).code, 0);
  const auto told = [this](const char* path) { return client_->Get(path)->body; };
  core_->leases().Take(std::array{BoundFor(60)});
  EXPECT_THAT(told("/api/v1/networks"), HasSubstr("\"leases\":1"));
  EXPECT_THAT(told("/metrics"), HasSubstr("slipway_network_leases{network=\"far\"} 1\n"));
  EXPECT_THAT(told("/api/v1/leases"), HasSubstr("\"state\":\"bound\""));
  core_->leases().Take(std::array{BoundFor(-1)});
  EXPECT_THAT(told("/api/v1/networks"), Not(HasSubstr("\"leases\":1")));
  EXPECT_THAT(told("/metrics"), HasSubstr("slipway_network_leases{network=\"far\"} 0\n"));
  EXPECT_THAT(told("/api/v1/leases"), HasSubstr("\"state\":\"expired\""));
  EXPECT_THAT(Slipway("lease list").text, HasSubstr("expired"));
  const Ran removed = Slipway("network rm far");
  EXPECT_EQ(removed.code, 0) << removed.text;
}

TEST_F(RestNetworksTest, WhatDocumentsNeedIsNotRemovedAllTheSameEither) {
  ASSERT_EQ(Slipway(kFar).code, 0);
  ASSERT_EQ(Slipway("network reserve far 10.88.0.9 52:54:00:00:00:01").code, 0);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  std::ofstream(folder_ / "text") << "address {{address}}\n";
  const Ran set =
      Slipway(Text("template set ks.cfg --when rack=a1 --file ", (folder_ / "text").string()));
  ASSERT_EQ(set.code, 0) << set.text;
  for (const char* command : {"network rm far", "network rm far --all"}) {
    const Ran refused = Slipway(command);
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.text, HasSubstr("ks.cfg of machine 52:54:00:00:00:01"));
  }
  ASSERT_NE(Served("10.88.0.1"), nullptr);
  ASSERT_EQ(Slipway("template rm ks.cfg").code, 0);
  EXPECT_EQ(Slipway("network rm far").code, 0);
}

TEST_F(RestNetworksTest, AChangeMayBeBoundToWhatWasRead) {
  ASSERT_EQ(Slipway(kFar).code, 0);
  const auto read = client_->Get("/api/v1/networks/far");
  ASSERT_TRUE(read);
  const std::string tag = read->get_header_value("ETag");
  // An answer may be sent back as it is.
  const auto same =
      client_->Put("/api/v1/networks/far", {{"If-Match", tag}}, read->body, "application/json");
  EXPECT_EQ(same->status, 200) << same->body;
  ASSERT_EQ(Slipway("network set far --lease-time 10m").code, 0);
  const auto late =
      client_->Put("/api/v1/networks/far", {{"If-Match", tag}}, read->body, "application/json");
  EXPECT_EQ(late->status, 412);
}

TEST_F(RestNetworksTest, AFileIsWrittenOverTheNetworkThatItWasMadeOfAndNoOther) {
  ASSERT_EQ(Slipway(kFar).code, 0);
  const std::string file = (folder_ / "far.json").string();
  const Ran shown = Slipway("--json network show far");
  ASSERT_EQ(shown.code, 0) << shown.text;
  std::ofstream(file) << shown.text;
  const std::string from = Text("network set far --from ", file);
  const Ran set = Slipway(from + " --lease-time 10m");
  EXPECT_EQ(set.code, 0) << set.text;
  EXPECT_EQ(Served("10.88.0.1")->lease_time, std::chrono::minutes(10));

  const Ran late = Slipway(from + " --lease-time 20m");
  EXPECT_EQ(late.code, 1);
  EXPECT_THAT(late.text, HasSubstr("/api/v1/networks/far: was changed meanwhile"));
  EXPECT_THAT(late.text, HasSubstr(Text("or take \"etag\" out of ", file)));
  EXPECT_EQ(Served("10.88.0.1")->lease_time, std::chrono::minutes(10));

  auto own = nlohmann::json::parse(shown.text);
  EXPECT_EQ(own.erase("etag"), 1U);
  std::ofstream(file) << own.dump();
  const Ran all_the_same = Slipway(from + " --lease-time 20m");
  EXPECT_EQ(all_the_same.code, 0) << all_the_same.text;
  EXPECT_EQ(Served("10.88.0.1")->lease_time, std::chrono::minutes(20));
}

TEST_F(RestNetworksTest, AReservationMayBeBoundToTheNetworkThatListedIt) {
  ASSERT_EQ(Slipway(kFar).code, 0);
  const auto tag = [this] {
    return client_->Get("/api/v1/networks/far")->get_header_value("ETag");
  };
  const std::string path = "/api/v1/networks/far/reservations/10.88.0.9";
  const auto keep = [&](const std::string& of, const std::string& mac) {
    return client_->Put(path, {{"If-Match", of}}, Text(R"({"mac": ")", mac, R"("})"),
                        "application/json");
  };
  const std::string before = tag();
  const auto kept = keep(before, "52:54:00:00:00:01");
  ASSERT_EQ(kept->status, 200) << kept->body;
  EXPECT_EQ(kept->get_header_value("ETag"), tag());
  // Somebody else, who saw the address kept for nobody.
  const auto late = keep(before, "52:54:00:00:00:02");
  EXPECT_EQ(late->status, 412);
  EXPECT_THAT(late->body, HasSubstr("/api/v1/networks/far: was changed meanwhile; its ETag is "))
      << "the network's is meant";
  EXPECT_EQ(client_->Delete(path, {{"If-Match", before}})->status, 412);
  EXPECT_EQ(KeptFor("52:54:00:00:00:01"), Ipv4Address::Parse("10.88.0.9"));
  EXPECT_EQ(client_->Delete(path, {{"If-Match", tag()}})->status, 204);
  EXPECT_EQ(KeptFor("52:54:00:00:00:01"), std::nullopt);
}

TEST_F(RestNetworksTest, AReservationMayBeOnlyForAnAddressThatIsKeptForNobody) {
  ASSERT_EQ(Slipway(kFar).code, 0);
  const std::string path = "/api/v1/networks/far/reservations/10.88.0.9";
  const auto keep = [&](const std::string& mac) {
    return client_->Put(path, {{"If-None-Match", "*"}}, Text(R"({"mac": ")", mac, R"("})"),
                        "application/json");
  };
  const auto kept = keep("52:54:00:00:00:01");
  ASSERT_EQ(kept->status, 200) << kept->body;
  const auto late = keep("52:54:00:00:00:02");
  EXPECT_EQ(late->status, 412);
  EXPECT_THAT(late->body, HasSubstr(path + ": is there already; leave out If-None-Match"));
  EXPECT_EQ(KeptFor("52:54:00:00:00:01"), Ipv4Address::Parse("10.88.0.9"));
  EXPECT_EQ(KeptFor("52:54:00:00:00:02"), std::nullopt);
}

TEST_F(RestNetworksTest, ARouterThatThePortLendsNeverBecomesTheNetworksOwn) {
  BeginAnew("10.77.0.254");
  ASSERT_EQ(Slipway(kNear).code, 0);
  EXPECT_EQ(ToldRouter(), Ipv4Address::Parse("10.77.0.254"));
  // Written back by a command, by a reservation, and as a client has read it.
  ASSERT_EQ(Slipway("network set near --lease-time 10m").code, 0);
  ASSERT_EQ(Slipway("network reserve near 10.77.0.20 52:54:00:00:00:01").code, 0);
  const auto read = client_->Get("/api/v1/networks/near");
  ASSERT_TRUE(read);
  EXPECT_THAT(read->body, HasSubstr(R"("inherited_router":"10.77.0.254")"));
  EXPECT_THAT(read->body, Not(HasSubstr(R"("router")")));
  const auto same = client_->Put("/api/v1/networks/near", read->body, "application/json");
  EXPECT_EQ(same->status, 200) << same->body;
  EXPECT_EQ(same->body, read->body);
  EXPECT_EQ(ToldRouter(), Ipv4Address::Parse("10.77.0.254"));
  BeginAnew("10.77.0.253");
  EXPECT_EQ(ToldRouter(), Ipv4Address::Parse("10.77.0.253")) << "the old one was kept as its own";

  ASSERT_EQ(Slipway("network set near --router 10.77.0.9").code, 0);
  EXPECT_EQ(ToldRouter(), Ipv4Address::Parse("10.77.0.9"));
  EXPECT_THAT(Slipway("network show near").text, Not(HasSubstr("inherited_router")));
  ASSERT_EQ(Slipway("network set near --router ''").code, 0);
  EXPECT_EQ(ToldRouter(), Ipv4Address::Parse("10.77.0.253"));
  EXPECT_THAT(Slipway("network show near").text, HasSubstr("inherited_router: 10.77.0.253"));
}

TEST_F(RestNetworksTest, WhatWouldTakeThePortsGatewayIsRefusedWhereItIsPut) {
  BeginAnew("10.77.0.254");
  const Ran pool = Slipway("network set near --subnet 10.77.0.0/24 --pools 10.77.0.9-10.77.0.254");
  EXPECT_EQ(pool.code, 1);
  EXPECT_THAT(pool.text, HasSubstr("network.pools = \"10.77.0.9-10.77.0.254\": holds 10.77.0.254, "
                                   "the port's gateway"));
  ASSERT_EQ(Slipway(kNear).code, 0);
  const char* keep = "network reserve near 10.77.0.254 52:54:00:00:00:01";
  const Ran kept = Slipway(keep);
  EXPECT_EQ(kept.code, 1);
  EXPECT_THAT(kept.text,
              HasSubstr("network.reservation.address = \"10.77.0.254\": the port's gateway"));
  EXPECT_EQ(ToldRouter(), Ipv4Address::Parse("10.77.0.254"));
  // With a router of its own the network has that address to give.
  ASSERT_EQ(Slipway("network set near --router 10.77.0.9").code, 0);
  EXPECT_EQ(Slipway(keep).code, 0);
  EXPECT_EQ(Slipway("network set near --router ''").code, 1);
  EXPECT_EQ(ToldRouter(), Ipv4Address::Parse("10.77.0.9"));
}

TEST_F(RestNetworksTest, AGatewayThatIsTakenWhenItComesIsToldAtTheStartAndMachinesAreServed) {
  BeginAnew("10.77.0.254");
  ASSERT_EQ(Slipway(kNear).code, 0);
  testing::internal::CaptureStderr();
  BeginAnew("10.77.0.150");
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("network near: its machines are told no router: network.pools = "
                        "\"10.77.0.100-10.77.0.199\": holds 10.77.0.150, the port's gateway"));
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("network near without a router"));
  ASSERT_NE(Served("10.77.0.9"), nullptr);
  EXPECT_EQ(ToldRouter(), std::nullopt);
  EXPECT_EQ(Slipway(kFar).code, 0) << "another network's change has nothing to do with it";
  // It is mended in steps, and goes on being changed meanwhile.
  EXPECT_EQ(Slipway("network reserve near 10.77.0.20 52:54:00:00:00:01").code, 0);
  EXPECT_EQ(ToldRouter(), std::nullopt);
  ASSERT_EQ(Slipway("network set near --pools 10.77.0.100-10.77.0.149").code, 0);
  EXPECT_EQ(ToldRouter(), Ipv4Address::Parse("10.77.0.150"));
}

TEST_F(RestNetworksTest, ViewersLookAndOperatorsReserve) {
  ASSERT_EQ(Slipway(kFar).code, 0);
  client_->set_bearer_token_auth(MakeToken("op --role operator"));
  EXPECT_EQ(client_->Get("/api/v1/networks/far")->status, 200);
  EXPECT_EQ(client_
                ->Put("/api/v1/networks/far/reservations/10.88.0.9",
                      R"({"mac": "52:54:00:00:00:01"})", "application/json")
                ->status,
            200);
  EXPECT_EQ(
      client_->Put("/api/v1/networks/far", R"({"subnet": "10.88.0.0/24"})", "application/json")
          ->status,
      403);
  EXPECT_EQ(client_->Delete("/api/v1/networks/far")->status, 403);
}

}  // namespace
}  // namespace slipway::control
