// SPDX-License-Identifier: Apache-2.0
//
// Rules and machines as an operator meets them: through the command line, down to what the
// dataplane's policy then answers.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "control/serve/surroundings.h"
#include "protocols/dhcp/message.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

class RulesTest : public RestTest {
 protected:
  // What the dataplane would do with a machine that says nothing but its MAC and that it is x64's
  // UEFI HTTP boot: the choice's name and what it does.
  std::string Decided(std::uint8_t last) {
    const MacAddress mac{{0x52, 0x54, 0, 0, 0, last}};
    const dhcp::Policy& policy = *snapshot_->dhcp;
    dhcp::Client client;
    client.mac = mac;
    client.kind = dhcp::ClientKind::kHttp;
    client.architectures[client.architecture_count++] = 0x10;
    const dhcp::Message message{};
    const dhcp::Choice* choice =
        policy.FindChoice(policy.FindMachine({mac, {}, {}}), {client, message, "lab"});
    if (choice == nullptr) return "nothing";
    const dhcp::BootRule* rule = dhcp::Policy::FindBootRule(*choice, client);
    constexpr const char* kWords[] = {"boot", "ignore", "hold", "local"};
    return Text(choice->name, ' ', kWords[static_cast<unsigned>(choice->disposition)],
                rule == nullptr ? "" : " " + rule->uri.substr(0, rule->uri.find_last_of('/')));
  }
};

TEST_F(RulesTest, AMachineNobodyKnowsIsHeldUntilItIsApproved) {
  ImportBootFile("debian:stable");
  EXPECT_EQ(Slipway("rule set ask --order 10 --action hold").code, 0);
  EXPECT_EQ(Slipway("rule set rest --order 20 --image debian:stable").code, 0);
  EXPECT_EQ(Decided(1), "ask hold");
  const Ran held = Slipway("explain --mac 52:54:00:00:00:01");
  EXPECT_THAT(held.text, HasSubstr("a machine that the catalog does not know"));
  EXPECT_THAT(held.text,
              HasSubstr("is held until it is approved: slipway machine approve MAC, by rule ask"));
  EXPECT_EQ(Slipway("machine approve 52:54:00:00:00:01").code, 0);
  EXPECT_THAT(Decided(1), testing::StartsWith("rest boot https://"));
  EXPECT_EQ(Decided(2), "ask hold");
  EXPECT_THAT(Slipway("explain --mac 52:54:00:00:00:01").text,
              HasSubstr("the machine is approved"));
}

// The diagnosis asks the policy as the dataplane does: with the UUID that the lease tells, in the
// network that the relay stands for.
TEST_F(RulesTest, WhyNamesWhatTheMachineGetsWhereItIs) {
  secure_boot_ = R"([[network]]
name = "far"
subnet = "10.78.0.0/24"
pools = ["10.78.0.100-10.78.0.199"]
relayed = true
)";
  End();
  Begin();
  ImportBootFile("debian:stable");
  ImportBootFile("far:1");
  ImportBootFile("own:1");
  ASSERT_EQ(Slipway("rule set far --order 10 --when network=far --image far:1").code, 0);
  constexpr MacAddress kMac{{0x52, 0x54, 0, 0, 0, 0x11}};
  const auto assigned = [&] {
    return SurroundingsOf(*core_, kMac, core_->timelines().Of(kMac)).image_set;
  };
  dataplane::Event event;
  event.kind = dataplane::EventKind::kDhcpDiscover;
  event.mac = kMac;
  event.number = 0x10;
  event.unix_nanoseconds = 1'790'000'000'000'000'000;
  event.set_text("HTTPClient:Arch:00016:UNDI:003000");
  core_->timelines().Take(event);
  EXPECT_EQ(assigned(), "debian:stable");
  event.extra = Ipv4Address(10, 78, 0, 1).value();
  core_->timelines().Take(event);
  EXPECT_EQ(assigned(), "far:1");
  // Known by its UUID alone.
  const std::string uuid = "00112233-4455-6677-8899-aabbccddeeff";
  ASSERT_EQ(Slipway("machine set " + uuid + " own:1").code, 0);
  dhcp::Lease lease;
  lease.address = Ipv4Address(10, 78, 0, 100);
  lease.mac = kMac;
  lease.uuid = *Uuid::Parse(uuid);
  core_->leases().Take(std::vector<dhcp::Lease>{lease});
  EXPECT_EQ(assigned(), "own:1");
}

