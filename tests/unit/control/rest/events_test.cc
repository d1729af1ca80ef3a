// SPDX-License-Identifier: Apache-2.0
//
// GET /events over TLS: resumed, filtered, bounded, and ended.
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "control/cli/server_events.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr MacAddress kMachine{{0x52, 0x54, 0, 0, 0, 1}};

// Reads a stream in a thread of its own, until it ends or this does.
class Reader {
 public:
  Reader(int port, const std::filesystem::path& ca, const std::string& token,
         const std::string& query, const std::string& last_event_id = "")
      : http_("127.0.0.1", port) {
    http_.set_ca_cert_path(ca.c_str());
    http_.enable_server_certificate_verification(true);
    http_.set_bearer_token_auth(token);
    http_.set_read_timeout(60);
    thread_ = std::thread([this, query, last_event_id] { Read(query, last_event_id); });
    // Begun, or refused.
    Await([this] { return over_ || !parser_.last_id().empty(); });
  }
  ~Reader() { Leave(); }
  void Leave() {
    http_.stop();
    if (thread_.joinable()) thread_.join();
  }

  std::vector<ServerEvent> Events(std::size_t at_least) {
    EXPECT_TRUE(Await([&] { return over_ || events_.size() >= at_least; }));
    const std::scoped_lock lock(mutex_);
    return events_;
  }
  bool AwaitEnd() {
    return Await([this] { return over_; });
  }
  std::string last_id() {
    const std::scoped_lock lock(mutex_);
    return parser_.last_id();
  }
  int status() const { return status_; }
  bool ended_well() const { return ended_well_; }

 private:
  void Read(const std::string& query, const std::string& last_event_id) {
    httplib::Headers headers;
    if (!last_event_id.empty()) headers.emplace("Last-Event-ID", last_event_id);
    const auto result = http_.Get(
        "/api/v1/events" + query, headers,
        [&](const httplib::Response& response) {
          status_ = response.status;
          return true;
        },
        [&](const char* data, std::size_t size) {
          const std::scoped_lock lock(mutex_);
          if (status_ == 200) {
            parser_.Take({data, size}, [&](const ServerEvent& event) { events_.push_back(event); });
          }
          changed_.notify_all();
          return true;
        });
    const std::scoped_lock lock(mutex_);
    over_ = true;
    ended_well_ = static_cast<bool>(result);
    changed_.notify_all();
  }
  template <class Condition>
  bool Await(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), condition);
  }

  httplib::SSLClient http_;
  std::mutex mutex_;
  std::condition_variable changed_;
  ServerEventParser parser_;
  std::vector<ServerEvent> events_;
  std::atomic<int> status_{0};
  bool over_ = false;
  bool ended_well_ = false;
  std::thread thread_;
};

class EventsTest : public RestTest {
 protected:
  std::unique_ptr<Reader> Watch(const std::string& query = "", const std::string& seen = "",
                                const std::string& token = "") {
    return std::make_unique<Reader>(server_->port(), folder_ / "state/ca.pem",
                                    token.empty() ? core_->token().text : token, query, seen);
  }
  void Happens(dataplane::EventKind kind, MacAddress mac = kMachine, std::string_view text = "") {
    dataplane::Event event;
    event.kind = kind;
    event.mac = mac;
    event.unix_nanoseconds = now_ += 1'000'000'000;
    event.set_text(text);
    core_->timelines().Take(event);
  }
  void Discovers(MacAddress mac = kMachine) {
    Happens(dataplane::EventKind::kDhcpDiscover, mac, "HTTPClient:Arch:00016:UNDI:003000");
  }
  // What is wrong with the data of an event, by its schema.
  std::optional<std::string> Fault(const ServerEvent& event) const {
    const std::map<std::string, const char*> types = {
        {"step", "LiveStep"},   {"boot", "Boot"},   {"link", "LiveLink"}, {"change", "LiveChange"},
        {"audit", "LiveAudit"}, {"gap", "LiveGap"}, {"held", "LiveHeld"}};
    const auto data = nlohmann::json::parse(event.data, nullptr, false);
    return SchemaChecker(api_).Mismatch(data, JsonSchemaOf(types.at(event.type)));
  }
  static auto IsOf(const std::string& type) { return Field(&ServerEvent::type, type); }

