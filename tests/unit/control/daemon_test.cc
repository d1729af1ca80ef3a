// SPDX-License-Identifier: Apache-2.0
//
// The control plane with its threads, beside seams that no worker uses.
#include "control/daemon.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/log.h"
#include "tests/support/small_site.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

class DaemonTest : public testing::Test {
 protected:
  DaemonTest() {
    std::string pattern = testing::TempDir() + "slipway_daemon_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(folder_ / "dbx", std::ios::binary) << DigestList(1, 'a');
    const ConfigResult parsed = ParseConfig(
        Text("[secure_boot]\ndbx = [\"dbx\"]\n", kSiteState, kSitePort, kSiteLab, kSitePools),
        folder_ / "slipway.toml");
    EXPECT_TRUE(parsed.config) << Report(parsed, "test");
    control_ = std::make_unique<ControlPlane>(*parsed.config, Seams{.snapshots = &snapshots_,
                                                                    .events = &events_,
                                                                    .leases = &leases_,
                                                                    .statistics = &statistics_,
                                                                    .images = &memory_,
                                                                    .captures = &captures_});
    const auto leases = control_->Start();
    EXPECT_TRUE(leases.ok()) << leases.status();
    std::string management;
    std::ifstream(folder_ / "state/management") >> management;
    std::string token;
    std::ifstream(folder_ / "state/token") >> token;
    client_ = std::make_unique<httplib::SSLClient>(
        "127.0.0.1", std::stoi(management.substr(management.find(':') + 1)));
    client_->set_ca_cert_path((folder_ / "state/ca.pem").c_str());
    client_->set_bearer_token_auth(token);
    BePatient(*client_);
  }
  ~DaemonTest() override {
    client_.reset();
    control_->Stop();
    control_.reset();
    fs::remove_all(folder_);
  }

