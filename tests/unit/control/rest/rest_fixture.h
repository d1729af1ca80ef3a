// SPDX-License-Identifier: Apache-2.0
//
// A real REST server over TLS with the real store and image store, a client of it, and the command
// line's own program. Only image memory is the heap's.
#pragma once

#include <gmock/gmock.h>
#include <httplib.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "control/rest/openapi.h"
#include "control/rest/schemas.h"
#include "control/rest/server.h"
#include "control/serve/core.h"
#include "control/state/secrets.h"
#include "control/text.h"
#include "control/whole_file.h"
#include "dataplane/capture.h"
#include "tests/support/small_site.h"
#include "tests/unit/control/rest/schema_checker.h"
#include "tests/unit/control/secure_boot/support.h"

namespace slipway::control {

class HeapImageMemory final : public dataplane::ImageMemory {
 public:
  MutableBytes Allocate(std::size_t size) override {
    if (in_use_ + size > budget()) return {};
    in_use_ += size;
    return {new std::uint8_t[size], size};
  }
  void Free(MutableBytes block) override {
    in_use_ -= block.size();
    delete[] block.data();
  }
  std::size_t budget() const override { return 100'000; }
  std::size_t in_use() const override { return in_use_; }

 private:
  std::atomic<std::size_t> in_use_{0};
};

// Of a file; empty where there is none.
inline std::string BytesOf(const std::filesystem::path& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

// A minute for each answer: of its own accord five seconds, and a busy machine takes longer.
inline void BePatient(httplib::SSLClient& client) {
  client.set_read_timeout(60);
  client.set_write_timeout(60);
}

// Made once a process, for an RSA key takes half a second: the CA of every test's state, and the
// boot chains of those that do not ask for the daemon's own.
class SharedCertificates {
 public:
  // `config` says the names and addresses; all tests have the same.
  static const SharedCertificates& Get(const Config& config) {
    static const SharedCertificates shared(config);
    return shared;
  }
  // Into an empty folder: state/ca.pem and state/ca.key, as the daemon's first start leaves them,
  // and the chains that Tables() names.
  void PutInto(const std::filesystem::path& folder) const {
    std::filesystem::create_directories(folder / "state");
    std::filesystem::permissions(folder / "state", std::filesystem::perms::owner_all);
    EXPECT_TRUE(WriteFile(folder / "state/ca.key", authority_.private_key_pem, 0600).ok());
    EXPECT_TRUE(WriteFile(folder / "state/ca.pem", authority_.certificate_pem, 0644).ok());
    for (const tls::Certificate& boot : boot_) {
      std::ofstream(folder / (boot.name + ".pem")) << boot.chain_pem;
      std::ofstream(folder / (boot.name + ".key")) << boot.private_key_pem;
    }
  }
  std::string Tables() const {
    std::string tables;
    for (const tls::Certificate& boot : boot_) {
      tables += Text("[[tls.certificate]]\nchain = \"", boot.name, ".pem\"\nkey = \"", boot.name,
                     ".key\"\n");
    }
    return tables;
  }

 private:
  explicit SharedCertificates(const Config& config)
      : authority_(tls::MakeAuthority({})), boot_(BootCertificates(config, authority_).value()) {}

  tls::Authority authority_;
  std::vector<tls::Certificate> boot_;
};

class RestTest : public testing::Test {
 protected:
  RestTest() {
    std::string pattern = testing::TempDir() + "slipway_rest_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    const auto& shared = SharedCertificates::Get(*Parsed().config);
    shared.PutInto(folder_);
    boot_certificates_ = shared.Tables();
    Begin();
  }
  ~RestTest() override {
    End();
    std::filesystem::remove_all(folder_);
  }

  ConfigResult Parsed() const {
    return ParseConfig(
        Text(kSiteState, management_, site_, "[boot]\nimage_set = \"debian:stable\"\n",
             secure_boot_, boot_certificates_),
        folder_ / "slipway.toml");
  }
  void Begin() {
    const ConfigResult parsed = Parsed();
    ASSERT_TRUE(parsed.config.has_value()) << Report(parsed, "test");
    Outlets outlets;
    outlets.images = &memory_;
    outlets.publish = [this](std::unique_ptr<dataplane::Snapshot> next) {
      snapshot_ = std::move(next);
      ++published_;
    };
    outlets.statistics = [this] {
      std::vector<dataplane::WorkerStatistics> workers(1);
      // A second later each time, with a gigabit more sent in bursts of 20.
      const std::uint64_t seconds = ++asked_;
      workers[0].posted_nanoseconds = static_cast<std::int64_t>(seconds * 1'000'000'000);
      workers[0].sent_bytes = seconds * 125'000'000;
      for (std::uint64_t i = 0; i < 5 * seconds; ++i) workers[0].transmit_bursts.Add(20);
      workers[0].busy_cycles = workers[0].idle_cycles = seconds * 1'000'000;
      for (const std::size_t kind : drops_) workers[0].drops.counts[kind] = 7;
      workers[0].admission.limit = 256;
      workers[0].admission.waiting_at_syn = 3;
      workers[0].admission.expected_wait_ms = 1500;
      workers[0].steps[static_cast<std::size_t>(dataplane::Step::kEmit)].cycles = 9;
      return workers;
    };
    auto core = Core::Open(*parsed.config, std::move(outlets));
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
    core_->LoadAssigned();
    ASSERT_TRUE(core_->Republish().ok());
    auto server =
        RestServer::Start(*core_, &captures_,
                          [this](const httplib::Request& request,
                                 const httplib::Response& response) { Check(request, response); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    client_ = std::make_unique<httplib::SSLClient>("127.0.0.1", server_->port());
    client_->set_ca_cert_path((folder_ / "state/ca.pem").c_str());
    client_->enable_server_certificate_verification(true);
    client_->set_bearer_token_auth(core_->token().text);
    BePatient(*client_);
  }
  void End() {
    client_.reset();
    server_.reset();
    snapshot_.reset();
    core_.reset();
  }

  std::atomic<std::uint64_t> asked_{0};  // by the server's threads
  std::vector<std::size_t> drops_{1};    // kinds that were counted; said before anybody asks

  Ran Slipway(const std::string& arguments) {
    const std::string command = Text(SLIPWAY_PROGRAM, " --state ", (folder_ / "state").string(),
                                     " --server 127.0.0.1:", server_->port(), " ", arguments);
    return Shell(command);
  }
  // The new token's text.
  std::string MakeToken(const std::string& arguments) {
    const Ran ran = Slipway("--json token create " + arguments);
    EXPECT_EQ(ran.code, 0) << ran.text;
    return nlohmann::json::parse(ran.text).value("token", "");
  }
  // What each item of a list has as `key`, of all pages; and how many pages there are.
  std::vector<std::string> All(const std::string& path, const char* key, int* pages = nullptr) {
    std::vector<std::string> values;
    for (std::string next = path; !next.empty();) {
      const auto answer = client_->Get(next);
      EXPECT_EQ(answer->status, 200) << next << ' ' << answer->body;
      if (answer->status != 200) break;
      const auto items = nlohmann::json::parse(answer->body);
      for (const auto& item : items) values.push_back(item[key]);
      next = NextOf(path, *answer);
      if (pages != nullptr) ++*pages;
    }
    return values;
  }
  // Of the page after this one of the list; empty: none. httplib unescapes headers, so that of the
  // link only what it adds to the list's own path can be taken.
  static std::string NextOf(const std::string& list, const httplib::Response& answer) {
    const std::string link = answer.get_header_value("Link");
    if (link.empty()) return "";
    const std::size_t after = link.rfind("after=");
    const std::size_t cursor = after != link.npos ? after : link.rfind("before=");
    return Text(list, list.find('?') == list.npos ? '?' : '&',
                link.substr(cursor, link.find('>', cursor) - cursor));
  }
  void ImportBootFile(const std::string& reference, std::size_t size = 4000) {
    std::ofstream(folder_ / "boot.efi") << std::string(size, 'x');
    const Ran ran = Slipway("image import " + (folder_ / "boot.efi").string() + " " + reference);
    ASSERT_EQ(ran.code, 0) << ran.text;
  }

  // Every answer is as the API's description says.
  void Check(const httplib::Request& request, const httplib::Response& response) const {
    if (IsOfTheRegistry(request.path)) return;
    const SchemaChecker checker(api_);
    const std::string what = Text(request.method, ' ', request.path, ": ", response.status);
    const std::string type = response.get_header_value("Content-Type");
    if (response.status == 304) return;
    if (response.status >= 400) {
      EXPECT_EQ(type, "application/problem+json") << what;
      if (response.content_provider_) return;  // one that ends its connection, sent already
      const auto fault = checker.Mismatch(nlohmann::json::parse(response.body, nullptr, false),
                                          JsonSchemaOf("Problem"));
      EXPECT_EQ(fault, std::nullopt) << what << ' ' << response.body;
      return;
    }
    const auto route = std::ranges::find_if(Routes(), [&](const Route& each) {
      return each.method == (request.method == "HEAD" ? "GET" : request.method) &&
             std::regex_match(request.path, std::regex(PatternOf(each.path)));
    });
    ASSERT_NE(route, Routes().end()) << what;
    const AnswerForm answer = AnswerOf(*route);
    EXPECT_EQ(response.status, answer.status) << what;
    EXPECT_TRUE(type.starts_with(answer.media_type)) << what << ' ' << type;
    if (answer.type.empty()) return;
    const auto fault = checker.Mismatch(nlohmann::json::parse(response.body, nullptr, false),
                                        JsonSchemaOf(answer.type));
    EXPECT_EQ(fault, std::nullopt) << what << ' ' << response.body;
  }

  const nlohmann::json api_ = OpenApi();
  std::filesystem::path folder_;
  std::string site_ = Text(kSitePort, kSiteLab, kSitePools);  // ports and networks
  std::string secure_boot_;        // a table of the configuration, for the next Begin
  std::string management_;         // more of the table of that name
  std::string boot_certificates_;  // tables; empty: the daemon issues its own
  HeapImageMemory memory_;
  dataplane::Captures captures_{2, 1};  // of workers that never run: whoever tests is them
  std::unique_ptr<dataplane::Snapshot> snapshot_;
  std::atomic<int> published_{0};  // snapshots
  std::unique_ptr<Core> core_;
  std::unique_ptr<RestServer> server_;
  std::unique_ptr<httplib::SSLClient> client_;
};

}  // namespace slipway::control