  std::int64_t now_ = 1'790'000'000'000'000'000;
};

TEST_F(EventsTest, TellsOfABootOfALinkAndOfChangesAsDescribed) {
  const auto reader = Watch();
  Discovers();
  core_->feed().Publish(LinkEvent("net_ring0", true, now_));
  ASSERT_EQ(Slipway("machine set 52:54:00:00:00:02 -").code, 0);
  core_->AnnounceChanges();
  const auto events = reader->Events(5);
  EXPECT_THAT(events,
              ElementsAre(IsOf("step"), IsOf("boot"), IsOf("link"), IsOf("change"), IsOf("audit")));
  for (const ServerEvent& event : events) EXPECT_EQ(Fault(event), std::nullopt) << event.data;
  EXPECT_THAT(events[1].data, HasSubstr(R"("outcome":"under way")"));
  EXPECT_THAT(events[3].data, HasSubstr("machine 52:54:00:00:00:02"));
  for (std::size_t i = 1; i < events.size(); ++i) {
    EXPECT_EQ(std::stoull(events[i].id), std::stoull(events[i - 1].id) + 1);
  }
  // The log is told once.
  core_->AnnounceChanges();
  Happens(dataplane::EventKind::kDhcpAck);
  EXPECT_THAT(reader->Events(6), SizeIs(6));
}

TEST_F(EventsTest, NothingIsLostOrDoubledWhereOneResumes) {
  auto reader = Watch();
  Discovers();
  const auto before = reader->Events(2);
  reader->Leave();
  for (int i = 0; i < 150; ++i) Happens(dataplane::EventKind::kDnsQuery);
  reader = Watch("", before.back().id);
  Happens(dataplane::EventKind::kDhcpAck);
  const auto after = reader->Events(151);
  ASSERT_THAT(after, SizeIs(151));
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(std::stoull(after[i].id), std::stoull(before.back().id) + i + 1);
  }
  // As a page does that knows the id, but can send no header.
  EXPECT_THAT(Watch("?after=" + after[148].id)->Events(2), SizeIs(2));
}

TEST_F(EventsTest, WhatIsGoneIsSaid) {
  const std::string first = Watch()->last_id();
  // More than the ring holds.
  for (int i = 0; i < 17000; ++i) core_->feed().Publish(LinkEvent("net_ring0", true, now_));
  const auto events = Watch("", first)->Events(1);
  EXPECT_EQ(events[0].type, "gap");
  EXPECT_EQ(events[0].data, R"({"lost":616})");
  EXPECT_EQ(Fault(events[0]), std::nullopt);
  EXPECT_EQ(std::stoull(events[0].id), std::stoull(first) + 616);
  EXPECT_EQ(std::stoull(Watch("", first)->Events(2)[1].id), std::stoull(first) + 617);
}

TEST_F(EventsTest, AfterARestartItIsSaidThatNothingIsKnown) {
  const std::string before = Watch()->last_id();
  End();
  Begin();
  auto reader = Watch("", before);
  EXPECT_THAT(reader->Events(1),
              ElementsAre(AllOf(IsOf("gap"), Field(&ServerEvent::data, R"({"lost":null})"))));
  EXPECT_GT(std::stoull(reader->last_id()), std::stoull(before));
  // What was never given out here is no less unknown.
  EXPECT_EQ(Watch("", "yesterday")->Events(1)[0].type, "gap");
}

