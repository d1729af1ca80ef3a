// SPDX-License-Identifier: Apache-2.0
//
// IpsecMbCopy: intel-ipsec-mb for one worker alone. Version 1.3 stores to its global imb_errno in
// every call, so workers that shared it would write one cache line with every segment. A copy is
// the same file in a link-map namespace of its own (dlmopen(3)): code is shared, variables are not.
//
// The loader has room for a dozen namespaces. Whoever comes after that shares the copy that the
// fewest use: slower by that line, and as right. So do all where the loader cannot be asked
// (sanitizers, whose interceptors a namespace lacks). Copies are kept and given out again.
#pragma once

#include <intel-ipsec-mb.h>

#include <cstddef>
#include <cstdint>

namespace slipway::tls {

// What is called by name; all else is in the manager, which init_auto fills from its own copy.
struct IpsecMbFunctions {
  IMB_MGR* (*alloc)(std::uint64_t flags) = nullptr;
  void (*free)(IMB_MGR* manager) = nullptr;
  void (*init_auto)(IMB_MGR* manager, IMB_ARCH* arch) = nullptr;
  int (*get_errno)(IMB_MGR* manager) = nullptr;
};

// Thread-safe: workers make theirs at the same time.
class IpsecMbCopy {
 public:
  IpsecMbCopy();
  ~IpsecMbCopy();
  IpsecMbCopy(IpsecMbCopy&& other) noexcept;
  IpsecMbCopy& operator=(IpsecMbCopy&&) = delete;

  IpsecMbFunctions functions() const;
  // Nobody else uses it now.
  bool is_own() const;

 private:
  std::size_t index_;
};

}  // namespace slipway::tls