TEST_F(RulesTest, LabelsDecideAndAreSeen) {
  ImportBootFile("web:1");
  EXPECT_EQ(Slipway("rule set web --when 'rack in (a1, a2), arch=x64' --image web:1").code, 0);
  EXPECT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1 role=db").code, 0);
  EXPECT_EQ(Decided(2), "nothing");
  EXPECT_THAT(Decided(1), testing::StartsWith("web boot"));
  EXPECT_THAT(Slipway("machine list").text, HasSubstr("rack=a1,role=db"));
  EXPECT_EQ(Slipway("machine label 52:54:00:00:00:01 rack-").code, 0);
  EXPECT_EQ(Decided(1), "nothing");
  EXPECT_THAT(Slipway("rule list").text, HasSubstr("rack in (a1, a2), arch=x64"));
  EXPECT_THAT(Slipway("explain --mac 52:54:00:00:00:01").text, HasSubstr("web: needs rack in"));
}

TEST_F(RulesTest, ANeedThatIsNotMetIsSaidBeforeTheBootAndAfterIt) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("image import " + (folder_ / "boot.efi").string() +
                    " debian:stable --needs memory-mib=4096")
                .code,
            0);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 memory-mib=2048").code, 0);
  const std::string words = "needs memory-mib=4096, and the machine's label says 2048";
  const Ran told = Slipway("explain --mac 52:54:00:00:00:01");
  EXPECT_EQ(told.code, 0);
  EXPECT_THAT(told.text, HasSubstr("but the image set " + words));
  EXPECT_THAT(Slipway("explain --mac 52:54:00:00:00:02").text, testing::Not(HasSubstr("needs")));
  EXPECT_THAT(Slipway("why 52:54:00:00:00:01 --json").text, testing::Not(HasSubstr("needs")))
      << "it was never seen";
  dataplane::Event event;
  event.kind = dataplane::EventKind::kHttpRequest;
  event.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}};
  event.unix_nanoseconds =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  event.number = 404;
  event.set_text("GET /debian/gone/boot.efi");
  core_->timelines().Take(event);
  EXPECT_THAT(Slipway("why 52:54:00:00:00:01 --json").text, HasSubstr("what it boots " + words));
}

TEST_F(RulesTest, AMachineThatBootsOnceIsLeftToItsDiskAfterwards) {
  ImportBootFile("installer:1");
  EXPECT_EQ(Slipway("rule set install --image installer:1 --mode once").code, 0);
  EXPECT_THAT(Decided(1), testing::StartsWith("install boot"));
  const MacAddress mac{{0x52, 0x54, 0, 0, 0, 1}};
  ASSERT_TRUE(core_->CountBoots({{mac, false}}).ok());
  EXPECT_THAT(Decided(1), testing::StartsWith("install boot")) << "it failed";
  ASSERT_TRUE(core_->CountBoots({{mac, true}}).ok());
  EXPECT_EQ(Decided(1), "install local");
  EXPECT_THAT(Decided(2), testing::StartsWith("install boot"));
  EXPECT_THAT(Slipway("explain --mac 52:54:00:00:00:01").text,
              HasSubstr("as it has booted, as often as planned"));
  EXPECT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  EXPECT_EQ(Slipway("machine variable 52:54:00:00:00:01 hostname=n7").code, 0);
  EXPECT_EQ(Slipway("machine approve 52:54:00:00:00:01").code, 0);
  EXPECT_EQ(Decided(1), "install local") << "nothing was said of its plan";
  EXPECT_EQ(Slipway("machine reset 52:54:00:00:00:01").code, 0);
  EXPECT_THAT(Decided(1), testing::StartsWith("install boot"));
}

