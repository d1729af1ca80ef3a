// SPDX-License-Identifier: Apache-2.0
//
// A token with a scope sees its machines and no others: in every list, by every name, as it
// happens, and on the wire.
#include <atomic>
#include <set>
#include <thread>

#include "control/store/boot_archive.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr MacAddress Mac(std::uint8_t last) { return {{0x52, 0x54, 0, 0, 0, last}}; }
const std::string kUuid = "0a1b2c3d-0001-0002-0003-000000000001";

// Machines 1 to 20, the odd ones of rack a1, each with a boot and a lease; 21, which nobody has
// entered; and 22, which the catalog knows by its UUID alone, as of rack a1.
class ScopeTest : public RestTest {
 protected:
  static constexpr std::uint8_t kMachines = 20;

  ScopeTest() {
    std::vector<dhcp::Lease> leases;
    for (std::uint8_t i = 1; i <= kMachines + 2; ++i) {
      if (i <= kMachines) Label(Mac(i).ToString(), i % 2 == 1 ? "a1" : "b7");
      Discovers(Mac(i));
      leases.push_back(
          {.address = Ipv4Address(10, 77, 0, i), .mac = Mac(i), .state = dhcp::LeaseState::kBound});
    }
    Label(kUuid, "a1");
    leases.back().uuid = *Uuid::Parse(kUuid);
    core_->leases().Take(leases);
    scoped_ = MakeToken("rack-a --role operator --scope rack=a1");
  }
  void Label(const std::string& key, const std::string& rack) {
    const nlohmann::json body = {{"labels", {{"rack", rack}}}};
    const auto put = client_->Put("/api/v1/machines/" + key, body.dump(), "application/json");
    ASSERT_EQ(put->status, 200) << put->body;
  }
  void Happens(EventKind kind, const MacAddress& mac, std::string_view text) {
    dataplane::Event event;
    event.kind = kind;
    event.mac = mac;
    event.unix_nanoseconds = now_ += 1'000'000;
    event.set_text(text);
    core_->timelines().Take(event);
  }
  void Discovers(const MacAddress& mac) {
    Happens(EventKind::kDhcpDiscover, mac, "HTTPClient:Arch:00016:UNDI:003000");
  }
  // As the event thread does it.
  void Store() {
    auto boots = core_->timelines().TakeChanged(true);
    ASSERT_TRUE(core_->archive().Put(boots, {.boots_per_machine = 8}).ok());
  }
  void As(const std::string& token) { client_->set_bearer_token_auth(token); }
  std::string Problem(const std::string& path) {
    const auto answer = client_->Get(path);
    return Text(answer->status, ' ', answer->body);
  }
  static std::set<std::string> Held(bool unlisted = true) {
    std::set<std::string> macs;
    for (std::uint8_t i = 1; i <= kMachines; i += 2) macs.insert(Mac(i).ToString());
    if (unlisted) macs.insert(Mac(kMachines + 2).ToString());
    return macs;
  }

  std::string scoped_;
  std::int64_t now_ = 1'790'000'000'000'000'000;
};

TEST_F(ScopeTest, ListsHoldItsMachinesInWholePages) {
  As(scoped_);
  int pages = 0;
  const auto machines = All("/api/v1/machines?limit=3", "mac", &pages);
  std::set<std::string> expected = Held(false);
  expected.insert("");  // by its UUID
  EXPECT_EQ(std::set(machines.begin(), machines.end()), expected);
  EXPECT_THAT(machines, SizeIs(11));
  EXPECT_EQ(pages, 4) << "of three, and not of what is left of three";
  const auto leases = All("/api/v1/leases?limit=4", "mac", &pages);
  EXPECT_EQ(std::set(leases.begin(), leases.end()), Held());
  EXPECT_THAT(leases, SizeIs(11));
  As(core_->token().text);
  EXPECT_THAT(All("/api/v1/machines", "mac"), SizeIs(21));
  EXPECT_THAT(All("/api/v1/leases", "mac"), SizeIs(22));
}