  void Tell(dataplane::EventKind kind, const char* mac, std::string_view text) {
    dataplane::Event event;
    event.kind = kind;
    event.mac = *MacAddress::Parse(mac);
    event.unix_nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count();
    event.set_text(text);
    EXPECT_TRUE(events_.Push(0, event));
  }
  // Waits until the answer has the text; false after a minute.
  bool Says(const std::string& path, const std::string& text) {
    for (int i = 0; i < 1200; ++i) {
      const auto answer = client_->Get(path);
      if (answer && answer->body.find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }

  fs::path folder_;
  HeapImageMemory memory_;  // outlives what the snapshots keep
  dataplane::SnapshotPublisher snapshots_{1};
  dataplane::EventQueue events_{1, 1024};
  dataplane::LeaseChannel leases_{1024};
  dataplane::StatisticsBoard statistics_{1};
  dataplane::Captures captures_{2, 1};
  std::unique_ptr<ControlPlane> control_;
  std::unique_ptr<httplib::SSLClient> client_;
};

TEST_F(DaemonTest, WhatAPublicationDoesNotFindInMemoryIsBroughtByItself) {
  const auto imported = client_->Put("/api/v1/images/other:1?file=boot.efi", std::string(4000, 'x'),
                                     "application/octet-stream");
  ASSERT_TRUE(imported);
  ASSERT_EQ(imported->status, 201) << imported->body;
  const auto digest = nlohmann::json::parse(imported->body)["files"][0]["digest"];
  const fs::path blob = folder_ / "state/images/blobs/sha256" / digest.get<std::string>();
  fs::rename(blob, folder_ / "kept");  // a disk that does not answer
  const auto put =
      client_->Put("/api/v1/rules/all", R"({"image_set": "other:1"})", "application/json");
  ASSERT_TRUE(put);
  ASSERT_EQ(put->status, 200) << put->body;
  EXPECT_TRUE(Says("/api/v1/images", "\"loaded\":false"));
  fs::rename(folder_ / "kept", blob);
  EXPECT_TRUE(Says("/api/v1/images", "\"loaded\":true"));
}

// A pipe in the place of the bytes keeps whoever reads them, as a slow disk does.
TEST_F(DaemonTest, EventsBecomeStepsWhileAnImageSetIsReadIntoMemory) {
  const auto imported = client_->Put("/api/v1/images/other:1?file=boot.efi", std::string(4000, 'x'),
                                     "application/octet-stream");
  ASSERT_TRUE(imported);
  ASSERT_EQ(imported->status, 201) << imported->body;
  const auto digest = nlohmann::json::parse(imported->body)["files"][0]["digest"];
  const fs::path blob = folder_ / "state/images/blobs/sha256" / digest.get<std::string>();
  fs::rename(blob, folder_ / "kept");
  ASSERT_EQ(::mkfifo(blob.c_str(), 0600), 0);
  Tell(dataplane::EventKind::kImageWanted, "52:54:00:00:00:01", "/other/1/boot.efi");
  while (memory_.in_use() == 0) std::this_thread::yield();  // until it has begun
  Tell(dataplane::EventKind::kDhcpDiscover, "52:54:00:00:00:02", "HTTPClient:Arch:00016");
  EXPECT_TRUE(Says("/api/v1/boots", "52:54:00:00:00:02"));
  EXPECT_TRUE(Says("/api/v1/status", "serving"));
  EXPECT_TRUE(Says("/api/v1/images", "\"loaded\":false"));
  fs::rename(blob, folder_ / "pipe");
  fs::rename(folder_ / "kept", blob);
  // Once it reads the pipe; who has not opened it by now finds the bytes themselves.
  for (int i = 0; i < 200; ++i) {
    const int pipe = ::open((folder_ / "pipe").c_str(), O_WRONLY | O_NONBLOCK);
    if (pipe >= 0) {
      ::close(pipe);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(Says("/api/v1/images", "\"loaded\":true"));
}

TEST_F(DaemonTest, TheLogSaysOnceHowABootEnded) {
  using enum dataplane::EventKind;
  constexpr const char* kFirst = "52:54:00:00:00:01";
  constexpr const char* kSecond = "52:54:00:00:00:02";
  const fs::path file = folder_ / "log";
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ASSERT_GE(descriptor, 0);
  OpenLog({.format = LogFormat::kJson, .descriptor = descriptor});
  // What it says of the ends of the machine's boots; a minute for the first of it.
  const auto ends = [&](const std::string& mac) {
    std::vector<nlohmann::json> found;
    for (int i = 0; i < 1200 && found.empty(); ++i) {
      std::ifstream stream(file);
      for (std::string line; std::getline(stream, line);) {
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (json.is_object() && json.value("machine", "") == mac) found.push_back(json);
      }
      if (found.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return found;
  };
  Tell(kDhcpDiscover, kFirst, "HTTPClient:Arch:00016");
  Tell(kHttpComplete, kFirst, "GET /other/1/boot.efi");
  ASSERT_EQ(ends(kFirst).size(), 1U);
  Tell(kHttpComplete, kFirst, "GET /other/1/kernel");  // it goes on loading
  Tell(kDhcpDiscover, kSecond, "HTTPClient:Arch:00016");
  Tell(kHttpComplete, kSecond, "GET /other/1/boot.efi");
  ASSERT_EQ(ends(kSecond).size(), 1U);  // by then the first would have been told of again
  const auto told = ends(kFirst);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["level"], "info");
  EXPECT_EQ(told[0]["outcome"], "complete");
  EXPECT_EQ(told[0]["cause"], "boot.complete");
  EXPECT_TRUE(told[0]["seconds"].is_number_float());
  OpenLog({});
  ::close(descriptor);
}

TEST_F(DaemonTest, ASignalReadsWhatMachinesTrustAgain) {
  std::ofstream(folder_ / "dbx", std::ios::binary) << "half of something";
  control_->Reload();
  EXPECT_TRUE(Says("/metrics", "slipway_secure_boot_files_refused 1\n"));
  EXPECT_TRUE(Says("/api/v1/secure-boot", "\"dbx_digests\":1,"));
  std::ofstream(folder_ / "dbx", std::ios::binary) << DigestList(3, 'b');
  control_->Reload();
  EXPECT_TRUE(Says("/metrics", "slipway_secure_boot_files_refused 0\n"));
  EXPECT_TRUE(Says("/api/v1/secure-boot", "\"dbx_digests\":3,"));
}

TEST_F(DaemonTest, ThatLeasesCannotBeWrittenIsSaidForAsLongAsItLasts) {
  sqlite3* handle = nullptr;
  sqlite3_open((folder_ / "state/leases.db").c_str(), &handle);
  sqlite3_busy_timeout(handle, 5000);
  const auto run = [&](const char* sql) {
    EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql;
  };
  EXPECT_EQ(client_->Get("/api/v1/health")->status, 200);
  testing::internal::CaptureStderr();
  std::uint64_t sequence = 0;
  for (std::uint8_t episode = 1; episode <= 2; ++episode) {
    run("CREATE TRIGGER full BEFORE INSERT ON leases BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    dhcp::LeaseChange change;
    change.address = Ipv4Address(10, 77, 0, static_cast<std::uint8_t>(99 + episode));
    change.mac = MacAddress{{0x52, 0x54, 0, 0, 0, episode}};
    sequence = leases_.Append(change);
    EXPECT_TRUE(Says("/metrics", "slipway_lease_journal_failing 1\n"));
    const auto health = client_->Get("/api/v1/health");
    EXPECT_EQ(health->status, 503);
    EXPECT_NE(health->body.find("no address is given"), std::string::npos) << health->body;
    EXPECT_TRUE(Says("/api/v1/status", "leases cannot be written"));
    EXPECT_LT(leases_.durable(), sequence);
    run("DROP TRIGGER full");
    EXPECT_TRUE(Says("/metrics", "slipway_lease_journal_failing 0\n"));
    EXPECT_EQ(client_->Get("/api/v1/health")->status, 200);
    // It is told, and logged, a moment before it is acknowledged.
    for (int i = 0; i < 600 && leases_.durable() != sequence; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_EQ(leases_.durable(), sequence);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  const auto count = [&](std::string_view words) {
    int found = 0;
    for (std::size_t at = 0; (at = log.find(words, at)) != log.npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count("leases cannot be written"), 2) << log;
  EXPECT_EQ(count("leases are written again"), 2) << log;
  sqlite3_close_v2(handle);
}

}  // namespace
}  // namespace slipway::control
