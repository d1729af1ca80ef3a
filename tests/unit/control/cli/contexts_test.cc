// SPDX-License-Identifier: Apache-2.0
#include "control/cli/contexts.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "control/whole_file.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

unsigned ModeOf(const fs::path& file) {
  struct stat facts {};
  EXPECT_EQ(::stat(file.c_str(), &facts), 0) << file;
  return facts.st_mode & 07777U;
}

class ContextsTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    Write("ca.pem", "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n");
    Write("other.pem", "-----BEGIN CERTIFICATE-----\nMQ==\n-----END CERTIFICATE-----\n");
    Write("key.pem", "-----BEGIN EC PRIVATE KEY-----\nMA==\n-----END EC PRIVATE KEY-----\n");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  std::string Kept(const std::string& context, const std::string& file) const {
    return ReadFile(folder_ / "home/contexts" / context / file).value_or("none");
  }
  std::vector<std::string> FilesOf(const std::string& context) const {
    std::vector<std::string> names;
    for (const auto& each : fs::directory_iterator(folder_ / "home/contexts" / context)) {
      names.push_back(each.path().filename());
    }
    return names;
  }
  ContextSettings WithToken(const std::string& server) const {
    return {.server = server, .token = "secret", .ca = folder_ / "ca.pem"};
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / "slipway_contexts";
  const Contexts contexts_{folder_ / "home"};
};

TEST_F(ContextsTest, AreFoldersInTheFormOfAStateDirectory) {
  EXPECT_THAT(contexts_.List(), IsEmpty());
  EXPECT_EQ(contexts_.Current(), "");
  ASSERT_EQ(contexts_.Set("lab", WithToken("192.0.2.1:8443")), absl::OkStatus());
  EXPECT_EQ(Kept("lab", "management"), "192.0.2.1:8443\n");
  EXPECT_EQ(Kept("lab", "token"), "secret\n");
  EXPECT_THAT(Kept("lab", "ca.pem"), HasSubstr("MA=="));
  EXPECT_EQ(ModeOf(folder_ / "home"), 0700U);
  EXPECT_EQ(ModeOf(folder_ / "home/contexts/lab"), 0700U);
  EXPECT_EQ(ModeOf(folder_ / "home/contexts/lab/token"), 0600U);
  EXPECT_EQ(*contexts_.FolderOf("lab"), folder_ / "home/contexts/lab");
}

TEST_F(ContextsTest, OneIsInUse) {
  ASSERT_TRUE(contexts_.Set("lab", WithToken("192.0.2.1")).ok());
  ASSERT_TRUE(contexts_.Set("east", WithToken("192.0.2.2")).ok());
  ASSERT_TRUE(contexts_.Use("lab").ok());
  ASSERT_TRUE(contexts_.Use("east").ok());
  const auto list = contexts_.List();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].name, "east");
  EXPECT_EQ(list[0].server, "192.0.2.2");
  EXPECT_TRUE(list[0].current);
  EXPECT_FALSE(list[1].current);
  // One that goes is in use no longer, and the others stay.
  ASSERT_TRUE(contexts_.Remove("east").ok());
  EXPECT_EQ(contexts_.Current(), "");
  EXPECT_EQ(contexts_.List().size(), 1U);
  ASSERT_TRUE(contexts_.Use("lab").ok());
  contexts_.UseNone();
  EXPECT_EQ(contexts_.Current(), "");
}

TEST_F(ContextsTest, WhatIsNotSaidStaysAndATokenAndACertificateTakeEachOthersPlace) {
  ASSERT_TRUE(contexts_.Set("lab", WithToken("192.0.2.1")).ok());
  ASSERT_TRUE(contexts_.Set("lab", {.ca = folder_ / "other.pem"}).ok());
  EXPECT_EQ(Kept("lab", "management"), "192.0.2.1\n");
  EXPECT_THAT(Kept("lab", "ca.pem"), HasSubstr("MQ=="));
  EXPECT_EQ(Kept("lab", "token"), "secret\n");
  ASSERT_TRUE(
      contexts_.Set("lab", {.certificate = folder_ / "ca.pem", .key = folder_ / "key.pem"}).ok());
  EXPECT_THAT(FilesOf("lab"), UnorderedElementsAre("management", "ca.pem", "cert.pem", "key.pem"));
  EXPECT_EQ(ModeOf(folder_ / "home/contexts/lab/key.pem"), 0600U);
  ASSERT_TRUE(contexts_.Set("lab", {.token = "again"}).ok());
  EXPECT_THAT(FilesOf("lab"), UnorderedElementsAre("management", "ca.pem", "token"));
}

TEST_F(ContextsTest, AMistakeIsNamedAndChangesNothing) {
  const auto said = [&](const std::string& name, const ContextSettings& settings) {
    return std::string(contexts_.Set(name, settings).message());
  };
  EXPECT_THAT(said("../lab", WithToken("192.0.2.1")), HasSubstr("context '../lab'"));
  EXPECT_THAT(said(".lab", WithToken("192.0.2.1")), HasSubstr("a letter or digit first"));
  EXPECT_THAT(said("lab", {.server = "192.0.2.1"}), HasSubstr("--ca FILE"));
  EXPECT_THAT(said("lab", WithToken("https://192.0.2.1/")), HasSubstr("without https://"));
  ContextSettings settings = WithToken("192.0.2.1");
  settings.ca = folder_ / "key.pem";
  EXPECT_THAT(said("lab", settings), HasSubstr("holds no CERTIFICATE in PEM"));
  settings.ca = folder_ / "nowhere.pem";
  EXPECT_THAT(said("lab", settings), HasSubstr("nowhere.pem: cannot be read"));
  settings = WithToken("192.0.2.1");
  settings.certificate = folder_ / "ca.pem";
  EXPECT_THAT(said("lab", settings), HasSubstr("give both"));
  settings.key = folder_ / "key.pem";
  EXPECT_THAT(said("lab", settings), HasSubstr("give one of them"));
  EXPECT_THAT(contexts_.List(), IsEmpty());
  EXPECT_FALSE(fs::exists(folder_ / "home"));

  ASSERT_TRUE(contexts_.Set("lab", WithToken("192.0.2.1")).ok());
  EXPECT_THAT(said("lab", {.server = "192.0.2.9", .ca = folder_ / "key.pem"}), HasSubstr("--ca"));
  EXPECT_EQ(Kept("lab", "management"), "192.0.2.1\n");
  EXPECT_THAT(said("lab", {}), HasSubstr("slipway context use lab"));
  EXPECT_EQ(contexts_.Use("east").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(contexts_.Remove("..").code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(fs::exists(folder_ / "ca.pem"));
}

}  // namespace
}  // namespace slipway::control
