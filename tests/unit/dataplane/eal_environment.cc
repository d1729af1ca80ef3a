// SPDX-License-Identifier: Apache-2.0
//
// EAL for the tests of one program: ordinary memory, no PCI, any user.
#include <gtest/gtest.h>

#include <memory>

#include "dataplane/eal.h"

namespace slipway::dataplane {
namespace {

class EalEnvironment final : public ::testing::Environment {
 public:
  void SetUp() override {
    auto started = EalGuard::Start({.memory_mib = 256, .log_level = "error"});
    ASSERT_TRUE(started.ok()) << started.status().message();
    guard_ = *std::move(started);
  }
  void TearDown() override { guard_.reset(); }

 private:
  std::unique_ptr<EalGuard> guard_;
};

const ::testing::Environment* const kEnvironment =
    ::testing::AddGlobalTestEnvironment(new EalEnvironment);

}  // namespace
}  // namespace slipway::dataplane
