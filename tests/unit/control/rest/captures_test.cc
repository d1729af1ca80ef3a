// SPDX-License-Identifier: Apache-2.0
//
// GET /machines/{mac}/capture over TLS and by the command line: what workers put into the rings
// comes out as a whole file, within bounds, for whom may, and audited. The workers are the test.
#include <csignal>
#include <thread>

#include "control/cli/capture_file.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr MacAddress kMachine{{0x52, 0x54, 0, 0, 0, 1}};
constexpr std::string_view kPath = "/api/v1/machines/52:54:00:00:00:01/capture";

class CapturesTest : public RestTest {
 protected:
  // A frame of `size` bytes, from every capture's ring of this worker.
  void Comes(unsigned worker, std::size_t size, std::uint8_t fill) {
    const std::uint64_t generation = captures_.generation();
    const dataplane::Captures::Set* const set = captures_.Current();
    if (is_worker_) captures_.Seen(0, generation);
    if (set == nullptr) return;
    Buffer frame(size, fill);
    std::ranges::copy(kMachine.octets, frame.begin());
    for (dataplane::Capture* const capture : *set) {
      if (capture == nullptr) break;
      dataplane::CaptureRecord record;
      record.unix_nanoseconds = 1'795'341'600'000'000'000 + ++frames_;
      record.size = record.kept = static_cast<std::uint32_t>(size);
      dataplane::CaptureRing& ring = capture->ring(worker, 0);
      if (ring.Begin(record)) ring.Append(frame);
      ring.Publish(ring.mark());
    }
  }
  bool Await(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }
  // Runs in a thread of its own, as a capture takes as long as it takes.
  std::thread InTheBackground(const std::string& arguments, Ran& ran) {
    std::thread thread([this, arguments, &ran] { ran = Slipway(arguments); });
    EXPECT_TRUE(Await([this] { return captures_.running() == 1; }));
    return thread;
  }
  void EndAll() {
    for (const auto& capture : nlohmann::json::parse(client_->Get("/api/v1/captures")->body)) {
      EXPECT_EQ(client_->Delete(Text("/api/v1/captures/", capture["id"].dump()))->status, 204);
    }
  }
  CaptureFile Read(const std::filesystem::path& path) {
    const std::string bytes = BytesOf(path);
    CaptureFile file;
    EXPECT_TRUE(file.Take(bytes, [](std::string_view) { return true; }));
    EXPECT_EQ(file.bytes(), bytes.size()) << "whole blocks alone";
    return file;
  }
  nlohmann::json AuditOfCaptures() {
    nlohmann::json records = nlohmann::json::array();
    for (auto& record : nlohmann::json::parse(client_->Get("/api/v1/audit")->body)) {
      if (record["what"] == "capture of 52:54:00:00:00:01") records.push_back(record);
    }
    return records;
  }

  using Buffer = std::vector<std::uint8_t>;
  std::int64_t frames_ = 0;
  bool is_worker_ = false;  // that captures wait for: where one may end while frames come
  const std::filesystem::path file_ = folder_ / "machine.pcapng";
};

TEST_F(CapturesTest, AreAWholeFileOfWhatCameUntilTheirSecondsAreOver) {
  captures_.Online(0);
  is_worker_ = true;  // its seconds may be over while frames come
  Ran ran;
  std::thread thread =
      InTheBackground("capture 52:54:00:00:00:01 --seconds 3 -w " + file_.string(), ran);
  for (std::uint8_t i = 0; i < 200; ++i) Comes(i % 2, 60 + i, i);
  captures_.Offline(0);
  const auto listed = client_->Get("/api/v1/captures");
  thread.join();
  ASSERT_TRUE(listed);
  const auto list = nlohmann::json::parse(listed->body);
  ASSERT_THAT(list, SizeIs(1));
  EXPECT_EQ(list[0]["mac"], "52:54:00:00:00:01");
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("200 frames"));
  EXPECT_THAT(ran.text, HasSubstr(" 0 lost"));
  const CaptureFile file = Read(file_);
  EXPECT_EQ(file.frames(), 200u);
  EXPECT_TRUE(file.complete());
  EXPECT_EQ(captures_.running(), 0u);
  ASSERT_TRUE(Await([this] { return AuditOfCaptures().size() == 2; }));
  const auto records = AuditOfCaptures();  // the newest first
  EXPECT_EQ(records[0]["who"], records[1]["who"]);
  EXPECT_EQ(records[0]["after"]["frames"], 200);
  EXPECT_GE(records[0]["after"]["seconds"].get<double>(), 3);
  EXPECT_LT(records[0]["after"]["seconds"].get<double>(), 25);
  EXPECT_EQ(records[1]["before"], nullptr);
  EXPECT_EQ(records[1]["after"]["seconds_at_most"], 3);
}

