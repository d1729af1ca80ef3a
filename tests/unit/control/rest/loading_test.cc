// SPDX-License-Identifier: Apache-2.0
//
// Image sets that find no room in image memory, however often machines ask for them.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using std::chrono::milliseconds;

class LoadingTest : public RestTest {
 protected:
  // All machines boot one that leaves no room for the other.
  LoadingTest() {
    ImportBootFile("debian:stable", memory_.budget() * 6 / 10);
    ImportBootFile("other:1", memory_.budget() / 2);
    EXPECT_TRUE(Serves("/debian/stable/boot.efi"));
    published_ = 0;
  }
  // What the log says of that.
  static int Told(const std::string& log) {
    int told = 0;
    for (std::size_t at = log.find("other:1 is not served"); at != log.npos;
         at = log.find("other:1 is not served", at + 1)) {
      ++told;
    }
    return told;
  }
  bool Serves(const std::string& path) {
    const auto* file = snapshot_->images.Find(path);
    return file != nullptr && file->loaded;
  }

  const Core::Time now_ = std::chrono::steady_clock::now();
};

TEST_F(LoadingTest, WhatFindsNoRoomIsPublishedForNobodyAndToldOnce) {
  std::vector<std::string> paths;
  for (int i = 0; i < 1000; ++i) paths.push_back(Text("/other/1/", i));
  testing::internal::CaptureStderr();
  core_->Want(paths);
  for (const std::string& path : paths) core_->Want({path});
  for (int minute = 0; minute < 10; ++minute) {
    core_->Housekeep(now_ + std::chrono::minutes(minute));
  }
  EXPECT_EQ(Told(testing::internal::GetCapturedStderr()), 1);
  EXPECT_EQ(published_, 0);
  EXPECT_TRUE(Serves("/debian/stable/boot.efi"));
  EXPECT_FALSE(Serves("/other/1/boot.efi"));
}

TEST_F(LoadingTest, AVersionThatWasReplacedKeepsItsSuccessorNotOutHoweverOftenTheirTagIsAskedFor) {
  const auto ask = [this] {
    core_->sets_in_use().Note("/debian/stable/boot.efi", std::chrono::steady_clock::now());
  };
  ask();
  ImportBootFile("debian:stable", memory_.budget() * 7 / 10);
  EXPECT_FALSE(Serves("/debian/stable/boot.efi")) << "its room is that of the version before";
  for (int second = 1; second <= 120; ++second) {
    ask();  // and is told 503
    core_->Housekeep(now_ + std::chrono::seconds(second));
  }
  EXPECT_TRUE(Serves("/debian/stable/boot.efi"));
}

TEST_F(LoadingTest, ItIsTriedLessAndLessOftenAndServedOnceThereIsRoom) {
  core_->Want({"/other/1/boot.efi"});
  ASSERT_FALSE(core_->IsLoaded(core_->image_store().Resolve("other:1").value()));
  ImportBootFile("debian:stable", 1000);
  // The version before is kept for boots in flight, and goes for this.
  published_ = 0;
  core_->Housekeep(now_ + milliseconds(1000));
  EXPECT_EQ(published_, 0) << "it is not time yet";
  // The first failure was a moment after now_, the next is as long after as it was due.
  core_->Housekeep(now_ + milliseconds(60'000));
  EXPECT_EQ(published_, 1) << "without the version before";
  EXPECT_FALSE(Serves("/other/1/boot.efi"));
  core_->Housekeep(now_ + milliseconds(61'500));
  EXPECT_EQ(published_, 1) << "twice as long";
  core_->Housekeep(now_ + milliseconds(63'000));
  EXPECT_EQ(published_, 2);
  EXPECT_TRUE(Serves("/other/1/boot.efi"));
  EXPECT_TRUE(Serves("/debian/stable/boot.efi"));
}

}  // namespace
}  // namespace slipway::control
