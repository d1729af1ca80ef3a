// SPDX-License-Identifier: Apache-2.0
//
// Bodies that are not what they seem: packed, without a length or with a wrong one, nested without
// end, larger than is said. None of them takes more than what it is, and the server goes on.
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <zlib.h>

#include "control/image_store/image_set.h"
#include "control/image_store/index.h"
#include "control/parse_json.h"
#include "tests/unit/control/rest/registry_fixture.h"

namespace slipway::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::size_t kMebi = std::size_t{1} << 20;

constexpr std::size_t kUnpacked = 64;  // mebibytes
// What may come to memory where nothing is unpacked. The address sanitizer keeps what was freed.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kRoom = kUnpacked;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr std::size_t kRoom = kUnpacked;
#else
constexpr std::size_t kRoom = 32;
#endif
#else
constexpr std::size_t kRoom = 32;
#endif

// So many mebibytes of zeros, as gzip.
std::string PackedZeros(std::size_t mebibytes) {
  z_stream packer{};
  EXPECT_EQ(deflateInit2(&packer, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(mebibytes * 2048 + 1024, '\0');
  std::string zeros(kMebi, '\0');
  packer.next_out = reinterpret_cast<Bytef*>(packed.data());
  packer.avail_out = static_cast<uInt>(packed.size());
  for (std::size_t i = 1; i <= mebibytes; ++i) {
    packer.next_in = reinterpret_cast<Bytef*>(zeros.data());
    packer.avail_in = static_cast<uInt>(zeros.size());
    deflate(&packer, i == mebibytes ? Z_FINISH : Z_NO_FLUSH);
  }
  packed.resize(packer.total_out);
  deflateEnd(&packer);
  return packed;
}

// The most memory that this process, which is the server too, has had since ForgetPeak().
std::size_t PeakMebibytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes >> 10;
  }
  ADD_FAILURE() << "/proc/self/status has no VmHWM";
  return 0;
}
void ForgetPeak() { std::ofstream("/proc/self/clear_refs") << 5; }

std::string Nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

class BodiesTest : public RegistryTest {
 protected:
  httplib::Headers Token(httplib::Headers more = {}) const {
    more.emplace("Authorization", "Bearer " + core_->token().text);
    return more;
  }
  using Connection = std::unique_ptr<BIO, void (*)(BIO*)>;
  Connection Connect() const {
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                               SSL_CTX_free);
    Connection bio(BIO_new_ssl_connect(context.get()), BIO_free_all);
    BIO_set_conn_hostname(bio.get(), Text("127.0.0.1:", server_->port()).c_str());
    return bio;
  }
  // The answer to these very bytes, all of it. httplib looks for a next request on the socket, not
  // among what TLS has decrypted: that is a record of its own.
  std::string Raw(const std::string& request, const std::string& next = "") const {
    const Connection bio = Connect();
    for (const std::string* each : {&request, &next}) {
      if (each->empty()) continue;
      EXPECT_EQ(BIO_write(bio.get(), each->data(), static_cast<int>(each->size())),
                static_cast<int>(each->size()));
    }
    std::string answer;
    std::array<char, 4096> piece;
    for (int got; (got = BIO_read(bio.get(), piece.data(), piece.size())) > 0;) {
      answer.append(piece.data(), static_cast<std::size_t>(got));
    }
    return answer;
  }
  // Of one request that ends its connection; `fields`: lines of the header.
  std::string RawPut(const std::string& fields, const std::string& body) const {
    return Raw(Text("PUT /api/v1/rules/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n",
                    "Authorization: Bearer ", core_->token().text, "\r\n", fields, "\r\n", body));
  }
  // Of each answer in what came over a connection.
  static std::vector<std::string> StatusesOf(const std::string& answers) {
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    std::vector<std::string> statuses;
    for (std::size_t at = 0; (at = answers.find(kVersion, at)) != answers.npos;) {
      at += kVersion.size();
      statuses.push_back(answers.substr(at, 3));
    }
    return statuses;
  }
  std::vector<std::string> UploadsLeft() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "state")) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("upload-")) names.push_back(name);
    }
    return names;
  }
};

