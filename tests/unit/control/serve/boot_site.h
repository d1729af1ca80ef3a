// SPDX-License-Identifier: Apache-2.0
//
// A core of a small site in a folder of its own, whose snapshots are kept by the test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "control/serve/core.h"
#include "control/text.h"
#include "tests/support/small_site.h"
#include "tests/unit/control/serve/image_sets.h"

namespace slipway::control {

class BootSite : public testing::Test {
 protected:
  BootSite() {
    std::string pattern = testing::TempDir() + "slipway_site_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(state());
  }
  ~BootSite() override {
    snapshot_.reset();
    core_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::filesystem::path state() const { return folder_ / "state"; }
  // `more`: tables of the configuration, after those of the site.
  void Open(const std::string& more = "") {
    const ConfigResult parsed = ParseConfig(Text(kSiteState, kSitePort, kSiteLab, kSitePools,
                                                 "[boot]\nnames = [\"boot.example\"]\n", more),
                                            folder_ / "slipway.toml");
    ASSERT_TRUE(parsed.config.has_value()) << Report(parsed, "test");
    Outlets outlets;
    outlets.images = &memory_;
    outlets.publish = [this](std::unique_ptr<dataplane::Snapshot> next) {
      snapshot_ = std::move(next);
      ++published_;
    };
    auto core = Core::Open(*parsed.config, std::move(outlets));
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
    ASSERT_TRUE(core_->Republish().ok());
    published_ = 0;
  }

  std::filesystem::path folder_;
  NoImageMemory memory_;
  std::unique_ptr<dataplane::Snapshot> snapshot_;
  int published_ = 0;  // since Open()
  std::unique_ptr<Core> core_;
};

}  // namespace slipway::control