TEST_F(EventsTest, NumbersRiseAlsoWhereTheClockWasSetBackBetweenRuns) {
  const std::uint64_t newest = core_->feed().newest();
  // As if the run before had been an hour ahead.
  constexpr std::int64_t kHour = 3'600'000'000;
  ASSERT_TRUE(core_->store().NoteEventNumber(static_cast<std::int64_t>(newest) + kHour).ok());
  End();
  Begin();
  const std::string before = std::to_string(newest + kHour);
  const auto reader = Watch("", before);
  Discovers();
  const auto events = reader->Events(2);
  EXPECT_EQ(events[0].type, "gap") << "taken for one of this run";
  EXPECT_GT(std::stoull(events[1].id), newest + kHour);
}

TEST_F(EventsTest, FiltersChooseAndWrongOnesAreRefused) {
  const auto machine = Watch("?mac=52:54:00:00:00:01&kind=step");
  Discovers(MacAddress{{0x52, 0x54, 0, 0, 0, 9}});
  core_->feed().Publish(LinkEvent("net_ring0", true, now_));
  Discovers();
  const auto events = machine->Events(1);
  ASSERT_THAT(events, ElementsAre(IsOf("step")));
  EXPECT_THAT(events[0].data, HasSubstr("52:54:00:00:00:01"));
  EXPECT_EQ(client_->Get("/api/v1/events?kind=steps")->status, 400);
  EXPECT_EQ(client_->Get("/api/v1/events?mac=here")->status, 400);
}

TEST_F(EventsTest, AViewerSeesChangesButNotWhoMadeThem) {
  const std::string viewer = MakeToken("eyes --role viewer");
  core_->AnnounceChanges();
  EXPECT_EQ(Watch("?kind=audit", "", viewer)->status(), 403);
  const auto reader = Watch("", "", viewer);
  ASSERT_EQ(Slipway("machine set 52:54:00:00:00:02 -").code, 0);
  ASSERT_EQ(Slipway("token create secret-name --role viewer").code, 0);
  core_->AnnounceChanges();
  Discovers();
  EXPECT_THAT(reader->Events(3), ElementsAre(IsOf("change"), IsOf("step"), IsOf("boot")));
  EXPECT_EQ(Watch("", "", "wrong")->status(), 401);
}

TEST_F(EventsTest, NoMoreStreamsThanMayBe) {
  std::vector<std::unique_ptr<Reader>> readers;
  const std::string other = MakeToken("other --role viewer");
  for (int i = 0; i < 8; ++i) readers.push_back(Watch());
  const auto too_many = client_->Get("/api/v1/events");
  EXPECT_EQ(too_many->status, 503);
  EXPECT_THAT(too_many->body, HasSubstr("token admin has as many event streams open"));
  for (int i = 0; i < 8; ++i) readers.push_back(Watch("", "", other));
  client_->set_bearer_token_auth(MakeToken("third --role viewer"));
  const auto refused = client_->Get("/api/v1/events");
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->get_header_value("Retry-After"), "10");
  // Others are answered all the same.
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 200);
  readers.front()->Leave();
  // It is missed within a second or two.
  for (int i = 0; i < 600 && core_->streams().counts().now == 16; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const auto again = Watch();
  EXPECT_EQ(again->status(), 200);
  const std::string metrics = client_->Get("/metrics")->body;
  EXPECT_THAT(metrics, HasSubstr("slipway_event_streams 16"));
  EXPECT_THAT(metrics, HasSubstr("slipway_event_streams_refused_total 2"));
  EXPECT_THAT(metrics, HasSubstr("slipway_event_streams_ended_total{reason=\"gone\"} 1"));
}