// Which rule decides, only the machine's message says.
TEST_F(RulesTest, OfTwoPlansEachIsCountedForWhateverTheOtherSays) {
  ImportBootFile("installer:1");
  ASSERT_EQ(Slipway("rule set x64 --order 10 --when arch=x64 --image installer:1 "
                    "--mode until-success:2")
                .code,
            0);
  ASSERT_EQ(
      Slipway("rule set arm --order 20 --when arch=arm64 --image installer:1 --mode once").code, 0);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  for (const std::uint8_t last :
       std::initializer_list<std::uint8_t>{1, 2}) {  // the second is in no catalog
    const MacAddress mac{{0x52, 0x54, 0, 0, 0, last}};
    ASSERT_TRUE(core_->CountBoots({{mac, false}}).ok());
    EXPECT_THAT(Decided(last), testing::StartsWith("x64 boot"));
    ASSERT_TRUE(core_->CountBoots({{mac, false}}).ok());
    EXPECT_EQ(Decided(last), "x64 hold");
  }
}

TEST_F(RulesTest, AMachineWithoutAPlanIsNotEnteredForItsBoots) {
  ImportBootFile("debian:stable");
  ASSERT_TRUE(core_->CountBoots({{MacAddress{{0x52, 0x54, 0, 0, 0, 1}}, true}}).ok());
  EXPECT_EQ(client_->Get("/api/v1/machines")->body, "[]\n");
}

TEST_F(RulesTest, AMachineOfTheConfigurationFileKeepsItsSetWhenItIsCountedOrLabelled) {
  secure_boot_ = R"([[machine]]
name = "db1"
mac = "52:54:00:00:00:01"
uuid = "0a1b2c3d-0001-0203-0405-060708090a0b"
image_set = "debian:testing"
)";
  End();
  Begin();
  ImportBootFile("debian:testing");
  ImportBootFile("installer:1");
  ASSERT_EQ(Slipway("rule set x --when network=lab --image installer:1 --mode once").code, 0);
  const auto machines = [&] {
    return nlohmann::json::parse(client_->Get("/api/v1/machines")->body);
  };
  const std::string explain = "explain --mac 52:54:00:00:00:01";
  ASSERT_THAT(Slipway(explain).text, HasSubstr("boots debian:testing"));
  ASSERT_TRUE(core_->CountBoots({{MacAddress{{0x52, 0x54, 0, 0, 0, 1}}, true}}).ok());
  EXPECT_THAT(Slipway(explain).text, HasSubstr("boots debian:testing"));
  ASSERT_EQ(machines().size(), 1u);
  EXPECT_EQ(machines()[0]["id"], 0) << "nothing of it is to be remembered";
  // By whichever of its names.
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  ASSERT_EQ(Slipway("machine approve 0a1b2c3d-0001-0203-0405-060708090a0b").code, 0);
  EXPECT_THAT(Slipway(explain).text, HasSubstr("boots debian:testing"));
  ASSERT_EQ(machines().size(), 1u);
  EXPECT_NE(machines()[0]["id"], 0);
  EXPECT_EQ(machines()[0]["name"], "db1");
  EXPECT_EQ(machines()[0]["labels"]["rack"], "a1");
  EXPECT_EQ(machines()[0]["approved"], true);
  // The record counts in the file's place until it is removed.
  ASSERT_EQ(Slipway("machine set 52:54:00:00:00:01 -").code, 0);
  EXPECT_THAT(Slipway(explain).text, HasSubstr("boots installer:1"));
  ASSERT_EQ(Slipway("machine rm 52:54:00:00:00:01").code, 0);
  EXPECT_THAT(Slipway(explain).text, HasSubstr("boots debian:testing"));
  EXPECT_THAT(Slipway("machine rm 52:54:00:00:00:01").text, HasSubstr("remove it there"));
}

