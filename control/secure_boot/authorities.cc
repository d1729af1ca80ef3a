// SPDX-License-Identifier: Apache-2.0
#include "control/secure_boot/authorities.h"

#include <algorithm>
#include <iterator>

namespace slipway::control {
namespace {

constexpr Authority kAuthorities[] = {
    {"48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507",
     "Microsoft Corporation UEFI CA 2011", "authority-microsoft-2011",
     "firmware with \"Microsoft 3rd Party UEFI CA\" (or \"Allow third-party CA\") switched off, as "
     "Secured-core PCs ship it, and firmware that knows only the authorities of 2023 refuse it"},
    {"f6124e34125bee3fe6d79a574eaa7b91c0e7bd9d929c1a321178efd611dad901", "Microsoft UEFI CA 2023",
     "authority-microsoft-2023",
     "firmware that never got the authorities of 2023 (a db update of its vendor or of Windows), "
     "and firmware with \"Microsoft 3rd Party UEFI CA\" switched off refuse it"},
    {"e8e95f0733a55e8bad7be0a1413ee23c51fcea64b3c8fa6a786935fddcc71961",
     "Microsoft Windows Production PCA 2011", "authority-windows-2011",
     "firmware whose dbx revokes it (Microsoft's answer to CVE-2023-24932) refuses it"}};

}  // namespace

const Authority* FindAuthority(const Certificate& certificate) {
  const auto* found = std::ranges::find(kAuthorities, std::string_view(certificate.fingerprint),
                                        &Authority::fingerprint);
  return found == std::end(kAuthorities) ? nullptr : found;
}

}  // namespace slipway::control
