// SPDX-License-Identifier: Apache-2.0
//
// Every list pages: each route of the table that answers a list is asked for its items one by one.
#include <map>
#include <thread>

#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::AnyOf;
using testing::Eq;
using testing::SizeIs;

// What tells the items of a list apart. A list that is new in the route table comes here, and is
// filled by PagingTest.
const std::map<std::string_view, const char*> kKeys = {
    {"/api/v1/audit", "id"},       {"/api/v1/boots", "id"},          {"/api/v1/captures", "id"},
    {"/api/v1/causes", "id"},      {"/api/v1/certificates", "name"}, {"/api/v1/drops", "name"},
    {"/api/v1/held", "mac"},       {"/api/v1/images", "reference"},  {"/api/v1/leases", "address"},
    {"/api/v1/machines", "mac"},   {"/api/v1/networks", "name"},     {"/api/v1/pulls", "id"},
    {"/api/v1/queue", "mac"},      {"/api/v1/rollouts", "stable"},   {"/api/v1/rules", "name"},
    {"/api/v1/templates", "name"}, {"/api/v1/tokens", "name"},       {"/api/v1/webhooks", "name"}};

std::string Mac(int last) {
  const auto octet = static_cast<std::uint8_t>(last);
  return MacAddress{{0x52, 0x54, 0, 0, 0, octet}}.ToString();
}

// Two of everything that can be listed, at least.
class PagingTest : public RestTest {
 protected:
  PagingTest() {
    drops_ = {1, 2};
    for (const char* set : {"debian:stable", "debian:next", "suse:stable", "suse:next"}) {
      ImportBootFile(set, 4000 + std::char_traits<char>::length(set));
    }
    for (const int last : {1, 2}) {
      Put("machines/" + Mac(last), {{"labels", {{"rack", "a1"}}}});
      Wait(last);
      IsHeld(last + 2);
    }
    for (const std::string name : {"a", "b"}) {
      Put("rules/" + name, {{"selector", name == "a" ? "rack=a" : ""}, {"action", "hold"}});
      Put("templates/" + name, {{"text", "x"}});
      Put("tokens/" + name, {{"role", "viewer"}}, 201);
      Put("webhooks/" + name, {{"url", "https://127.0.0.1:1/" + name}}, 201);
      const nlohmann::json pull = {{"source", "127.0.0.1:1/set:" + name}};
      EXPECT_EQ(client_->Post("/api/v1/images/pull", pull.dump(), "application/json")->status, 202);
    }
    for (const std::string name : {"debian", "suse"}) {
      Put("rollouts/" + name + ":stable", {{"candidate", name + ":next"}});
    }
    Put("networks/far", {{"subnet", "10.88.0.0/24"},
                         {"relayed", true},
                         {"pools", nlohmann::json::array({"10.88.0.10-10.88.0.20"})}});
    std::vector<dhcp::Lease> leases;
    for (const int last : {1, 2}) {
      leases.push_back({.address = *Ipv4Address::Parse(Text("10.77.0.", last)),
                        .mac = *MacAddress::Parse(Mac(last)),
                        .state = dhcp::LeaseState::kBound});
    }
    core_->leases().Take(leases);
    for (const int last : {1, 2}) {
      capturers_.emplace_back([this, last] {
        Slipway(Text("capture ", Mac(last), " --seconds 60 -w ", (folder_ / Mac(last)).string()));
      });
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!IsSettled() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  ~PagingTest() override {
    for (const auto& capture : nlohmann::json::parse(client_->Get("/api/v1/captures")->body)) {
      client_->Delete(Text("/api/v1/captures/", capture["id"].dump()));
    }
    for (std::thread& capturer : capturers_) capturer.join();
  }
  // Nothing writes into the audit log any more, while lists are compared.
  bool IsSettled() {
    if (captures_.running() < 2) return false;
    for (const auto& pull : nlohmann::json::parse(client_->Get("/api/v1/pulls")->body)) {
      if (pull["state"] == "running") return false;
    }
    int captures = 0;
    for (const auto& record : nlohmann::json::parse(client_->Get("/api/v1/audit")->body)) {
      captures += record["what"].get<std::string>().starts_with("capture of ") ? 1 : 0;
    }
    return captures == 2;
  }
  void Put(const std::string& what, const nlohmann::json& body, int status = 200) {
    const auto put = client_->Put("/api/v1/" + what, body.dump(), "application/json");
    EXPECT_EQ(put->status, status) << what << ": " << put->body;
  }
  // Begins a boot, and the wait for its turn.
  void Wait(int last) {
    dataplane::Event event;
    event.mac = *MacAddress::Parse(Mac(last));
    event.unix_nanoseconds =
        std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    event.kind = dataplane::EventKind::kAdmissionWaits;
    event.number = last;
    event.set_text("before TLS");
    core_->timelines().Take(event);
  }
  // By rule b, as no one has entered it.
  void IsHeld(int last) {
    dataplane::Event event;
    event.mac = *MacAddress::Parse(Mac(last));
    event.unix_nanoseconds =
        std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    event.kind = dataplane::EventKind::kDhcpIgnored;
    event.number = static_cast<std::int64_t>(Drop::kDhcpHeld);
    event.set_text("rule=b");
    core_->timelines().Take(event);
  }
  // What the items of all pages have as `key`.
  std::vector<std::string> Keys(const std::string& path, const char* key, int& pages) {
    std::vector<std::string> keys;
    for (std::string next = path; !next.empty() && pages < 1000; ++pages) {
      const auto answer = client_->Get(next);
      EXPECT_EQ(answer->status, 200) << next << ' ' << answer->body;
      if (answer->status != 200) break;
      const auto items = nlohmann::json::parse(answer->body);
      EXPECT_TRUE(path == next || items.size() <= 1) << next;
      for (const auto& item : items) keys.push_back(item[key].dump());
      next = NextOf(path, *answer);
    }
    return keys;
  }

  std::vector<std::thread> capturers_;
};

TEST_F(PagingTest, EveryListOfTheRouteTableGivesItsItemsOneByOne) {
  std::size_t lists = 0;
  for (const Route& route : Routes()) {
    if (route.method != "GET" || !route.answer.starts_with('[')) continue;
    ++lists;
    const std::string path(route.path);
    const auto key = kKeys.find(route.path);
    ASSERT_NE(key, kKeys.end()) << path << ": name its key, and fill it";
    EXPECT_TRUE(route.query.starts_with("limit ")) << path << ": its description says nothing";
    int pages = 0;
    const auto all = Keys(path, key->second, pages);
    EXPECT_EQ(pages, 1) << path;
    ASSERT_GE(all.size(), 2u) << path << ": fill it";
    pages = 0;
    EXPECT_EQ(Keys(path + "?limit=1", key->second, pages), all) << path;
    // Some lists know only at the next page that there is none.
    const int count = static_cast<int>(all.size());
    EXPECT_THAT(pages, AnyOf(Eq(count), Eq(count + 1))) << path;
    EXPECT_THAT(nlohmann::json::parse(client_->Get(path + "?limit=1")->body), SizeIs(1)) << path;
    for (const char* wrong : {"0", "x", "-1"}) {
      EXPECT_EQ(client_->Get(path + "?limit=" + wrong)->status, 400) << path << ' ' << wrong;
    }
  }
  EXPECT_EQ(lists, kKeys.size()) << "a list that is gone from the route table";
}

}  // namespace
}  // namespace slipway::control