TEST_F(EventsTest, WhoDoesNotReadIsDroppedAndNobodyWaits) {
  // A reader that takes nothing: its handler does not return.
  std::atomic<bool> over{false};
  std::atomic<bool> begun{false};
  httplib::SSLClient lazy("127.0.0.1", server_->port());
  lazy.set_ca_cert_path((folder_ / "state/ca.pem").c_str());
  lazy.set_bearer_token_auth(core_->token().text);
  BePatient(lazy);
  std::thread reading([&] {
    lazy.Get("/api/v1/events", [&](const char*, std::size_t) {
      begun = true;
      while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return false;
    });
  });
  while (!begun) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto reader = Watch("?kind=boot");
  const auto start = std::chrono::steady_clock::now();
  // Far more than sockets hold.
  while (core_->streams().counts().ended[static_cast<std::size_t>(StreamEnd::kSlow)] == 0 &&
         std::chrono::steady_clock::now() - start < std::chrono::seconds(60)) {
    for (int i = 0; i < 1000; ++i) Happens(dataplane::EventKind::kDnsQuery);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(core_->streams().counts().ended[static_cast<std::size_t>(StreamEnd::kSlow)], 1U);
  over = true;
  reading.join();
  // The other is where it was.
  Discovers(MacAddress{{0x52, 0x54, 0, 0, 0, 7}});
  const auto events = reader->Events(2);
  EXPECT_THAT(events.back().data, HasSubstr("52:54:00:00:00:07"));
}

TEST_F(EventsTest, TheEndOfTheServerEndsStreamsWell) {
  const auto reader = Watch();
  Discovers();
  reader->Events(2);
  const auto start = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_TRUE(reader->AwaitEnd());
  EXPECT_TRUE(reader->ended_well()) << "the last chunk is missing";
  EXPECT_EQ(core_->streams().counts().ended[static_cast<std::size_t>(StreamEnd::kShutdown)], 1U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST_F(EventsTest, WatchPrintsLinesAndEndsWhenItIsInterrupted) {
  core_->feed().Publish(LinkEvent("net_ring0", true, now_));
  const std::string after = Text(" --after ", core_->feed().newest() - 1);
  Discovers();
  // Interrupts it once it has said its last words, however long it took to begin.
  const auto watch = [&](const std::string& arguments, const std::string& last, int signal) {
    const std::filesystem::path said = folder_ / "said";
    std::filesystem::remove(said);
    const std::string command =
        Text("exec ", SLIPWAY_PROGRAM, " --state ", (folder_ / "state").string(),
             " --server 127.0.0.1:", server_->port(), " watch ", arguments, " > ", said.string(),
             " 2>&1");
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    if (child < 0) return Ran{.code = -1, .text = "no process can be made"};
    for (int i = 0; i < 3000 && BytesOf(said).find(last) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    // It blocks INT and waits for it: that one comes also where tests run in the background, where
    // it is ignored.
    EXPECT_EQ(::kill(child, signal), 0);
    int status = 0;
    pid_t ended = 0;
    for (int i = 0; i < 3000 && ended == 0; ++i) {
      ended = ::waitpid(child, &status, WNOHANG);
      if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (ended == 0) {
      ::kill(child, SIGKILL);
      ended = ::waitpid(child, &status, 0);
    }
    EXPECT_EQ(ended, child);
    return Ran{.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1, .text = BytesOf(said)};
  };
  const Ran lines = watch(after, "asked for an address", SIGINT);
  EXPECT_EQ(lines.code, 0);
  EXPECT_THAT(lines.text, AllOf(HasSubstr("port net_ring0     link is up\n"),
                                HasSubstr("52:54:00:00:00:01  asked for an address")));
  const Ran one = watch("52:54:00:00:00:01 --json --kind step" + after, "DhcpDiscover", SIGTERM);
  EXPECT_EQ(one.code, 0);
  EXPECT_EQ(nlohmann::json::parse(one.text)["data"]["kind"], "DhcpDiscover") << one.text;
  const Ran refused = Slipway("watch --kind nothing");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("kind is not of step"));
  const Ran nobody = Shell(Text(SLIPWAY_PROGRAM, " --state ", (folder_ / "state").string(),
                                " --server 127.0.0.1:1 watch"));
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.text, HasSubstr("is slipwayd running"));
}

}  // namespace
}  // namespace slipway::control
