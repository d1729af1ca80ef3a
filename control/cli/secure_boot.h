// SPDX-License-Identifier: Apache-2.0
//
// Verdicts as the command line prints them: functions of JSON documents, tested without a server.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace slipway::control {

// One cell: "accepted"; "refused since 2026-11-26, still served" where what firmware trusts turned
// against the set.
std::string OutcomeText(const nlohmann::json& verdict);

// "Secure Boot: refused: ..." and, below, each program with what was found and what to do.
// `verdict`: as the API has it; null: "not judged yet".
std::string VerdictText(const nlohmann::json& verdict);

// What machines are taken to trust.
std::string TrustText(const nlohmann::json& trust);

}  // namespace slipway::control
