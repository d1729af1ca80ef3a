// SPDX-License-Identifier: Apache-2.0
#include "tls/ipsec_mb_copy.h"

#include <dlfcn.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace slipway::tls {
namespace {

constexpr const char* kFile = "libIPSec_MB.so.1";
constexpr std::size_t kNobody = ~std::size_t{0};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCanCopy = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kCanCopy = false;
#else
constexpr bool kCanCopy = true;
#endif
#else
constexpr bool kCanCopy = true;
#endif

template <class Function>
bool Find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  return function != nullptr;
}

std::optional<IpsecMbFunctions> Load() {
  if (!kCanCopy) return std::nullopt;
  void* const library = dlmopen(LM_ID_NEWLM, kFile, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::nullopt;
  IpsecMbFunctions functions;
  if (Find(library, "alloc_mb_mgr", functions.alloc) &&
      Find(library, "free_mb_mgr", functions.free) &&
      Find(library, "init_mb_mgr_auto", functions.init_auto) &&
      Find(library, "imb_get_errno", functions.get_errno)) {
    return functions;
  }
  dlclose(library);
  return std::nullopt;
}

struct Copy {
  IpsecMbFunctions functions;
  unsigned users = 0;
};

// The first is the one the program is linked to. None is ever unloaded.
class Copies {
 public:
  std::size_t Take() {
    const std::scoped_lock lock(mutex_);
    auto least = std::ranges::min_element(copies_, {}, &Copy::users);
    if (least->users > 0) {
      if (const auto functions = Load()) least = copies_.insert(copies_.end(), {*functions, 0});
    }
    ++least->users;
    return static_cast<std::size_t>(least - copies_.begin());
  }
  void GiveBack(std::size_t index) {
    const std::scoped_lock lock(mutex_);
    --copies_[index].users;
  }
  Copy Look(std::size_t index) {
    const std::scoped_lock lock(mutex_);
    return copies_[index];
  }

 private:
  std::mutex mutex_;
  std::vector<Copy> copies_{{{alloc_mb_mgr, free_mb_mgr, init_mb_mgr_auto, imb_get_errno}, 0}};
};

Copies& All() {
  static Copies copies;
  return copies;
}

}  // namespace

IpsecMbCopy::IpsecMbCopy() : index_(All().Take()) {}
IpsecMbCopy::IpsecMbCopy(IpsecMbCopy&& other) noexcept
    : index_(std::exchange(other.index_, kNobody)) {}
IpsecMbCopy::~IpsecMbCopy() {
  if (index_ != kNobody) All().GiveBack(index_);
}
IpsecMbFunctions IpsecMbCopy::functions() const { return All().Look(index_).functions; }
bool IpsecMbCopy::is_own() const { return All().Look(index_).users == 1; }

}  // namespace slipway::tls
