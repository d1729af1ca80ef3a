// SPDX-License-Identifier: Apache-2.0
//
// What the commands about machines, rules and rollouts share: options that stand for members of a
// body or a query, and texts by their keys.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "control/cli/client.h"
#include "control/cli/command.h"

namespace slipway::control {

struct BodyOption {
  std::string_view name;
  std::string_view member;
};
// Of lists: whose machines they are of.
inline constexpr BodyOption kSelectorOption[] = {{"selector", "selector"}};
bool IsAmong(std::span<const BodyOption> options, std::string_view name);
// Those that the command gives, by their members.
nlohmann::json Given(const Command& command, std::span<const BodyOption> options);
std::map<std::string, std::string> Asked(const Command& command,
                                         std::span<const BodyOption> options);

// Tells it, and gives the exit code of a command that cannot be understood.
int Misused(std::string_view what);
// What there is now is not known: neither that it is so, nor that there is nothing.
bool IsUnread(const Answer& before);

// What a machine or a boot says of firmware: "http: dhcp 0123456789abcdef, tcp 65535:1460:mss".
std::string FirmwareWords(const nlohmann::json& firmware);
// "key=value,other=value"
std::string Listed(const nlohmann::json& texts);
// The command's words from the fourth on: "key=value" sets one of the object's texts, "key-"
// removes it. Nonzero, and told, where a word is neither.
int ChangeTexts(const Command& command, nlohmann::json& texts);

}  // namespace slipway::control