TEST_F(ScopeTest, BootsComeInWholePagesFromMemoryAndDisk) {
  As(scoped_);
  for (const bool on_disk : {false, true}) {
    if (on_disk) Store();
    int pages = 0;
    const auto macs = All("/api/v1/boots?limit=4", "mac", &pages);
    EXPECT_EQ(std::set(macs.begin(), macs.end()), Held()) << on_disk;
    EXPECT_THAT(macs, SizeIs(11)) << on_disk;
    EXPECT_EQ(pages, 3) << on_disk;
    EXPECT_THAT(All("/api/v1/boots?limit=4&outcome=complete", "mac"), IsEmpty());
  }
  // One more of a machine of theirs, in memory while the others are on disk.
  Happens(EventKind::kDhcpAck, Mac(3), "");
  Happens(EventKind::kDhcpAck, Mac(2), "");
  EXPECT_THAT(All("/api/v1/boots?limit=4", "mac"), SizeIs(11));
  EXPECT_THAT(All("/api/v1/boots?mac=52:54:00:00:00:03", "mac"), SizeIs(1));
}

TEST_F(ScopeTest, WhoIsNamedMustBeInIt) {
  As(scoped_);
  const std::string mine = Mac(1).ToString();
  for (const std::string& key : {Mac(2).ToString(), Mac(kMachines + 1).ToString()}) {
    for (const std::string& path :
         {"/api/v1/boots?mac=" + key, "/api/v1/boots/" + key, "/api/v1/machines/" + key + "/why",
          "/api/v1/explain?mac=" + key, "/api/v1/machines/" + key + "/capture",
          "/api/v1/events?mac=" + key,
          "/api/v1/explain?mac=" + mine + "&uuid=" + kUuid.substr(0, 35) + "9"}) {
      EXPECT_THAT(Problem(path), HasSubstr("403 ")) << path;
      EXPECT_THAT(Problem(path), HasSubstr("is for machines with rack=a1")) << path;
    }
  }
  EXPECT_THAT(Problem("/api/v1/machines/" + Mac(2).ToString()),
              HasSubstr("no such machine among those with rack=a1"));
  for (const std::string& path :
       {"/api/v1/boots/" + mine, "/api/v1/machines/" + mine, "/api/v1/machines/" + mine + "/why",
        "/api/v1/explain?mac=" + mine, "/api/v1/explain?mac=" + mine + "&uuid=" + kUuid,
        "/api/v1/machines/" + kUuid,
        "/api/v1/machines/" + Mac(kMachines + 2).ToString() + "/why"}) {
    EXPECT_EQ(client_->Get(path)->status, 200) << path;
  }
  // A boot by its id is its machine's.
  As(core_->token().text);
  const auto boots =
      nlohmann::json::parse(client_->Get("/api/v1/boots?mac=" + Mac(2).ToString())->body);
  As(scoped_);
  EXPECT_THAT(Problem("/api/v1/boots/" + boots[0]["id"].dump()), HasSubstr("404 "));
  // Nor is told that one has none.
  const std::string never = "/api/v1/boots/" + Mac(kMachines + 9).ToString();
  EXPECT_THAT(Problem(never), HasSubstr("403 "));
  As(core_->token().text);
  EXPECT_THAT(Problem(never), HasSubstr("404 "));
}

