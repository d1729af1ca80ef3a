// SPDX-License-Identifier: Apache-2.0
//
// Blobs and upload sessions of distribution-spec 1.1 over a live server: every way in, cut short,
// out of order, wrong, too large, and across a restart.
#include <gmock/gmock.h>

#include "tests/unit/control/rest/registry_fixture.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

TEST_F(RegistryTest, ABlobComesInOneRequest) {
  const std::string bytes = "in one request";
  const auto put =
      client_->Post(Text("/v2/a/blobs/uploads/?digest=", DigestOf(bytes)), bytes, kType);
  EXPECT_EQ(put->status, 201);
  EXPECT_EQ(put->get_header_value("Location"), "/v2/a/blobs/" + DigestOf(bytes));
  EXPECT_EQ(put->get_header_value("Docker-Content-Digest"), DigestOf(bytes));
  const auto head = client_->Head("/v2/a/blobs/" + DigestOf(bytes));
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->get_header_value("Content-Length"), std::to_string(bytes.size()));
  EXPECT_EQ(head->get_header_value("Docker-Content-Digest"), DigestOf(bytes));
}

TEST_F(RegistryTest, ADamagedBlobIsMendedByTheSameOneThatComesAgain) {
  const std::string bytes = "damaged, then whole";
  PushSet("a", "1", bytes);
  const std::string path = "/v2/a/blobs/" + DigestOf(bytes);
  const auto push = [&] {
    return client_->Put(Begin("a") + "?digest=" + DigestOf(bytes), bytes, kType)->status;
  };
  const auto file = folder_ / "state/images/blobs/sha256" / DigestOf(bytes).substr(7);
  ASSERT_TRUE(std::filesystem::exists(file));
  std::filesystem::permissions(file, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  std::ofstream(file) << "damaged, and there.";
  EXPECT_NE(client_->Get(path)->body, bytes);
  EXPECT_EQ(push(), 201);
  EXPECT_EQ(client_->Get(path)->body, bytes);
}

TEST_F(RegistryTest, ABlobComesByPostAndPut) {
  const std::string bytes = "by POST and PUT";
  const std::string session = Begin("a/b");
  EXPECT_THAT(session, StartsWith("/v2/a/b/blobs/uploads/"));
  const auto put = client_->Put(session + "?digest=" + DigestOf(bytes), bytes, kType);
  EXPECT_EQ(put->status, 201);
  EXPECT_EQ(client_->Get("/v2/a/b/blobs/" + DigestOf(bytes))->body, bytes);
  EXPECT_EQ(client_->Get(session)->status, 404) << "the session is over";
}

TEST_F(RegistryTest, ABlobComesInChunksTheLastOneWithThePut) {
  const std::string session = Begin("a");
  EXPECT_EQ(client_->Get(session)->get_header_value("Range"), "0-0");
  const auto first = Patch(session, "first ", "0-5");
  EXPECT_EQ(first->status, 202);
  EXPECT_EQ(first->get_header_value("Location"), session);
  EXPECT_EQ(first->get_header_value("Range"), "0-5");
  EXPECT_EQ(Patch(session, "second ", "6-12")->get_header_value("Range"), "0-12");
  const auto status = client_->Get(session);
  EXPECT_EQ(status->status, 204);
  EXPECT_EQ(status->get_header_value("Range"), "0-12");
  EXPECT_EQ(status->get_header_value("Location"), session);
  const std::string all = "first second third";
  const auto put = client_->Put(session + "?digest=" + DigestOf(all), {{"Content-Range", "13-17"}},
                                "third", kType);
  EXPECT_EQ(put->status, 201);
  EXPECT_EQ(client_->Get("/v2/a/blobs/" + DigestOf(all))->body, all);
}

TEST_F(RegistryTest, ABlobComesAsAStreamOfUnknownLength) {
  const std::string session = Begin("a");
  const std::string piece(300000, 's');
  int pieces = 0;
  const auto patched = client_->Patch(
      session,
      [&](std::size_t, httplib::DataSink& sink) {
        if (++pieces > 3) {
          sink.done();
          return true;
        }
        return sink.write(piece.data(), piece.size());
      },
      kType);
  EXPECT_EQ(patched->status, 202);
  EXPECT_EQ(patched->get_header_value("Range"), "0-899999");
  EXPECT_EQ(client_->Put(session + "?digest=" + DigestOf(piece + piece + piece))->status, 201);
}

TEST_F(RegistryTest, AChunkOutOfOrderIsRefusedAndTheOffsetTold) {
  const std::string session = Begin("a");
  Patch(session, "0123456789", "0-9");
  for (const char* range : {"5-14", "11-20", "0-9"}) {
    const auto refused = Patch(session, "0123456789", range);
    EXPECT_EQ(refused->status, 416) << range;
    EXPECT_EQ(refused->get_header_value("Range"), "0-9");
    EXPECT_EQ(refused->get_header_value("Location"), session);
  }
  for (const char* range : {"10-18", "10", "x-y", "19-10", "bytes=10-19"}) {
    EXPECT_EQ(Patch(session, "0123456789", range)->status, 400) << range;
  }
  EXPECT_EQ(Patch(session, "0123456789", "10-19")->status, 202);
  const auto early =
      client_->Put(session + "?digest=" + DigestOf("0"), {{"Content-Range", "5-5"}}, "0", kType);
  EXPECT_EQ(early->status, 416);
  EXPECT_EQ(client_->Put(session + "?digest=" + DigestOf("01234567890123456789"))->status, 201);
}

TEST_F(RegistryTest, AWrongDigestIsRefusedAndLeavesNothing) {
  const std::string wrong = DigestOf("something else");
  const auto once = client_->Post("/v2/a/blobs/uploads/?digest=" + wrong, "bytes", kType);
  EXPECT_EQ(once->status, 400);
  EXPECT_EQ(ErrorCode(once), "DIGEST_INVALID");
  const std::string session = Begin("a");
  Patch(session, "bytes");
  const auto put = client_->Put(session + "?digest=" + wrong);
  EXPECT_EQ(put->status, 400);
  EXPECT_EQ(ErrorCode(put), "DIGEST_INVALID");
  EXPECT_EQ(client_->Get(session)->status, 404);
  EXPECT_EQ(client_->Head("/v2/a/blobs/" + wrong)->status, 404);
  EXPECT_EQ(client_->Head("/v2/a/blobs/" + DigestOf("bytes"))->status, 404);
  EXPECT_THAT(Incoming(), IsEmpty());
  for (const char* digest : {"", "sha256:12", "md5:0", "sha512:0"}) {
    const std::string another = Begin("a");
    EXPECT_EQ(client_->Put(Text(another, "?digest=", digest), "bytes", kType)->status, 400);
    EXPECT_EQ(client_->Delete(another)->status, 204);
  }
  EXPECT_THAT(Incoming(), IsEmpty());
}

TEST_F(RegistryTest, AnUploadGoesOnAfterTheWireBroke) {
  const std::string session = Begin("a");
  const std::string bytes(700000, 'w');
  {
    httplib::SSLClient breaking("127.0.0.1", server_->port());
    breaking.set_ca_cert_path((folder_ / "state/ca.pem").c_str());
    breaking.set_bearer_token_auth(core_->token().text);
    BePatient(breaking);
    const auto broken = breaking.Patch(
        session, bytes.size(),
        [&](std::size_t offset, std::size_t, httplib::DataSink& sink) {
          if (offset >= 400000) return false;
          return sink.write(bytes.data() + offset, 100000);
        },
        kType);
    EXPECT_FALSE(broken);
  }
  const auto until = [](auto condition) {
    for (int i = 0; i < 3000 && !condition(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  };
  const auto size = [](const httplib::Result& answer) {
    return std::stoul(answer->get_header_value("Range").substr(2)) + 1;
  };
  // What the broken connection still brought is taken in; then the session is free to go on.
  until([&] { return size(client_->Get(session)) > 10000; });
  ASSERT_GT(size(client_->Get(session)), 10000u);
  // An empty chunk changes nothing, and is taken once nobody else writes.
  httplib::Result probe = Patch(session, "");
  until([&] {
    if (probe->status != 202) probe = Patch(session, "");
    return probe->status == 202;
  });
  ASSERT_EQ(probe->status, 202) << probe->body;
  const std::size_t there = size(probe);
  ASSERT_LE(there, 400000u);
  httplib::Result rest = Patch(session, bytes.substr(there), Text(there, "-699999"));
  EXPECT_EQ(rest->status, 202) << rest->body;
  EXPECT_EQ(client_->Put(session + "?digest=" + DigestOf(bytes))->status, 201);
}

TEST_F(RegistryTest, AnUploadGoesOnAfterARestart) {
  const std::string session = Begin("a");
  EXPECT_EQ(Patch(session, "before ", "0-6")->status, 202);
  End();
  RestTest::Begin();
  const auto status = client_->Get(session);
  EXPECT_EQ(status->status, 204);
  EXPECT_EQ(status->get_header_value("Range"), "0-6");
  EXPECT_EQ(Patch(session, "after", "7-11")->status, 202);
  EXPECT_EQ(client_->Put(session + "?digest=" + DigestOf("before after"))->status, 201);
  EXPECT_EQ(client_->Get("/v2/a/blobs/" + DigestOf("before after"))->body, "before after");
}

TEST_F(RegistryTest, ASessionIsItsRepositorysAlone) {
  const std::string session = Begin("a").substr(std::string("/v2/a/blobs/uploads/").size());
  EXPECT_EQ(client_->Get("/v2/b/blobs/uploads/" + session)->status, 404);
  EXPECT_EQ(ErrorCode(Patch("/v2/b/blobs/uploads/" + session, "x")), "BLOB_UPLOAD_UNKNOWN");
  for (const char* other : {"x", "..", "%2e%2e%2f", "00000000-0000-4000-8000-000000000000"}) {
    EXPECT_EQ(client_->Get(Text("/v2/a/blobs/uploads/", other))->status, 404) << other;
  }
  EXPECT_EQ(client_->Delete("/v2/a/blobs/uploads/" + session)->status, 204);
  EXPECT_EQ(client_->Delete("/v2/a/blobs/uploads/" + session)->status, 404);
}

TEST_F(RegistryTest, UploadsAreBounded) {
  End();
  secure_boot_ = "[images]\nupload_max = \"1 MiB\"\n";
  RestTest::Begin();
  const std::string large((1 << 20) + 1, 'l');
  const std::string session = Begin("a");
  EXPECT_EQ(Patch(session, large)->status, 413);
  const std::string another = Begin("a");
  EXPECT_EQ(Patch(another, large.substr(1))->status, 202);
  const auto more = Patch(another, "1");
  EXPECT_EQ(more->status, 413);
  EXPECT_EQ(ErrorCode(more), "SIZE_INVALID");
  EXPECT_EQ(client_->Get(another)->status, 404) << "it can only fail, so it is given up";
  const std::string third = Begin("a");
  int pieces = 0;
  const auto streamed = client_->Patch(
      third,
      [&](std::size_t, httplib::DataSink& sink) {
        if (++pieces > 40) sink.done();
        return sink.write(large.data(), 65536);
      },
      kType);
  // The reply may be lost where the rest of the stream is still on its way.
  EXPECT_TRUE(!streamed || streamed->status == 413);
  EXPECT_EQ(client_->Get(third)->status, 404);
}

TEST_F(RegistryTest, ABodyInAnEncodingIsNotTaken) {
  const std::string session = Begin("a");
  const auto refused = client_->Patch(session, {{"Content-Encoding", "gzip"}}, "\x1f\x8b", kType);
  EXPECT_EQ(refused->status, 415);
  EXPECT_EQ(client_->Patch(session, "x", "multipart/form-data; boundary=b")->status, 415);
}

TEST_F(RegistryTest, ABlobOfAnotherRepositoryIsMounted) {
  EXPECT_EQ(PushBlob("one", "shared"), 201);
  const std::string query = Text("?mount=", DigestOf("shared"), "&from=one");
  const auto mounted = client_->Post("/v2/two/blobs/uploads/" + query, "", kType);
  EXPECT_EQ(mounted->status, 201);
  EXPECT_EQ(mounted->get_header_value("Location"), "/v2/two/blobs/" + DigestOf("shared"));
  const auto unknown = client_->Post(
      Text("/v2/two/blobs/uploads/?mount=", DigestOf("unknown"), "&from=one"), "", kType);
  EXPECT_EQ(unknown->status, 202) << "an upload begins instead";
  EXPECT_THAT(unknown->get_header_value("Location"), StartsWith("/v2/two/blobs/uploads/"));
}

TEST_F(RegistryTest, PartsOfABlobAreGiven) {
  std::string bytes;
  for (int i = 0; i < 100000; ++i) bytes += std::to_string(i);
  EXPECT_EQ(PushBlob("a", bytes), 201);
  const std::string path = "/v2/a/blobs/" + DigestOf(bytes);
  const auto part = [&](const std::string& range) {
    return client_->Get(path, {{"Range", "bytes=" + range}});
  };
  EXPECT_EQ(client_->Get(path)->body, bytes);
  const auto middle = part("1000-300000");
  EXPECT_EQ(middle->status, 206);
  EXPECT_EQ(middle->body, bytes.substr(1000, 299001));
  EXPECT_EQ(middle->get_header_value("Content-Range"), Text("bytes 1000-300000/", bytes.size()));
  EXPECT_EQ(part("400000-")->body, bytes.substr(400000));
  EXPECT_EQ(part("-10")->body, bytes.substr(bytes.size() - 10));
  EXPECT_EQ(part("488880-999999999")->body, bytes.substr(488880));
  EXPECT_EQ(part("-999999999")->body, bytes);
  for (const char* range : {"999999999-", "0-1,5-6", "-0"}) {
    EXPECT_EQ(part(range)->status, 416) << range;
  }
  EXPECT_EQ(part("999999999-")->get_header_value("Content-Range"), Text("bytes */", bytes.size()));
  // A range does not turn what is missing into something else.
  EXPECT_EQ(client_->Get("/v2/a/blobs/" + DigestOf("no"), {{"Range", "bytes=1000-"}})->status, 404);
}

TEST_F(RegistryTest, TheEmptyBlobIsABlob) {
  EXPECT_EQ(client_->Put(Begin("a") + "?digest=" + DigestOf(""))->status, 201);
  const auto got = client_->Get("/v2/a/blobs/" + DigestOf(""));
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "");
}

TEST_F(RegistryTest, ABlobInUseIsNotDeletedAndAnotherIs) {
  PushSet("a", "1", "boot");
  const std::string used = "/v2/a/blobs/" + DigestOf("boot");
  const auto refused = client_->Delete(used);
  EXPECT_EQ(refused->status, 405);
  EXPECT_EQ(ErrorCode(refused), "DENIED");
  EXPECT_EQ(client_->Get(used)->status, 200);
  EXPECT_EQ(PushBlob("a", "loose"), 201);
  EXPECT_EQ(client_->Delete("/v2/a/blobs/" + DigestOf("loose"))->status, 202);
  EXPECT_EQ(client_->Delete("/v2/a/blobs/" + DigestOf("loose"))->status, 404);
  EXPECT_EQ(client_->Get("/v2/a/blobs/sha256:12")->status, 400);
}

TEST_F(RegistryTest, UploadsThatRestAreCollectedAndOthersAreNot) {
  const std::string session = Begin("a");
  Patch(session, "begun");
  EXPECT_EQ(PushBlob("a", "waits for its manifest"), 201);
  EXPECT_THAT(Incoming(), SizeIs(2));
  // An image set that goes meanwhile takes neither.
  ImportBootFile("gone:1");
  EXPECT_EQ(Slipway("image rm gone:1").code, 0);
  EXPECT_THAT(Incoming(), SizeIs(2));
  EXPECT_EQ(Patch(session, " and goes on")->status, 202);
  EXPECT_GT(*core_->image_store().CollectGarbage({}, {.uploads = -10}), 0u);
  EXPECT_THAT(Incoming(), IsEmpty());
  EXPECT_EQ(client_->Get(session)->status, 404);
}

}  // namespace
}  // namespace slipway::control
