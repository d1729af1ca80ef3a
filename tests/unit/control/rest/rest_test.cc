// SPDX-License-Identifier: Apache-2.0
//
// The REST interface as clients meet it: a real server over TLS, the real store and image store,
// and the command line's own program against it. Only image memory is the heap's.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "control/store/boot_archive.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(RestTest, HealthAndTheWebPageNeedNoTokenAndEverythingElseDoes) {
  client_->set_bearer_token_auth("wrong");
  EXPECT_EQ(client_->Get("/api/v1/health")->status, 200);
  for (const char* path : {"/api/v1/machines", "/api/v1/images", "/metrics", "/api/v1/ca", "/no"}) {
    const auto result = client_->Get(path);
    EXPECT_EQ(result->status, 401) << path;
    EXPECT_THAT(result->body, HasSubstr("no valid token")) << path;
  }
}

TEST_F(RestTest, TheTokenIsKeptSecretAndSurvivesARestart) {
  const std::string token = core_->token().text;
  EXPECT_TRUE(core_->token().made_now);
  const auto permissions = std::filesystem::status(folder_ / "state/token").permissions();
  EXPECT_EQ(permissions & std::filesystem::perms::all, std::filesystem::perms(0600));
  const std::string certificate = core_->certificates().authorities()->issuing.certificate_pem;
  End();
  Begin();
  EXPECT_EQ(core_->token().text, token);
  EXPECT_FALSE(core_->token().made_now);
  EXPECT_EQ(core_->certificates().authorities()->issuing.certificate_pem, certificate);
}

TEST_F(RestTest, AClientThatDoesNotKnowTheCaRefusesTheServer) {
  httplib::SSLClient stranger("127.0.0.1", server_->port());
  stranger.enable_server_certificate_verification(true);
  EXPECT_FALSE(stranger.Get("/api/v1/health"));
}

TEST_F(RestTest, ErrorsAreProblemDocumentsThatSayWhatToDo) {
  const auto missing = client_->Get("/api/v1/nothing");
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->get_header_value("Content-Type"), "application/problem+json");
  const auto bad = client_->Put("/api/v1/machines/52:54:00:00:00:01", "[", "application/json");
  EXPECT_EQ(bad->status, 400);
  EXPECT_THAT(bad->body, HasSubstr("not a JSON object"));
  const auto typed =
      client_->Put("/api/v1/machines/52:54:00:00:00:01", R"({"image_set": 5})", "application/json");
  EXPECT_EQ(typed->status, 400);
}

TEST_F(RestTest, AnImportedSetIsServedUnderItsVersionAndItsTag) {
  ImportBootFile("debian:stable");
  const auto sets = *core_->Images();
  const std::string version = Text("/debian/", sets[0].digest.substr(0, 12), "/boot.efi");
  const auto* by_version = snapshot_->images.Find(version);
  ASSERT_NE(by_version, nullptr);
  EXPECT_TRUE(by_version->loaded);
  EXPECT_EQ(by_version->content.size(), 4000u);
  ASSERT_NE(snapshot_->images.Find("/debian/stable/boot.efi"), nullptr);
  EXPECT_NE(snapshot_->tls, nullptr);
}

TEST_F(RestTest, AReplacedSetStaysInMemoryWhileAnOldSnapshotNeedsIt) {
  ImportBootFile("debian:stable", 4000);
  auto old = std::move(snapshot_);
  ImportBootFile("debian:stable", 5000);
  EXPECT_EQ(snapshot_->images.Find("/debian/stable/boot.efi")->content.size(), 5000u);
  EXPECT_EQ(old->images.Find("/debian/stable/boot.efi")->content.size(), 4000u);
  EXPECT_GE(memory_.in_use(), 9000u);
}

TEST_F(RestTest, TheCommandLineAssignsMachines) {
  ImportBootFile("debian:testing");
  EXPECT_EQ(Slipway("machine set 52:54:00:00:00:01 debian:testing --name rack1").code, 0);
  EXPECT_THAT(Slipway("machine list").text, HasSubstr("52:54:00:00:00:01"));
  EXPECT_THAT(Slipway("--json machine list").text, HasSubstr("\"name\":\"rack1\""));
  const Ran refused = Slipway("image rm debian:testing");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("machines are assigned to it"));
  EXPECT_EQ(Slipway("machine rm 52:54:00:00:00:01").code, 0);
  EXPECT_EQ(Slipway("image rm debian:testing").code, 0);
}

