// SPDX-License-Identifier: Apache-2.0
//
// The check at the door: the verdict on an image set's files (control/secure_boot judges; here are
// the files), as JSON and in words. What it is judged by: trust_files.h.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "control/image_store/image_set.h"
#include "control/secure_boot/verdict.h"

namespace slipway::control {

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
