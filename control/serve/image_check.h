// SPDX-License-Identifier: Apache-2.0
//
// The check at the door: what the machines' firmware trusts, read from the files that the operator
// names, and the verdict on an image set's files (control/secure_boot judges; here are the files).
//
// Without [secure_boot] db, OVMF's Microsoft variables stand in where Debian's package ovmf is
// installed: the authorities that most firmware is shipped with. Nothing of Microsoft's is shipped
// with Slipway.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/image_store/image_set.h"
#include "control/secure_boot/verdict.h"

namespace slipway::control {

// Reads the files anew; an error names the one that is wrong.
absl::StatusOr<std::shared_ptr<const FirmwareTrust>> LoadFirmwareTrust(
    const SecureBootConfig& config);

// `blob_path`: where the file of a digest lies.
absl::StatusOr<SetVerdict> JudgeImageSet(
    const ImageSet& set, const FirmwareTrust& trust,
    const std::function<std::filesystem::path(const std::string&)>& blob_path);

// A file that is in no set, as the boot file of `role` where that is not empty.
absl::StatusOr<SetVerdict> JudgeLooseFile(const std::filesystem::path& file,
                                          const std::string& role, const FirmwareTrust& trust);

nlohmann::json ToJson(const SetVerdict& verdict);
nlohmann::json ToJson(const FirmwareTrust& trust);

// Words for a refusal: what, and the first remedies.
std::string RefusalOf(const SetVerdict& verdict);

}  // namespace slipway::control