// As the dataplane finds it: by its UUID before its MAC, in the catalog or in the file.
TEST_F(RestTest, AMachineIsKnownByItsUuidFirst) {
  secure_boot_ = R"([[machine]]
name = "by-mac"
mac = "52:54:00:00:00:01"
image_set = "debian:stable"
[[machine]]
name = "by-uuid"
uuid = "0a1b2c3d-0001-0203-0405-060708090a0b"
image_set = "debian:stable"
)";
  End();
  Begin();
  const auto mac = MacAddress::Parse("52:54:00:00:00:01");
  const auto uuid = Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0b");
  const auto name = [this](const std::optional<MacAddress>& its_mac,
                           const std::optional<Uuid>& its_uuid) {
    const auto known = core_->KnownMachine(its_mac, its_uuid);
    return known.ok() && *known ? (*known)->name : std::string("none");
  };
  EXPECT_EQ(name(mac, uuid), "by-uuid");
  EXPECT_EQ(name(mac, std::nullopt), "by-mac");
  // What the catalog has by the MAC does not come before what the file has by the UUID.
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  EXPECT_EQ(name(mac, uuid), "by-uuid");
  EXPECT_EQ(name(mac, Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0c")), "by-mac");
  EXPECT_EQ(name(std::nullopt, std::nullopt), "none");
}

TEST_F(RestTest, TheCommandLineSaysWhatToDoNext) {
  const Ran unknown = Slipway("machine set 52:54:00:00:00:01 debian:nope");
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.text, HasSubstr("import it first"));
  const Ran usage = Slipway("machine dance");
  EXPECT_EQ(usage.code, 2);
  EXPECT_THAT(usage.text, HasSubstr("Usage: slipway"));
  EXPECT_EQ(Slipway("--frobnicate status").code, 2);
  const Ran token = Slipway("--token wrong status");
  EXPECT_EQ(token.code, 1);
  EXPECT_THAT(token.text, HasSubstr("no valid token"));
}

TEST_F(RestTest, EveryListAndTheStatusPrintWithoutAnythingInThem) {
  for (const char* command : {"status", "image list", "machine list", "network list", "lease list",
                              "boot list", "drops", "--json status"}) {
    const Ran ran = Slipway(command);
    EXPECT_EQ(ran.code, 0) << command << ": " << ran.text;
  }
  EXPECT_THAT(Slipway("status").text, HasSubstr("status: serving"));
}

TEST_F(RestTest, BootsAreToldWithTheirSteps) {
  dataplane::Event event;
  event.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}};
  event.unix_nanoseconds = 1'790'000'000'000'000'000;
  event.set_text("HTTPClient:Arch:00016");
  core_->timelines().Take(event);
  const Ran ran = Slipway("boot show 52:54:00:00:00:01");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.text, HasSubstr("asked for an address: HTTPClient:Arch:00016"));
  EXPECT_THAT(Slipway("boot list").text, HasSubstr("under way"));
  EXPECT_EQ(Slipway("boot show 52:54:00:00:00:02").code, 1);
}

TEST_F(RestTest, BootsComeInPagesNewestFirstFromMemoryAndDisk) {
  for (std::uint8_t n = 1; n <= 5; ++n) {
    dataplane::Event event;
    event.mac = MacAddress{{0x52, 0x54, 0, 0, 0, n}};
    event.unix_nanoseconds = 1'790'000'000'000'000'000 + n * 1'000'000'000LL;
    event.set_text("HTTPClient:Arch:00016");
    core_->timelines().Take(event);
    // The first three are on disk, and the second changes afterwards.
    if (n != 3) continue;
    ASSERT_TRUE(
        core_->archive().Put(core_->timelines().TakeChanged(true), {.boots_per_machine = 8}).ok());
  }
  dataplane::Event failed;
  failed.kind = dataplane::EventKind::kTlsFailed;
  failed.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 2}};
  failed.unix_nanoseconds = 1'790'000'010'000'000'000;
  failed.number = -1;
  failed.extra = 48;
  failed.connection = 7;
  core_->timelines().Take(failed);
  const auto first = client_->Get("/api/v1/boots?limit=3");
  const auto page = nlohmann::json::parse(first->body);
  ASSERT_EQ(page.size(), 3u);
  EXPECT_EQ(page[0]["mac"], "52:54:00:00:00:05");
  EXPECT_FALSE(page[0].contains("steps"));
  const std::string link = first->get_header_value("Link");
  ASSERT_THAT(link, testing::MatchesRegex("<(.*)>; rel=\"next\""));
  const auto rest = nlohmann::json::parse(client_->Get(link.substr(1, link.find('>') - 1))->body);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0]["mac"], "52:54:00:00:00:02");
  EXPECT_EQ(rest[0]["outcome"], "failed") << "what memory has is newer";
  const auto by_cause =
      nlohmann::json::parse(client_->Get("/api/v1/boots?cause=tls.unknown_ca")->body);
  ASSERT_EQ(by_cause.size(), 1u);
  EXPECT_EQ(by_cause[0]["mac"], "52:54:00:00:00:02");
  EXPECT_EQ(nlohmann::json::parse(client_->Get("/api/v1/boots?since=1790000004")->body).size(), 2u);
  for (const char* wrong : {"mac=x", "outcome=x", "cause=x", "since=-1", "since=x", "limit=0",
                            "limit=1001", "before=0"}) {
    EXPECT_EQ(client_->Get(Text("/api/v1/boots?", std::string(wrong)))->status, 400) << wrong;
  }
  const std::string id = std::to_string(rest[1]["id"].get<std::int64_t>());
  EXPECT_EQ(nlohmann::json::parse(client_->Get("/api/v1/boots/" + id)->body)["steps"].size(), 1u);
}

