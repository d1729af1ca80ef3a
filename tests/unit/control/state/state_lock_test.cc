// SPDX-License-Identifier: Apache-2.0
#include "control/state/state_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <string>

namespace slipway::control {
namespace {

using testing::HasSubstr;

class StateLockTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "state_lock_XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(StateLockTest, IsHeldOnceAndNamesItsHolder) {
  auto first = StateLock::Take(folder_);
  ASSERT_TRUE(first.ok()) << first.status().message();
  const auto second = StateLock::Take(folder_);
  ASSERT_FALSE(second.ok());
  const std::string words(second.status().message());
  EXPECT_THAT(words, HasSubstr("state.directory = \"" + folder_ + '"'));
  EXPECT_THAT(words, HasSubstr("process " + std::to_string(::getpid())));

  first = absl::UnknownError("given back");
  EXPECT_TRUE(StateLock::Take(folder_).ok());
}

TEST_F(StateLockTest, IsFreeOnceItsHolderWasKilled) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t holder = ::fork();
  ASSERT_GE(holder, 0);
  if (holder == 0) {
    ::alarm(60);  // should this test end before it is killed
    const auto lock = StateLock::Take(folder_);
    const char taken = lock.ok() ? 'y' : 'n';
    if (::write(ready[1], &taken, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char taken = 0;
  ASSERT_EQ(::read(ready[0], &taken, 1), 1);
  ASSERT_EQ(taken, 'y');
  EXPECT_FALSE(StateLock::Take(folder_).ok());

  ASSERT_EQ(::kill(holder, SIGKILL), 0);
  ASSERT_EQ(::waitpid(holder, nullptr, 0), holder);
  EXPECT_TRUE(StateLock::Take(folder_).ok());
  for (const int end : ready) ::close(end);
}

TEST_F(StateLockTest, SaysWhatCannotBeWritten) {
  const auto lock = StateLock::Take(folder_ + "/missing");
  ASSERT_FALSE(lock.ok());
  EXPECT_THAT(std::string(lock.status().message()), HasSubstr("missing/lock: cannot be written"));
}

}  // namespace
}  // namespace slipway::control