TEST_F(CapturesTest, SayWhatFoundNoRoom) {
  Ran ran;
  std::thread thread = InTheBackground("capture 52:54:00:00:00:01 -w " + file_.string(), ran);
  // More than the ring holds, faster than anybody reads.
  constexpr std::uint64_t kFrames = 3000;
  for (std::uint64_t i = 0; i < kFrames; ++i) Comes(0, 60'000, 1);
  EndAll();
  thread.join();
  const CaptureFile file = Read(file_);
  EXPECT_GT(file.lost(), 0u);
  EXPECT_EQ(file.frames() + file.lost(), kFrames);
  EXPECT_THAT(ran.text, HasSubstr(Text(' ', file.lost(), " lost")));
  EXPECT_EQ(ran.code, 0);
}

TEST_F(CapturesTest, EndWhenTheirBytesAreWritten) {
  captures_.Online(0);
  is_worker_ = true;  // it ends while frames come
  Ran ran;
  std::thread thread =
      InTheBackground("capture 52:54:00:00:00:01 --bytes 5000 -w " + file_.string(), ran);
  for (int i = 0; i < 100; ++i) Comes(0, 1000, 1);
  captures_.Offline(0);
  thread.join();
  EXPECT_EQ(ran.code, 0) << ran.text;
  const CaptureFile file = Read(file_);
  EXPECT_GE(file.bytes(), 5000u);
  EXPECT_LT(file.bytes(), 7000u);
  EXPECT_TRUE(file.complete());
}

// SIGTERM, which is taken as SIGINT is: that one may be ignored where tests run in the background.
TEST_F(CapturesTest, EndBySignalWithAWholeFile) {
  const std::filesystem::path pid = folder_ / "pid";
  Ran ran;
  std::thread thread([this, &ran, &pid] {
    ran = Shell(Text("echo $$ > ", pid.string(), "; exec ", SLIPWAY_PROGRAM, " --state ",
                     (folder_ / "state").string(), " --server 127.0.0.1:", server_->port(),
                     " capture 52:54:00:00:00:01 -w ", file_.string()));
  });
  EXPECT_TRUE(Await([this] { return captures_.running() == 1; }));
  for (int i = 0; i < 10; ++i) Comes(0, 100, 1);
  // Its file begins with the first block: from then on the program knows what to ask an end for.
  EXPECT_TRUE(Await([this] { return std::filesystem::exists(file_); }));
  ASSERT_EQ(::kill(std::stoi(BytesOf(pid)), SIGTERM), 0);
  thread.join();
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("10 frames"));
  EXPECT_TRUE(Read(file_).complete());
  EXPECT_EQ(Read(file_).frames(), 10u);
  EXPECT_EQ(captures_.running(), 0u);
}

TEST_F(CapturesTest, AreNotWrittenToATerminal) {
  const Ran ran =
      Shell(Text("script -qec '", SLIPWAY_PROGRAM, " --state ", (folder_ / "state").string(),
                 " --server 127.0.0.1:", server_->port(), " capture 52:54:00:00:00:01' /dev/null"));
  EXPECT_EQ(ran.code, 2) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("-w FILE"));
  EXPECT_EQ(captures_.running(), 0u);
}

TEST_F(CapturesTest, GoThroughAPipeUntilNobodyReadsIt) {
  captures_.Online(0);
  is_worker_ = true;
  Ran ran;
  std::thread thread = InTheBackground(
      "capture 52:54:00:00:00:01 2>" + (folder_ / "said").string() + " | head -c 1000", ran);
  EXPECT_TRUE(Await([this] {
    Comes(0, 1000, 1);
    return captures_.running() == 0;
  }));
  thread.join();
  captures_.Offline(0);
  EXPECT_THAT(BytesOf(folder_ / "said"), HasSubstr("frames"));
  EXPECT_THAT(BytesOf(folder_ / "said"), testing::Not(HasSubstr("cannot be written")));
  EXPECT_EQ(ran.text.size(), 1000u);
}