TEST_F(RulesTest, AScopeHoldsForMachinesOfTheConfigurationFileToo) {
  secure_boot_ = R"([[machine]]
name = "db1"
mac = "52:54:00:00:00:01"
image_set = "debian:testing"
)";
  End();
  Begin();
  const std::string token = MakeToken("web --role operator --scope rack=a1");
  httplib::SSLClient scoped("127.0.0.1", server_->port());
  scoped.set_ca_cert_path((folder_ / "state/ca.pem").c_str());
  scoped.set_bearer_token_auth(token);
  BePatient(scoped);
  const auto put = scoped.Put("/api/v1/machines/52:54:00:00:00:01", R"({"labels": {"rack": "a1"}})",
                              "application/json");
  EXPECT_EQ(put->status, 403) << put->body;
}

TEST_F(RulesTest, AUuidThatIsAnotherMachinesIsRefusedAndThatOneStaysAsItIs) {
  secure_boot_ = R"([[machine]]
name = "db1"
mac = "52:54:00:00:00:0f"
uuid = "0a1b2c3d-0001-0203-0405-060708090a0f"
image_set = "debian:testing"
)";
  End();
  Begin();
  ImportBootFile("debian:testing");
  const std::string by_uuid = "0a1b2c3d-0001-0203-0405-060708090a0b";
  const std::string of_file = "0a1b2c3d-0001-0203-0405-060708090a0f";
  ASSERT_EQ(Slipway(Text("machine label ", by_uuid, " rack=a1")).code, 0);
  ASSERT_EQ(Slipway(Text("machine hold ", by_uuid)).code, 0);
  const std::string before = client_->Get("/api/v1/machines/" + by_uuid)->body;
  const auto put = [this](const std::string& machine, const std::string& uuid) {
    return client_->Put("/api/v1/machines/" + machine, nlohmann::json{{"uuid", uuid}}.dump(),
                        "application/json");
  };
  for (const auto& [uuid, owner] :
       std::map<std::string, std::string>{{by_uuid, by_uuid}, {of_file, "52:54:00:00:00:0f"}}) {
    const auto claimed = put("52:54:00:00:00:01", uuid);
    EXPECT_EQ(claimed->status, 409) << claimed->body;
    EXPECT_THAT(claimed->body, HasSubstr(Text("is machine ", owner, "'s; change that one")));
  }
  EXPECT_EQ(client_->Get("/api/v1/machines/" + by_uuid)->body, before);
  EXPECT_EQ(client_->Get("/api/v1/machines/52:54:00:00:00:01")->status, 404);
  // Its own is its own, of the catalog's and of the file's.
  EXPECT_EQ(put(by_uuid, by_uuid)->status, 200);
  EXPECT_EQ(put("52:54:00:00:00:0f", of_file)->status, 200);
  EXPECT_EQ(put("52:54:00:00:00:0f", of_file)->status, 200) << "now that the catalog has it";
  EXPECT_EQ(put("52:54:00:00:00:01", "0a1b2c3d-0001-0203-0405-060708090a01")->status, 200);
}