// Of every route with a machine in its path or its query: the same answer to the letter, whether a
// machine is out of the scope or is none at all.
TEST_F(ScopeTest, WhetherAMachineOutOfItExistsIsNotTold) {
  const std::string other_uuid = "0a1b2c3d-0001-0002-0003-000000000002";
  Label(other_uuid, "b7");
  const nlohmann::json text = {{"text", "x"}, {"selector", "rack=none"}};
  ASSERT_EQ(client_->Put("/api/v1/templates/t", text.dump(), "application/json")->status, 200);
  // What is there, and what is not.
  const std::pair<std::string, std::string> pairs[] = {
      {Mac(2).ToString(), Mac(kMachines + 9).ToString()},
      {other_uuid, "0a1b2c3d-0001-0002-0003-00000000000f"}};
  std::vector<std::pair<std::string, std::string>> asked = {
      {"GET", "/api/v1/boots/{machine}"},
      {"GET", "/api/v1/boots?mac={machine}"},
      {"GET", "/api/v1/explain?mac={machine}"},
      {"GET", "/api/v1/explain?uuid={machine}"},
      {"GET", "/api/v1/events?mac={machine}"},
      {"GET", "/api/v1/templates/t/preview?machine={machine}"},
      {"POST", "/api/v1/templates/t/preview?machine={machine}"}};
  for (const Route& route : Routes()) {
    if (route.path.starts_with("/api/v1/machines/{")) asked.emplace_back(route.method, route.path);
  }
  EXPECT_THAT(asked, testing::Contains(testing::Pair("PUT", "/api/v1/machines/{machine}")));
  const std::vector<std::string> bodies = {"{}",
                                           R"({"labels": {"rack": "a1"}})",
                                           R"({"labels": {"rack": "b7"}})",
                                           R"({"image_set": "debian:none"})",
                                           Text("{\"uuid\": \"", other_uuid, "\"}"),
                                           R"({"hold": true})",
                                           R"({"nonsense": 1})"};
  const std::vector<httplib::Headers> conditions = {
      {}, {{"If-Match", "*"}}, {{"If-None-Match", "*"}}, {{"If-Match", "\"0\""}}};
  const auto answer = [&](const std::pair<std::string, std::string>& route, const std::string& key,
                          const std::string& body, const httplib::Headers& headers) {
    httplib::Request request;
    request.method = route.first;
    request.path = std::regex_replace(route.second, std::regex(R"(\{\w+\})"), key);
    request.headers = headers;
    if (route.first == "PUT" || route.first == "POST") {
      request.body = body;
      request.set_header("Content-Type", "application/json");
    }
    const auto result = client_->send(request);
    EXPECT_TRUE(result) << route.first << ' ' << request.path;
    if (!result) return std::string();
    EXPECT_GE(result->status, 400) << route.first << ' ' << request.path;
    std::string words =
        Text(result->status, ' ', result->get_header_value("ETag"), ' ', result->body);
    for (std::size_t at = 0; (at = words.find(key)) != words.npos;)
      words.replace(at, key.size(), "M");
    return words;
  };
  As(scoped_);
  for (const auto& route : asked) {
    for (const auto& [there, not_there] : pairs) {
      for (const std::string& body : bodies) {
        for (const httplib::Headers& headers : conditions) {
          EXPECT_EQ(answer(route, there, body, headers), answer(route, not_there, body, headers))
              << route.first << ' ' << route.second << ' ' << body;
        }
        if (route.first != "PUT") break;
      }
    }
  }
  EXPECT_EQ(core_->store().Machines()->size(), kMachines + 2U) << "nor was anything changed";
}

TEST_F(ScopeTest, TheAuditLogIsBeyondItAndWhatAllShareIsNot) {
  As(scoped_);
  for (const char* path : {"/api/v1/audit", "/api/v1/audit/verify", "/api/v1/events?kind=audit"}) {
    EXPECT_THAT(Problem(path), HasSubstr("403 ")) << path;
    EXPECT_THAT(Problem(path), HasSubstr("need")) << path;
    EXPECT_THAT(Problem(path), HasSubstr("a token without a scope")) << path;
  }
  for (const char* path : {"/api/v1/images", "/api/v1/rules", "/api/v1/networks", "/api/v1/status",
                           "/api/v1/rollouts", "/api/v1/templates", "/metrics"}) {
    EXPECT_EQ(client_->Get(path)->status, 200) << path;
  }
}