TEST_F(BodiesTest, APackedBodyIsNotUnpackedByWhomeverItCame) {
  const std::string packed = PackedZeros(kUnpacked);
  ASSERT_LT(packed.size(), kMebi);
  ForgetPeak();
  const std::size_t before = PeakMebibytes();
  client_->set_bearer_token_auth("");
  // An open path is open for GET: nobody's body comes in there.
  for (const char* path : {"/api/v1/health", "/", "/problems/x", "/nowhere"}) {
    const auto refused = client_->Post(path, {{"Content-Encoding", "gzip"}}, packed, "text/plain");
    ASSERT_TRUE(refused) << path;
    EXPECT_EQ(refused->status, 401) << path;
  }
  for (const char* path : {"/api/v1/health", "/api/v1/templates/a/preview", "/v2/nowhere",
                           "/api/v1/secure-boot/check?file=a", "/v2/a/blobs/uploads/"}) {
    for (const char* coding : {"gzip", "br", "deflate", "GZIP", "identity, gzip"}) {
      const auto refused =
          client_->Post(path, Token({{"Content-Encoding", coding}}), packed, "text/plain");
      ASSERT_TRUE(refused) << path;
      EXPECT_EQ(refused->status, 415) << path << ' ' << coding;
      EXPECT_EQ(refused->get_header_value("Accept-Encoding"), "identity");
    }
  }
  EXPECT_LT(PeakMebibytes(), before + kRoom);
  EXPECT_EQ(client_
                ->Put("/api/v1/machines/52:54:00:00:00:01",
                      Token({{"Content-Encoding", "identity"}}), "{}", "application/json")
                ->status,
            200);
}

TEST_F(BodiesTest, ALengthIsSaidOnceAndInDigits) {
  for (const char* fields : {"Content-Length: +4000000\r\n", "Content-Length: -1\r\n",
                             "Content-Length: 2x\r\n", "Content-Length: 2\r\nContent-Length: 3\r\n",
                             "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: gzip, chunked\r\n"}) {
    EXPECT_THAT(RawPut(fields, "{}"), StartsWith("HTTP/1.1 400 ")) << fields;
  }
}

TEST_F(BodiesTest, ABodyWithoutALengthIsNoneAndNotWaitedFor) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string answer = RawPut("", "");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("not a JSON object"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25));
}

TEST_F(BodiesTest, AHeaderWithoutEndEndsItsConnection) {
  ForgetPeak();
  const std::size_t before = PeakMebibytes();
  const std::string line(65536, 'x');
  std::string fields;
  for (int i = 0; i < 10'000; ++i) fields += "a: b\r\n";
  for (const std::string& piece : {line, fields}) {
    const auto bio = Connect();
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nb: c";
    ASSERT_GT(BIO_write(bio.get(), begin.data(), static_cast<int>(begin.size())), 0);
    std::size_t sent = 0;
    while (sent < 64 * kMebi &&
           BIO_write(bio.get(), piece.data(), static_cast<int>(piece.size())) > 0) {
      sent += piece.size();
    }
    EXPECT_LT(sent, 32 * kMebi) << "what the sockets hold at most";
  }
  EXPECT_LT(PeakMebibytes(), before + 32);
  // It is each request's own measure, of those of one connection too.
  client_->set_keep_alive(true);
  const httplib::Headers padded = {{"X-Padding", std::string(4000, 'x')}};
  ASSERT_EQ(client_->Get("/api/v1/health", padded)->status, 200);
  const auto socket = client_->socket();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client_->Get("/api/v1/health", padded)->status, 200);
  EXPECT_EQ(client_->socket(), socket);
}