// A new board has a new UUID, and is the same machine.
TEST_F(RulesTest, AMachineKnownByItsUuidAloneIsGivenAnother) {
  const std::string old_uuid = "0a1b2c3d-0001-0203-0405-060708090a0b";
  const std::string new_uuid = "0a1b2c3d-0001-0203-0405-060708090a0c";
  ASSERT_EQ(Slipway(Text("machine label ", old_uuid, " rack=a1")).code, 0);
  const auto changed = client_->Put("/api/v1/machines/" + old_uuid,
                                    nlohmann::json{{"uuid", new_uuid}}.dump(), "application/json");
  ASSERT_EQ(changed->status, 200) << changed->body;
  EXPECT_EQ(client_->Get("/api/v1/machines/" + old_uuid)->status, 404);
  const auto now = nlohmann::json::parse(client_->Get("/api/v1/machines/" + new_uuid)->body);
  EXPECT_EQ(now["labels"]["rack"], "a1");
  EXPECT_EQ(core_->store().Machines()->size(), 1U);
}

TEST_F(RulesTest, APlanIsOfTheRecordThatTheDataplaneFinds) {
  ImportBootFile("installer:1");
  const std::string uuid = "0a1b2c3d-0001-0203-0405-060708090a0b";
  ASSERT_EQ(Slipway("machine set " + uuid + " installer:1 --mode once").code, 0);
  const MacAddress mac{{0x52, 0x54, 0, 0, 0, 1}};
  const dhcp::Lease lease{
      .address = Ipv4Address(10, 77, 0, 100), .mac = mac, .uuid = *Uuid::Parse(uuid)};
  core_->leases().Take(std::vector<dhcp::Lease>{lease});
  ASSERT_TRUE(core_->CountBoots({{mac, true}}).ok());
  EXPECT_THAT(Slipway("explain --mac 52:54:00:00:00:01 --uuid " + uuid).text,
              HasSubstr("local installer:1"));
  EXPECT_EQ(core_->store().Machines()->size(), 1u) << "no second record by its MAC";
}

TEST_F(RulesTest, WhatCouldNotBeServedIsRefusedBeforeItIsStored) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("rule set r --image debian:stable").code, 0);
  EXPECT_EQ(Slipway("machine set 00000000-0000-0000-0000-000000000000 debian:stable").code, 1);
  // A boot file whose URI is longer than firmware takes.
  const std::string name(200, 'x');
  std::filesystem::create_directories(folder_ / "long" / name);
  std::ofstream(folder_ / "long" / name / "boot.efi") << "x";
  const Ran ran = Slipway("image import " + (folder_ / "long").string() + " debian:stable");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.text, HasSubstr("could not be served"));
  EXPECT_TRUE(core_->Republish().ok());
  EXPECT_EQ(client_->Get("/api/v1/machines")->body, "[]\n");
}

TEST_F(RulesTest, MistakesAreSaidAndChangeNothing) {
  ImportBootFile("debian:stable");
  EXPECT_EQ(Slipway("rule set r --image debian:stable").code, 0);
  const struct {
    const char* command;
    const char* says;
  } kCases[] = {
      {"rule set r --image gone:1", "gone:1: no such image set; import it first"},
      {"rule set r --image debian:stable --when arch", "'arch' is a fact, not a label"},
      {"rule set r --action dance", "none of boot, quarantine"},
      {"rule set s", "image_set: missing"},
      {"rule rm other", "other: no such rule"},
      {"machine mode 52:54:00:00:00:01 never", "is none of \"always\""},
      {"machine set 52:54:00:00:00:01 gone:1", "import it first"},
      {"machine approve nobody", "not a MAC"},
      {"explain --mac nobody", "mac: not a machine's MAC"},
      {"explain --mac 52:54:00:00:00:01 --arch z80", "arch: \"z80\""},
  };
  const std::string before = client_->Get("/api/v1/rules")->body;
  for (const auto& each : kCases) {
    const Ran ran = Slipway(each.command);
    EXPECT_EQ(ran.code, 1) << each.command;
    EXPECT_THAT(ran.text, HasSubstr(each.says)) << each.command;
  }
  EXPECT_EQ(client_->Get("/api/v1/rules")->body, before);
  EXPECT_EQ(client_->Get("/api/v1/machines")->body, "[]\n");
  EXPECT_EQ(client_->Get("/api/v1/explain?mac=52:54:00:00:00:01&colour=red")->status, 400);
  EXPECT_EQ(Slipway("image rm debian:stable").code, 1) << "a rule sends machines to it";
}

