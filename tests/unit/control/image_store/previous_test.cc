// SPDX-License-Identifier: Apache-2.0
#include "control/image_store/previous.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "control/image_store/image_store.h"
#include "tests/unit/control/image_store/support.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;

class PreviousTest : public ::testing::Test {
 protected:
  ImageStore Open() {
    auto store = ImageStore::Open(folder_ / "store");
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  // The digest of what `reference` leads to from now on.
  std::string Import(const std::string& reference, const std::string& version) {
    const auto set = store_.Import(folder_.Write("boot.efi", ProgramX64(version)), reference);
    EXPECT_TRUE(set.ok()) << set.status();
    return set.ok() ? set->digest : "none";
  }
  std::string Of(const std::string& reference, const std::string& digest) const {
    return Previous::Read(folder_ / "store").Of(reference, digest);
  }
  std::string Read(const fs::path& path) const {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }

  TemporaryFolder folder_;
  ImageStore store_ = Open();
};

TEST_F(PreviousTest, ATagRemembersWhereItLedBeforeItMoved) {
  const std::string first = Import("a:1", "first");
  const std::string other = Import("b:1", "other");
  EXPECT_EQ(Of("a:1", first), "");
  const std::string second = Import("a:1", "second");
  ASSERT_NE(first, second);
  EXPECT_EQ(Of("a:1", second), first);
  EXPECT_EQ(Of("b:1", other), "");
  store_ = Open();
  EXPECT_EQ(Of("a:1", second), first);
}

TEST_F(PreviousTest, WhatMovesNothingChangesNothing) {
  const std::string first = Import("a:1", "first");
  const std::string second = Import("a:1", "second");
  EXPECT_EQ(Import("a:1", "second"), second);
  EXPECT_EQ(Of("a:1", second), first);
  Import("b:1", "other");
  ASSERT_TRUE(store_.Remove("b:1").ok());
  EXPECT_EQ(Of("a:1", second), first);
}

TEST_F(PreviousTest, TheWayBackLeadsForthAgain) {
  const std::string first = Import("a:1", "first");
  const std::string second = Import("a:1", "second");
  ASSERT_EQ(Import("a:1", "first"), first);
  EXPECT_EQ(Of("a:1", first), second);
  EXPECT_EQ(Of("a:1", second), "") << "it does not lead there now";
}

TEST_F(PreviousTest, ATagMovedToWhatAnotherLeadsToRemembersItsOwn) {
  Import("a:next", "before next");
  const std::string next = Import("a:next", "next");
  const std::string stable = Import("a:stable", "stable");
  ASSERT_TRUE(store_.Tag("a:next", "a:stable").ok());
  EXPECT_EQ(Of("a:stable", next), stable);
  ASSERT_TRUE(store_.Tag("a:next", "a:new").ok());
  EXPECT_EQ(Of("a:new", next), "");
}

TEST_F(PreviousTest, ATagThatWasTakenAwayBeginsAnew) {
  Import("a:1", "first");
  const std::string second = Import("a:1", "second");
  ASSERT_TRUE(store_.Untag("a:1").ok());
  EXPECT_EQ(Of("a:1", second), "");
  ASSERT_EQ(Import("a:1", "second"), second);
  EXPECT_EQ(Of("a:1", second), "");
}

// Written by another tool, or not written any more where a crash came between the two files.
TEST_F(PreviousTest, AnIndexThatSaysOtherwiseIsBelieved) {
  const std::string first = Import("a:1", "first");
  const std::string before = Read(folder_ / "store/index.json");
  const std::string second = Import("a:1", "second");
  folder_.Write("store/index.json", before);
  EXPECT_EQ(Of("a:1", first), "");
  const std::string third = Import("a:1", "third");
  EXPECT_EQ(Of("a:1", third), first);
  EXPECT_EQ(Of("a:1", second), "");
}

TEST_F(PreviousTest, ADamagedFileKeepsNobodyFromWriting) {
  for (const char* text : {"", "[]", "{\"a:1\": 1}", "{\"a:1\": {\"from\": \"sha256:1\"}}", "{{"}) {
    const std::string first = Import("a:1", "first");
    folder_.Write("store/previous.json", text);
    EXPECT_EQ(Of("a:1", first), "") << text;
    const std::string second = Import("a:1", "second");
    EXPECT_EQ(Of("a:1", second), first) << text;
  }
}

TEST_F(PreviousTest, AVersionIsAsOldUnderItsSecondName) {
  ImportOptions options;
  options.created = 1'000;
  const auto set = store_.Import(folder_.Write("boot.efi", ProgramX64()), "a:1", options);
  ASSERT_TRUE(set.ok()) << set.status();
  PushedManifest pushed;
  pushed.repository = "a";
  pushed.tag = "2";
  pushed.media_type = std::string(kManifestType);
  pushed.text = Read(store_.BlobPath(set->digest));
  const auto entry = store_.PutManifest(pushed);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->digest, set->digest);
  EXPECT_EQ(store_.Resolve("a:2")->created, 1'000);
}

}  // namespace
}  // namespace slipway::control