TEST_F(BodiesTest, AnUploadInChunksIsBoundedAndLeavesNothing) {
  secure_boot_ = "[images]\nupload_max = \"1 MiB\"\n";
  End();
  RestTest::Begin();
  const auto put = [&](const std::string& path, std::size_t size) {
    client_->set_keep_alive(true);
    return client_->Put(
        path,
        [size, piece = std::string(1000, 'x')](std::size_t sent, httplib::DataSink& sink) {
          if (sent < size) return sink.write(piece.data(), std::min(piece.size(), size - sent));
          sink.done();
          return true;
        },
        "application/octet-stream");
  };
  const auto large = put("/api/v1/images/a:b?file=boot.efi", kMebi + 1);
  ASSERT_TRUE(large);
  EXPECT_EQ(large->status, 413) << large->body;
  EXPECT_THAT(UploadsLeft(), IsEmpty());
  EXPECT_EQ(put("/api/v1/images/a:b?file=boot.efi", kMebi)->status, 201);
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 200);
  // By its length it is refused before any of it is read.
  const std::string bytes(kMebi + 1, 'x');
  EXPECT_EQ(client_->Put("/api/v1/images/a:c?file=boot.efi", bytes, kType)->status, 413);
  EXPECT_EQ(client_->Post("/api/v1/secure-boot/check?file=a.efi", bytes, kType)->status, 413);
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 200);
}

TEST_F(BodiesTest, WhatIsRefusedLeavesNothingOfItsBodyOnTheConnection) {
  // Were it left there, the body would be the next request.
  const std::string body = "GET /problems/not-found HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string next = "GET /api/v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  for (const char* first : {"PUT /api/v1/images/machine:1?file=a", "PUT /api/v1/images/a:b?as=x",
                            "PUT /api/v1/images/a:b"}) {
    const std::string answers =
        Raw(Text(first, " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ", core_->token().text,
                 "\r\nContent-Length: ", body.size(), "\r\n\r\n", body),
            next);
    EXPECT_THAT(StatusesOf(answers), ElementsAre("400", "200")) << first << '\n' << answers;
  }
}

TEST_F(BodiesTest, ABodyWhereNoneIsReadIsRefusedAndIsNotTheNextRequest) {
  const std::string body = "GET /problems/not-found HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string chunk = "2d\r\n" + body + "\r\n0\r\n\r\n";
  ASSERT_EQ(body.size(), 0x2du);
  const std::string next = "GET /api/v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string length = Text("Content-Length: ", body.size(), "\r\n\r\n", body);
  const std::string chunks = Text("Transfer-Encoding: chunked\r\n\r\n", chunk);
  const auto send = [&](const char* method, const char* path, const std::string& with) {
    return StatusesOf(Raw(Text(method, ' ', path, " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ",
                               core_->token().text, "\r\n", with),
                          next));
  };
  for (const char* method : {"GET", "HEAD", "OPTIONS"}) {
    for (const char* path : {"/api/v1/health", "/api/v1/status", "/v2/"}) {
      // It is read off where it says how long it is; else the connection ends.
      EXPECT_THAT(send(method, path, length), ElementsAre("400", "200")) << method << ' ' << path;
      EXPECT_THAT(send(method, path, chunks), ElementsAre("400")) << method << ' ' << path;
    }
  }
  EXPECT_THAT(send("GET", "/api/v1/health", "Content-Length: 0\r\n\r\n"),
              ElementsAre("200", "200"));
}