TEST_F(RestTest, WhyNamesTheCauseAndTheExitCodeSaysWhetherItFailed) {
  const Ran unseen = Slipway("why 52:54:00:00:00:01");
  EXPECT_EQ(unseen.code, 1);
  EXPECT_THAT(unseen.text, HasSubstr("It was never seen on the wire.  [wire.never_seen]"));
  EXPECT_THAT(unseen.text, HasSubstr("Check cable, switch port and VLAN"));
  const auto tell = [&](dataplane::EventKind kind, std::int64_t number, std::string_view text) {
    dataplane::Event event;
    event.kind = kind;
    event.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}};
    event.unix_nanoseconds =
        std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    event.number = number;
    event.set_text(text);
    core_->timelines().Take(event);
  };
  const auto no_rule = static_cast<std::int64_t>(Drop::kDhcpNoBootRule);
  tell(dataplane::EventKind::kDhcpDiscover, 0x13, "HTTPClient:Arch:00019");
  EXPECT_EQ(Slipway("why 52:54:00:00:00:01").code, 0) << "it has only just begun";
  tell(dataplane::EventKind::kDhcpIgnored, no_rule, "");
  const Ran missing = Slipway("why 52:54:00:00:00:01 --json");
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(nlohmann::json::parse(missing.text)["cause"], "image.missing");
  ImportBootFile("debian:stable");
  tell(dataplane::EventKind::kDhcpDiscover, 0x13, "HTTPClient:Arch:00019");
  tell(dataplane::EventKind::kDhcpIgnored, no_rule, "");
  const Ran other = Slipway("why 52:54:00:00:00:01");
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.text, HasSubstr("[dhcp.no_boot_file]"));
  EXPECT_EQ(Slipway("why nonsense").code, 1);
  const auto causes = nlohmann::json::parse(client_->Get("/api/v1/causes")->body);
  EXPECT_GT(causes.size(), 40u);
}

TEST_F(RestTest, TheBootCertificatesFactsAreKnown) {
  const auto& facts = core_->certificates().boot_facts();
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_TRUE(facts[0].rsa);
  EXPECT_FALSE(facts[1].rsa);
  EXPECT_THAT(facts[0].names, testing::Contains("10.77.0.1"));
  EXPECT_GT(facts[0].not_after, facts[0].not_before + 86'400);
}

TEST_F(RestTest, WhoWaitsForItsTurnIsListedTheNextOneFirst) {
  const auto now =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  for (std::uint8_t n = 1; n <= 3; ++n) {
    dataplane::Event event;
    event.mac = MacAddress{{0x52, 0x54, 0, 0, 0, n}};
    event.unix_nanoseconds = now;
    event.kind = dataplane::EventKind::kAdmissionWaits;
    event.number = 4 - n;
    event.extra = 100'000 * (4 - n);
    event.set_text("before TLS");
    core_->timelines().Take(event);
  }
  dataplane::Event turn;
  turn.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 2}};
  turn.unix_nanoseconds = now + 1;
  turn.kind = dataplane::EventKind::kAdmissionTurn;
  core_->timelines().Take(turn);
  const auto queue = nlohmann::json::parse(client_->Get("/api/v1/queue")->body);
  const auto later =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  const std::int64_t passed = (later - now) / 1'000'000'000;
  ASSERT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue[0]["mac"], "52:54:00:00:00:03");
  EXPECT_EQ(queue[0]["where"], "before TLS");
  EXPECT_LE(queue[0]["expected_seconds"].get<std::int64_t>(), 100);
  EXPECT_GE(queue[0]["expected_seconds"].get<std::int64_t>(), 99 - passed);
  EXPECT_EQ(queue[1]["mac"], "52:54:00:00:00:01");
  EXPECT_THAT(Slipway("queue").text, HasSubstr("52:54:00:00:00:01"));
  EXPECT_THAT(Slipway("status").text, HasSubstr("machines_waiting: 3"));
  EXPECT_THAT(client_->Get("/metrics")->body,
              HasSubstr("slipway_machines_waiting{worker=\"0\",at=\"syn\"} 3"));
}