TEST_F(ScopeTest, AViewerMayHaveOne) {
  As(MakeToken("screen --role viewer --scope rack=b7"));
  EXPECT_THAT(All("/api/v1/machines", "mac"), SizeIs(10));
  EXPECT_THAT(Problem("/api/v1/machines/" + Mac(1).ToString() + "/why"), HasSubstr("403 "));
}

TEST_F(ScopeTest, WhatLeavesItIsSeenNoMore) {
  As(core_->token().text);
  Label(Mac(1).ToString(), "b7");
  Label(Mac(2).ToString(), "a1");
  As(scoped_);
  const auto macs = All("/api/v1/boots", "mac");
  EXPECT_THAT(macs, testing::Contains(Mac(2).ToString()));
  EXPECT_THAT(macs, Not(testing::Contains(Mac(1).ToString())));
}

TEST_F(ScopeTest, TheQueueKeepsThePlacesThatMachinesHaveAmongAll) {
  for (std::uint8_t i = 1; i <= 4; ++i) {
    dataplane::Event event;
    event.kind = EventKind::kAdmissionWaits;
    event.mac = Mac(i);
    event.unix_nanoseconds = now_ += 1'000'000;
    event.extra = 1000 * i;
    core_->timelines().Take(event);
  }
  As(scoped_);
  std::vector<std::string> seen;
  for (const auto& each : nlohmann::json::parse(client_->Get("/api/v1/queue")->body)) {
    seen.push_back(Text(each["position"].dump(), ' ', each["mac"].get<std::string>()));
  }
  EXPECT_THAT(seen, ElementsAre("1 52:54:00:00:00:01", "3 52:54:00:00:00:03"));
}

TEST_F(ScopeTest, DocumentsThatCannotBeMadeAreToldOfItsMachines) {
  As(core_->token().text);
  // Without the machine's own variable, of which one machine has none that it should.
  const nlohmann::json body = {{"text", "{{rack.place}}"}, {"selector", "rack=none"}};
  ASSERT_EQ(client_->Put("/api/v1/templates/t", body.dump(), "application/json")->status, 200);
  As(scoped_);
  EXPECT_THAT(Problem("/api/v1/templates/t/preview?machine=" + Mac(2).ToString()),
              HasSubstr("403 "));
  EXPECT_THAT(Problem("/api/v1/templates/t/preview?machine=" + Mac(1).ToString()),
              Not(HasSubstr("403 ")));
}

TEST_F(ScopeTest, OfMoreFailuresThanAreShownItsOwnAre) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("rule set r --image debian:stable --mode once").code, 0);
  const nlohmann::json body = {{"text", "{{place}}"}, {"selector", "!rack"}};
  ASSERT_EQ(client_->Put("/api/v1/templates/t", body.dump(), "application/json")->status, 200);
  // Entered by their boots, so without the variable.
  std::vector<BootCounter::Counted> boots;
  for (std::uint8_t i = 101; i <= 130; ++i) boots.push_back({.mac = Mac(i), .completed = true});
  ASSERT_TRUE(core_->CountBoots(boots).ok());
  for (std::uint8_t i = 129; i <= 130; ++i) {
    const auto put = client_->Put("/api/v1/machines/" + Mac(i).ToString(),
                                  R"({"labels": {"hall": "1"}})", "application/json");
    ASSERT_EQ(put->status, 200) << put->body;
  }
  const auto failing = [this] {
    std::set<std::string> machines;
    const auto shown = nlohmann::json::parse(client_->Get("/api/v1/templates/t")->body);
    for (const auto& each : shown["failing"]) {
      machines.insert(each["machine"]);
    }
    return machines;
  };
  EXPECT_THAT(failing(), SizeIs(20));
  As(MakeToken("hall --role operator --scope hall=1"));
  EXPECT_THAT(failing(), ElementsAre(Mac(129).ToString(), Mac(130).ToString()));
}