TEST_F(RulesTest, WhatACommandDoesNotSayStaysAsItIs) {
  ImportBootFile("debian:stable");
  ImportBootFile("debian:next");
  const auto rule = [&] { return nlohmann::json::parse(client_->Get("/api/v1/rules/r")->body); };
  const nlohmann::json whole = {{"name", "r"},
                                {"order", 20},
                                {"selector", "rack=a1"},
                                {"action", "boot"},
                                {"image_set", "debian:stable"},
                                {"mode", "once"},
                                {"options", {{{"code", 42}, {"hex", "0a4d0009"}}}},
                                {"variables", {{"console", "ttyS0"}}},
                                {"script", ""}};
  ASSERT_EQ(client_->Put("/api/v1/rules/r", whole.dump(), "application/json")->status, 200);
  nlohmann::json now = whole;
  now["image_set"] = "debian:next";
  EXPECT_EQ(Slipway("rule set r --image debian:next").code, 0);
  EXPECT_EQ(rule(), now);
  now["order"] = 5;
  EXPECT_EQ(Slipway("rule set r --order 5").code, 0);
  EXPECT_EQ(rule(), now);
  now["selector"] = "";
  EXPECT_EQ(Slipway("rule set r --when ''").code, 0);
  EXPECT_EQ(rule(), now);
  // What the new action has no use for goes.
  now["action"] = "quarantine";
  now["mode"] = "always";
  EXPECT_EQ(Slipway("rule set r --action quarantine").code, 0);
  EXPECT_EQ(rule(), now);
  now["action"] = "hold";
  now["image_set"] = "";
  EXPECT_EQ(Slipway("rule set r --action hold").code, 0);
  EXPECT_EQ(rule(), now);
  EXPECT_THAT(Slipway("rule set r --action boot").text, HasSubstr("image_set: missing"));
  // And so of a rollout.
  ASSERT_EQ(Slipway("rollout start debian:stable debian:next --when rack=a1 --percent 10 "
                    "--failures-max 3")
                .code,
            0);
  ASSERT_EQ(Slipway("rollout start debian:stable debian:next --percent 50").code, 0);
  auto rollout = nlohmann::json::parse(client_->Get("/api/v1/rollouts/debian:stable")->body);
  EXPECT_EQ(rollout["candidate_digest"].get<std::string>().size(), 64u);
  EXPECT_EQ(rollout["stable_digest"].get<std::string>().size(), 64u);
  rollout.erase("candidate_digest");
  rollout.erase("stable_digest");
  EXPECT_EQ(rollout, (nlohmann::json{{"stable", "debian:stable"},
                                     {"candidate", "debian:next"},
                                     {"selector", "rack=a1"},
                                     {"percent", 50},
                                     {"failures_max", 3}}));
}