TEST_F(BodiesTest, AFormOfAnImportThatThereIsNotIsToldBeforeGigabytesAreSent) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string answer =
      Raw(Text("PUT /api/v1/images/a:b?file=a.tar&as=wrong HTTP/1.1\r\nHost: a\r\n",
               "Authorization: Bearer ", core_->token().text, "\r\nContent-Length: ", 64 * kMebi,
               "\r\n\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("'as' is neither tree nor ramdisk"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25));
}

TEST_F(BodiesTest, JsonIsNestedNoDeeperThanAnythingHereIs) {
  EXPECT_FALSE(ParseJson(Nested(kJsonDepthMax)).is_discarded());
  EXPECT_TRUE(ParseJson(Nested(kJsonDepthMax + 1)).is_discarded());
  // Brackets in texts nest nothing.
  const std::string text = "\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + '"';
  EXPECT_FALSE(ParseJson(text).is_discarded());
}

TEST_F(BodiesTest, EveryBodyThatIsNestedWithoutEndIsRefused) {
  const std::string deep = Nested(200'000);
  const std::string machine = "/api/v1/machines/52:54:00:00:00:01";
  const std::pair<std::string, const char*> members[] = {
      {machine, "groups"},
      {machine, "labels"},
      {"/api/v1/rules/a", "mode"},
      {"/api/v1/rules/a", "selector"},
      {"/api/v1/networks/second", "subnet"},
      {"/api/v1/networks/second/reservations/10.78.0.2", "mac"},
      {"/api/v1/rollouts/debian:stable", "candidate"},
      {"/api/v1/templates/a", "text"},
      {"/api/v1/tokens/a", "role"},
      {"/api/v1/webhooks/a", "url"},
      {"/api/v1/images/a:b", "labels"}};
  for (const auto& [path, member] : members) {
    const std::string body = Text("{\"", member, "\":", deep, "}");
    const auto answer = client_->Put(path, body, "application/json");
    ASSERT_TRUE(answer) << path << ' ' << member;
    EXPECT_EQ(answer->status, 400) << path << ' ' << member << ' ' << answer->body;
  }
  const auto pull = client_->Post("/api/v1/images/pull", "{\"from\":" + deep + "}", kType);
  EXPECT_EQ(pull->status, 400);
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 200);
}

TEST_F(BodiesTest, AManifestThatIsNestedWithoutEndIsRefused) {
  const std::string deep = Nested(200'000);
  EXPECT_EQ(PushBlob("a", "{}"), 201);
  EXPECT_EQ(PushBlob("a", "boot"), 201);
  std::string text = SetManifest("boot");
  const std::string_view place = "\"annotations\":{\"org";
  ASSERT_NE(text.find(place), text.npos);
  text.insert(text.find(place) + place.size() - 4, "\"deep\":" + deep + ",");
  const auto refused = PutManifest("a", "b", text);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 400);
  EXPECT_EQ(ErrorCode(refused), "MANIFEST_INVALID");
  EXPECT_FALSE(ParseManifest(text, "test").ok());
  EXPECT_FALSE(ParseIndex("{\"manifests\":[{\"annotations\":" + deep + "}]}", "test").ok());
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 200);
}

TEST_F(BodiesTest, WithoutAFolderNothingIsWrittenElsewhere) {
  // The state directory is gone for a moment; the client has read the CA in it already.
  client_->set_keep_alive(true);
  ASSERT_EQ(client_->Get("/api/v1/status")->status, 200);
  const auto state = folder_ / "state";
  const auto before = std::filesystem::current_path();
  std::filesystem::create_directory(folder_ / "cwd");
  std::filesystem::current_path(folder_ / "cwd");
  std::filesystem::rename(state, folder_ / "moved");
  const auto upload = client_->Put("/api/v1/images/a:b?file=boot.efi", "x", kType);
  const auto backup = client_->Get("/api/v1/backup");
  std::filesystem::rename(folder_ / "moved", state);
  std::filesystem::current_path(before);
  ASSERT_TRUE(upload);
  ASSERT_TRUE(backup);
  EXPECT_EQ(upload->status, 507);
  EXPECT_EQ(backup->status, 507);
  EXPECT_THAT(upload->body, HasSubstr("no folder can be made"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "cwd"));
}

}  // namespace
}  // namespace slipway::control