TEST_F(CapturesTest, EndWithTheirReader) {
  std::atomic<bool> began{false};
  std::thread thread([&] {
    client_->Get(
        std::string(kPath), [](const httplib::Response&) { return true; },
        [&](const char*, std::size_t) {
          began = true;
          return true;
        });
  });
  EXPECT_TRUE(Await([&] { return began.load(); }));
  EXPECT_EQ(captures_.running(), 1u);
  client_->stop();
  thread.join();
  EXPECT_TRUE(Await([this] { return captures_.running() == 0; })) << "nothing came, and yet";
}

TEST_F(CapturesTest, HaveTheirEndWhenTheDaemonStops) {
  Ran ran;
  std::thread thread = InTheBackground("capture 52:54:00:00:00:01 -w " + file_.string(), ran);
  Comes(1, 100, 1);
  server_.reset();
  thread.join();
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(Read(file_).complete());
  EXPECT_EQ(Read(file_).frames(), 1u);
}

TEST_F(CapturesTest, AreRefusedWithReasons) {
  const auto problem = [&](const std::string& path) {
    const auto answer = client_->Get(path);
    return Text(answer->status, ' ', nlohmann::json::parse(answer->body)["detail"].dump());
  };
  const std::string path(kPath);
  EXPECT_THAT(problem("/api/v1/machines/nobody/capture"), HasSubstr("400 \"not a machine's MAC"));
  EXPECT_THAT(problem("/api/v1/machines/ff:ff:ff:ff:ff:ff/capture"), HasSubstr("400"));
  EXPECT_THAT(problem(path + "?seconds=0"), HasSubstr("400 \"seconds is a number from 1 to 86400"));
  EXPECT_THAT(problem(path + "?seconds=1s"), HasSubstr("400"));
  EXPECT_THAT(problem(path + "?bytes=-1"), HasSubstr("400"));
  EXPECT_THAT(problem(path + "?snap=10"), HasSubstr("400 \"snap is a number from 64"));
  std::vector<std::shared_ptr<dataplane::Capture>> others;
  for (std::size_t i = 0; i < dataplane::Captures::kAtOnceMax; ++i) {
    others.push_back(captures_.Begin({.machine = kMachine}));
  }
  EXPECT_THAT(problem(path), HasSubstr("409 \"as many captures run as may (4)"));
  for (const auto& other : others) captures_.End(other, std::chrono::milliseconds(0));
  EXPECT_EQ(client_->Delete("/api/v1/captures/77")->status, 404);
  client_->set_bearer_token_auth(MakeToken("reader --role viewer"));
  EXPECT_THAT(problem(path), HasSubstr("403"));
  EXPECT_THAT(problem("/api/v1/captures"), HasSubstr("403"));
  EXPECT_EQ(captures_.running(), 0u);
}

// Who reads is asked while it lasts, also while nothing comes.
TEST_F(CapturesTest, EndSoonAfterTheirReaderMayNotReadAnyMore) {
  struct Loss {
    const char* token;
    const char* how;  // the token, or the machine, is lost
  };
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  for (const Loss& loss :
       {Loss{"one --role operator", "token rm one"},
        Loss{"two --role operator --scope rack=a1", "machine label 52:54:00:00:00:01 rack=b7"}}) {
    const std::string token = MakeToken(loss.token);
    ASSERT_EQ(token.size(), 64u);
    Ran ran;
    std::thread thread = InTheBackground(
        "--token " + token + " capture 52:54:00:00:00:01 -w " + file_.string(), ran);
    Comes(0, 100, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    EXPECT_EQ(captures_.running(), 1u) << "as long as nothing is lost, it goes on";
    EXPECT_EQ(Slipway(loss.how).code, 0);
    const auto lost = std::chrono::steady_clock::now();
    EXPECT_TRUE(Await([this] { return captures_.running() == 0; })) << loss.how;
    EXPECT_LT(std::chrono::steady_clock::now() - lost, std::chrono::seconds(25)) << loss.how;
    thread.join();
    EXPECT_EQ(ran.code, 1) << "it was cut off: " << ran.text;
    EXPECT_EQ(Read(file_).frames(), 1u) << "what came until then is there";
  }
}

TEST_F(CapturesTest, CanBeEndedBySomebodyElse) {
  Ran ran;
  std::thread thread = InTheBackground("capture 52:54:00:00:00:01 -w " + file_.string(), ran);
  EndAll();
  thread.join();
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(Read(file_).complete());
}

}  // namespace
}  // namespace slipway::control