// Answers every read by a fault of the moment, and takes every change.
class FaultyServer {
 public:
  FaultyServer(const std::filesystem::path& folder, const tls::Certificate& certificate)
      : server_(Written(folder / "faulty.pem", certificate.chain_pem).c_str(),
                Written(folder / "faulty.key", certificate.private_key_pem).c_str()) {
    server_.Get(".*", [](const httplib::Request&, httplib::Response& response) {
      response.status = 503;
      response.set_content(R"({"detail": "not now"})", "application/problem+json");
    });
    server_.Put(".*", [this](const httplib::Request&, httplib::Response& response) {
      ++changes;
      response.set_content("{}", "application/json");
    });
    port = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~FaultyServer() {
    server_.stop();
    thread_.join();
  }

  std::atomic<int> changes{0};
  int port = 0;

 private:
  static std::string Written(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
    return path.string();
  }

  httplib::SSLServer server_;
  std::thread thread_;
};

TEST_F(RulesTest, WhatCannotBeReadIsNotTakenForNothing) {
  FaultyServer faulty(folder_, *core_->certificates().management_certificate());
  for (const char* command :
       {"rule set r --image debian:next", "rule variable r a=b",
        "machine label 52:54:00:00:00:01 a=b", "machine variable 52:54:00:00:00:01 a=b",
        "rollout start debian:stable debian:next"}) {
    const Ran ran = Shell(Text(SLIPWAY_PROGRAM, " --state ", (folder_ / "state").string(),
                               " --server 127.0.0.1:", faulty.port, " ", command));
    EXPECT_EQ(ran.code, 1) << command;
    EXPECT_THAT(ran.text, HasSubstr("not now")) << command;
  }
  EXPECT_EQ(faulty.changes, 0);
}

TEST_F(RulesTest, RulesSurviveARestart) {
  ImportBootFile("debian:stable");
  EXPECT_EQ(Slipway("rule set r --when rack=a1 --image debian:stable").code, 0);
  const std::string before = client_->Get("/api/v1/rules")->body;
  End();
  Begin();
  EXPECT_EQ(client_->Get("/api/v1/rules")->body, before);
  EXPECT_EQ(client_->Get("/api/v1/rules/r")->status, 200);
  EXPECT_EQ(client_->Get("/api/v1/rules/s")->status, 404);
}

TEST_F(RulesTest, ANameMayHaveSlashes) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("rule set hall/racks --image debian:stable").code, 0);
  for (const char* path : {"/api/v1/rules/hall/racks", "/api/v1/rules/hall%2Fracks"}) {
    const auto shown = client_->Get(path);
    ASSERT_EQ(shown->status, 200) << path << ' ' << shown->body;
    EXPECT_EQ(nlohmann::json::parse(shown->body)["name"], "hall/racks");
  }
  EXPECT_EQ(
      client_
          ->Put("/api/v1/rules/hall racks", R"({"image_set": "debian:stable"})", "application/json")
          ->status,
      400);
  EXPECT_EQ(Slipway("rule rm hall/racks").code, 0);
  EXPECT_EQ(client_->Get("/api/v1/rules")->body, "[]\n");
}

TEST_F(RulesTest, GroupsAndDhcpOptionsAreChangedOneByOne) {
  ImportBootFile("debian:stable");
  const std::string path = "/api/v1/machines/52:54:00:00:00:01";
  EXPECT_EQ(Slipway("machine group 52:54:00:00:00:01 web edge").code, 0);
  const Ran ran = Slipway("machine group 52:54:00:00:00:01 edge- db");
  EXPECT_THAT(ran.text, HasSubstr("in db, web"));
  EXPECT_EQ(nlohmann::json::parse(client_->Get(path)->body)["groups"],
            (nlohmann::json{"db", "web"}));
  EXPECT_THAT(Slipway("machine group 52:54:00:00:00:01 db- web-").text, HasSubstr("in no group"));

  EXPECT_EQ(Slipway("rule option web 42=0a4d0001").code, 1) << "there is no such rule";
  ASSERT_EQ(Slipway("rule set web --image debian:stable").code, 0);
  EXPECT_EQ(Slipway("rule option web 42=0a4d0001 15=6c6162").code, 0);
  EXPECT_THAT(Slipway("rule option web 15-").text, HasSubstr("rule web: 42=0a4d0001"));
  EXPECT_EQ(nlohmann::json::parse(client_->Get("/api/v1/rules/web")->body)["options"],
            (nlohmann::json::array({{{"code", 42}, {"hex", "0a4d0001"}}})));
  EXPECT_EQ(Slipway("rule option web router=0a4d0001").code, 2);
  EXPECT_THAT(Slipway("rule option web 42=xy").text, HasSubstr("not pairs of hexadecimal digits"));
}

}  // namespace
}  // namespace slipway::control