// A stream of events, read until something is there or half a minute is over.
class Stream {
 public:
  Stream(int port, const std::filesystem::path& ca, const std::string& token)
      : http_("127.0.0.1", port) {
    http_.set_ca_cert_path(ca.c_str());
    http_.enable_server_certificate_verification(true);
    http_.set_bearer_token_auth(token);
    http_.set_read_timeout(60);
    thread_ = std::thread([this] {
      http_.Get("/api/v1/events", [this](const char* data, std::size_t size) {
        const std::scoped_lock lock(mutex_);
        text_.append(data, size);
        return true;
      });
    });
    EXPECT_TRUE(Await("id: "));
  }
  ~Stream() {
    http_.stop();
    thread_.join();
  }
  bool Await(const std::string& what) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < until) {
      if (text().find(what) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  std::string text() {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  httplib::SSLClient http_;
  std::mutex mutex_;
  std::string text_;
  std::thread thread_;
};

TEST_F(ScopeTest, EventsAreThoseOfItsMachinesAndOfNone) {
  Stream stream(server_->port(), folder_ / "state/ca.pem", scoped_);
  Happens(EventKind::kDhcpAck, Mac(2), "of another");
  Happens(EventKind::kDhcpAck, Mac(1), "of its own");
  EXPECT_TRUE(stream.Await("of its own"));
  // A machine that comes into it, from then on; and one that is known by its UUID alone.
  Label(Mac(4).ToString(), "a1");
  Label(kUuid, "a1");
  Label("0a1b2c3d-0001-0002-0003-000000000002", "b7");
  core_->AnnounceChanges();
  Happens(EventKind::kDhcpAck, Mac(4), "has come in");
  core_->feed().Publish(LinkEvent("net_ring0", true, now_));
  EXPECT_TRUE(stream.Await("net_ring0"));
  const std::string text = stream.text();
  EXPECT_THAT(text, HasSubstr("has come in"));
  EXPECT_THAT(text, HasSubstr("machine " + Mac(4).ToString()));
  EXPECT_THAT(text, HasSubstr("machine " + kUuid));
  EXPECT_THAT(text, Not(HasSubstr("000000000002")));
  EXPECT_THAT(text, Not(HasSubstr(Mac(2).ToString())));
  EXPECT_THAT(text, Not(HasSubstr("event: audit")));
}

TEST_F(ScopeTest, CapturesAreOfItsMachines) {
  const auto slipway = [this](const std::string& words) {
    return Slipway("--token " + scoped_ + " " + words);
  };
  const Ran other = slipway("capture " + Mac(2).ToString() + " -w " + (folder_ / "x").string());
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.text, HasSubstr("52:54:00:00:00:02 is none of them"));
  EXPECT_EQ(captures_.running(), 0u);
  // Those of others are neither listed nor ended.
  std::thread theirs([&] {
    Slipway("capture " + Mac(2).ToString() + " --seconds 20 -w " + (folder_ / "b").string());
  });
  std::thread own([&] {
    slipway("capture " + Mac(1).ToString() + " --seconds 20 -w " + (folder_ / "a").string());
  });
  while (captures_.running() < 2) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto all = nlohmann::json::parse(client_->Get("/api/v1/captures")->body);
  As(scoped_);
  EXPECT_THAT(All("/api/v1/captures", "mac"), ElementsAre(Mac(1).ToString()));
  for (const auto& each : all) {
    const bool is_own = each["mac"] == Mac(1).ToString();
    EXPECT_EQ(client_->Delete("/api/v1/captures/" + each["id"].dump())->status, is_own ? 204 : 404);
  }
  own.join();
  As(core_->token().text);
  for (const auto& each : nlohmann::json::parse(client_->Get("/api/v1/captures")->body)) {
    EXPECT_EQ(client_->Delete("/api/v1/captures/" + each["id"].dump())->status, 204);
  }
  theirs.join();
}

}  // namespace
}  // namespace slipway::control
