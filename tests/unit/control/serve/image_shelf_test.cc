// SPDX-License-Identifier: Apache-2.0
//
// Which image sets make room for which: in whole pieces of memory, as the dataplane has it.
#include "control/serve/image_shelf.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <map>

#include "control/serve/sets_in_use.h"

namespace slipway::control {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;

// First fit in one arena, as image memory is.
class Arena final : public dataplane::ImageMemory {
 public:
  explicit Arena(std::size_t granule) : granule_(granule) {}

  MutableBytes Allocate(std::size_t size) override {
    const std::size_t wanted = (size + granule_ - 1) / granule_ * granule_;
    std::size_t first = 0;
    for (const auto& [start, taken] : blocks_) {
      if (start - first >= wanted) break;
      first = start + taken;
    }
    if (bytes_.size() - first < wanted) return {};
    blocks_[first] = wanted;
    return MutableBytes(bytes_).subspan(first, size);
  }
  void Free(MutableBytes block) override {
    blocks_.erase(static_cast<std::size_t>(block.data() - bytes_.data()));
  }
  std::size_t granule() const override { return granule_; }
  std::size_t budget() const override { return bytes_.size(); }
  std::size_t in_use() const override {
    std::size_t sum = 0;
    for (const auto& [start, taken] : blocks_) sum += taken;
    return sum;
  }

 private:
  const std::size_t granule_;
  std::array<std::uint8_t, 1000> bytes_{};
  std::map<std::size_t, std::size_t> blocks_;
};

ImageSet SetOf(const std::string& name, std::vector<std::uint64_t> sizes) {
  ImageSet set{.reference = name + ":1", .digest = name};
  for (const std::uint64_t size : sizes) {
    const std::string file = name + std::to_string(set.files.size());
    set.files.push_back({.path = file, .digest = file, .size = size});
  }
  return set;
}

class ImageShelfTest : public testing::Test {
 protected:
  // As LoadAhead does, but for the bytes.
  absl::Status Load(ImageShelf& shelf, const ImageSet& set) {
    const auto loading =
        shelf.Begin(set, [this](const ImageSet& each) { return uses_[each.digest]; });
    if (loading.ok()) shelf.Finish(*loading);
    return loading.status();
  }

  std::map<std::string, ImageShelf::Use> uses_;
  Arena arena_{1};
  ImageShelf shelf_{arena_};
};

TEST_F(ImageShelfTest, WhereNoPieceIsLongEnoughTheNextSetGoesToo) {
  const ImageSet a = SetOf("a", {300});
  const ImageSet b = SetOf("b", {300});
  const ImageSet c = SetOf("c", {300});
  for (const ImageSet& set : {a, b, c}) ASSERT_TRUE(Load(shelf_, set).ok());
  uses_ = {{"a", {.last_use = 1}}, {"b", {.is_in_use = true}}, {"c", {.last_use = 2}}};
  const ImageSet large = SetOf("d", {400});
  EXPECT_EQ(Load(shelf_, large), absl::OkStatus());
  EXPECT_TRUE(shelf_.Holds(large));
  EXPECT_TRUE(shelf_.Holds(b));
  EXPECT_FALSE(shelf_.Holds(a));
  EXPECT_FALSE(shelf_.Holds(c));
}

TEST_F(ImageShelfTest, RoomThatIsOnItsWayIsWaitedForAndNobodyElseGoes) {
  const ImageSet a = SetOf("a", {500});
  const ImageSet b = SetOf("b", {500});
  for (const ImageSet& set : {a, b}) ASSERT_TRUE(Load(shelf_, set).ok());
  uses_ = {{"a", {.last_use = 1}}, {"b", {.last_use = 2}}};
  auto published = shelf_.Find("a0");
  EXPECT_FALSE(shelf_.TakeEvicted());
  const ImageSet large = SetOf("c", {400});
  EXPECT_EQ(Load(shelf_, large).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(shelf_.TakeEvicted()) << "a snapshot without it must be published";
  EXPECT_FALSE(shelf_.TakeEvicted());
  EXPECT_EQ(Load(shelf_, large).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(shelf_.Holds(b));
  published.reset();
  EXPECT_EQ(Load(shelf_, large), absl::OkStatus());
  EXPECT_TRUE(shelf_.Holds(b));
}

TEST_F(ImageShelfTest, ASetOfManySmallFilesTakesWhatItsBlocksTake) {
  Arena arena(100);
  ImageShelf shelf(arena);
  ASSERT_TRUE(Load(shelf, SetOf("a", {1, 1, 1, 1, 1})).ok());
  uses_["a"] = {.is_in_use = true};
  const absl::Status status = Load(shelf, SetOf("b", {1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("needs 600 bytes"));
  uses_["a"] = {};
  EXPECT_EQ(Load(shelf, SetOf("b", {1, 1, 1, 1, 1, 1})), absl::OkStatus());
  EXPECT_EQ(arena.in_use(), 600u);
}

TEST_F(ImageShelfTest, AVersionThatSharesItsFilesComesInBesideTheOneInUse) {
  ImageSet first = SetOf("a", {600});
  ASSERT_TRUE(Load(shelf_, first).ok());
  uses_["a"] = {.is_in_use = true};
  ImageSet second = SetOf("b", {300});
  second.files.push_back(first.files[0]);
  EXPECT_EQ(Load(shelf_, second), absl::OkStatus());
  EXPECT_TRUE(shelf_.Holds(first));
  EXPECT_EQ(arena_.in_use(), 900u);
}

TEST(SetsInUse, ASetIsInUseForAsLongAsABootMayBeSilent) {
  SetsInUse uses;
  const SetsInUse::Time now{minutes(1000)};
  const ImageSet set{.reference = "debian:stable", .digest = "0123456789abcdef"};
  EXPECT_EQ(uses.LastAsked(set), SetsInUse::Time::min());
  EXPECT_FALSE(uses.IsInUse(set, now));
  uses.Note("/debian/0123456789ab/EFI/BOOT/BOOTX64.EFI", now);
  EXPECT_TRUE(uses.IsInUse(set, now + minutes(5)));
  EXPECT_FALSE(uses.IsInUse(set, now + minutes(6)));
  EXPECT_EQ(uses.LastAsked(set), now);
  uses.Note("/debian/stable/grub.cfg", now + minutes(6));
  EXPECT_TRUE(uses.IsInUse(set, now + minutes(7)));
  uses.Note("/machine/52-54-00-00-00-01/grub.cfg", now);
  EXPECT_EQ(uses.LastAsked({.reference = "machine:52-54-00-00-00-01", .digest = "0"}),
            SetsInUse::Time::min());
  const ImageSet other{.reference = "debian:testing", .digest = "fedcba9876543210"};
  for (const char* path :
       {"", "/", "debian/testing/a", "/debian", "/debian/", "//debian/testing"}) {
    uses.Note(path, now);
    EXPECT_FALSE(uses.IsInUse(other, now)) << path;
  }
}

TEST(SetsInUse, ForgetsWhatNobodyAskedForInADay) {
  SetsInUse uses;
  const SetsInUse::Time now{minutes(100'000)};
  const ImageSet set{.reference = "a:1", .digest = "0123456789abcdef"};
  uses.Note("/a/1/x", now);
  uses.Note("/b/1/x", now + std::chrono::hours(25));
  EXPECT_EQ(uses.LastAsked(set), SetsInUse::Time::min());
}

}  // namespace
}  // namespace slipway::control