TEST_F(RestTest, DropsMetricsNetworksAndTheCaAreThere) {
  EXPECT_THAT(Slipway("drops").text, HasSubstr(std::string(kDropDescriptions[1].name)));
  EXPECT_THAT(client_->Get("/metrics")->body,
              HasSubstr(Text("slipway_drops_total{worker=\"0\",reason=\"",
                             kDropDescriptions[1].name, "\"} 7")));
  EXPECT_THAT(client_->Get("/metrics")->body,
              HasSubstr("slipway_step_cycles_total{worker=\"0\",step=\"emit\"} 9"));
  // Bursts of 20 are below 32, and none is below 16.
  EXPECT_THAT(client_->Get("/metrics")->body,
              HasSubstr("slipway_transmit_burst_frames_bucket{worker=\"0\",le=\"15\"} 0"));
  EXPECT_THAT(client_->Get("/metrics")->body,
              testing::ContainsRegex(
                  "slipway_transmit_burst_frames_bucket.worker=\"0\",le=\"31\". [1-9][0-9]*"));
  EXPECT_THAT(Slipway("network list").text, HasSubstr("10.77.0.100-10.77.0.199"));
  EXPECT_THAT(Slipway("ca show").text, StartsWith("-----BEGIN CERTIFICATE-----"));
  const auto file = folder_ / "ca.esl";
  EXPECT_EQ(Slipway("ca efi " + file.string()).code, 0);
  EXPECT_GT(std::filesystem::file_size(file), 500u);
}

TEST_F(RestTest, TopMakesRatesOfTwoAnswers) {
  const Ran json = Slipway("top --json");
  ASSERT_EQ(json.code, 0) << json.text;
  const auto view = nlohmann::json::parse(json.text);
  EXPECT_DOUBLE_EQ(view["workers"][0]["bits_per_second_out"].get<double>(), 1e9);
  EXPECT_DOUBLE_EQ(view["workers"][0]["burst_out"].get<double>(), 20);
  EXPECT_DOUBLE_EQ(view["workers"][0]["load"].get<double>(), 0.5);
  const Ran table = Slipway("top --once");
  EXPECT_EQ(table.code, 0);
  EXPECT_THAT(table.text, HasSubstr("#####.....   50 %"));
  EXPECT_THAT(table.text, HasSubstr(std::string(kDropDescriptions[1].sentence)));
  EXPECT_THAT(table.text, Not(HasSubstr("\033")));
  const Ran live = Slipway("top < /dev/null");
  EXPECT_EQ(live.code, 1);
  EXPECT_THAT(live.text, HasSubstr("top needs a terminal; use 'slipway top --once'"));
}

TEST_F(RestTest, ABodyThatIsTooLargeIsRefusedBeforeItIsKeptAndTheConnectionGoesOn) {
  client_->set_keep_alive(true);
  ASSERT_EQ(client_->Get("/api/v1/status")->status, 200);
  const auto socket = client_->socket();
  const auto put = [&](std::size_t size, const std::string& token) {
    httplib::Headers headers = {{"Authorization", "Bearer " + token}};
    return client_->Put("/api/v1/rules/a", headers, std::string(size, ' '), "application/json");
  };
  client_->set_bearer_token_auth("");
  const std::string token = core_->token().text;
  const auto large = put(5 << 20, token);
  ASSERT_TRUE(large);
  EXPECT_EQ(large->status, 413);
  EXPECT_THAT(large->body, testing::HasSubstr("at most 1048576 bytes"));
  EXPECT_EQ(client_->socket(), socket) << "what was sent is no part of the next request";
  EXPECT_EQ(put((1 << 20) + 1, token)->status, 413);
  EXPECT_EQ(put(1 << 20, token)->status, 400) << "blanks are no rule";
  // Whoever may not even ask leaves nothing on the connection either.
  EXPECT_EQ(put(100'000, "wrong")->status, 401);
  EXPECT_EQ(client_->socket(), socket);
  const httplib::Headers own = {{"Authorization", "Bearer " + token}};
  EXPECT_EQ(client_->Get("/api/v1/status", own)->status, 200);
  // How long it is must be said.
  const auto chunks = client_->Put(
      "/api/v1/rules/a", own,
      [sent = false](std::size_t, httplib::DataSink& sink) mutable {
        if (!std::exchange(sent, true)) return sink.write("{}", 2);
        sink.done();
        return true;
      },
      "application/json");
  ASSERT_TRUE(chunks);
  EXPECT_EQ(chunks->status, 411);
  EXPECT_EQ(client_->Get("/api/v1/status", own)->status, 200);
}

}  // namespace
}  // namespace slipway::control
