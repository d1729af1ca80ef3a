// SPDX-License-Identifier: Apache-2.0
#include "control/cli/network.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <sstream>

#include "control/cli/policy.h"
#include "control/parse_json.h"
#include "control/text.h"
#include "protocols/base/mac.h"
#include "protocols/base/uuid.h"

namespace slipway::control {
namespace {

enum class Form { kText, kList, kTruth };
// The option, and the key of [[network]] that it stands for.
struct Option {
  std::string_view name;
  const char* key;
  Form form = Form::kText;
};
constexpr std::array kOptions = {Option{"subnet", "subnet"},
                                 Option{"pools", "pools", Form::kList},
                                 Option{"router", "router"},
                                 Option{"lease-time", "lease_time"},
                                 Option{"dns", "dns", Form::kList},
                                 Option{"domain", "domain"},
                                 Option{"proxy-dhcp", "proxy_dhcp", Form::kTruth},
                                 Option{"relayed", "relayed", Form::kTruth},
                                 Option{"authoritative", "authoritative", Form::kTruth},
                                 Option{"unknown-machines", "unknown_machines"}};

std::string PathOf(std::string_view name) { return Text("/api/v1/networks/", name); }

nlohmann::json Value(const std::string& text, Form form) {
  if (form == Form::kTruth && (text == "true" || text == "false")) return text == "true";
  if (form != Form::kList) return text;  // what is no truth value is refused by its name
  nlohmann::json list = nlohmann::json::array();
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    list.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return list;
}

// Of Show()'s JSON, which --from reads: the tag of what was read.
constexpr const char* kTag = "etag";

// A file of --from; null, and told, where it holds no network.
nlohmann::json Written(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  nlohmann::json body = ParseJson(text.str());
  if (body.is_object()) return body;
  std::cerr << "slipway: " << file << ": no JSON object; write one with the keys of [[network]] "
            << "in slipway.toml, or take 'slipway --json network show NAME'\n";
  return nullptr;
}

// The options over what is there, or over the file of --from. Either way only over what was read:
// by this command, or by the one that wrote the file.
int Set(Client& client, const Command& command) {
  const std::string& name = command.words[2];
  const std::string file = OptionOf(command, "from");
  nlohmann::json body = nlohmann::json::object();
  Answer before;
  if (file.empty()) {
    before = client.Get(PathOf(name));
    if (IsUnread(before)) return Fail(before);
    if (before.good) body = before.json();
  } else {
    body = Written(file);
    if (body.is_null()) return 1;
    before = {.good = true, .tag = Cell(body, kTag)};
    body.erase(kTag);
  }
  for (const Option& option : kOptions) {
    const auto given = command.options.find(std::string(option.name));
    if (given == command.options.end()) continue;
    if (given->second.empty()) {
      body.erase(option.key);
    } else {
      body[option.key] = Value(given->second, option.form);
    }
  }
  const bool is_read = file.empty() || !before.tag.empty();  // not so: somebody's own file
  Answer answer =
      is_read ? client.PutOver(before, PathOf(name), body) : client.Put(PathOf(name), body);
  if (answer.status == 412 && !file.empty()) {
    answer.error += Text("; or take \"", kTag, "\" out of ", file, " to write it all the same");
  }
  if (!answer.good) return Fail(answer);
  const auto network = answer.json();
  return PrintDone(answer, command,
                   Text(name, ": ", Cell(network, "subnet"), ", pools ", Cell(network, "pools"),
                        "; machines are served by it from now on"));
}

int Show(Client& client, const Command& command) {
  const Answer answer = client.Get(PathOf(command.words[2]));
  if (!answer.good) return Fail(answer);
  auto network = answer.json();
  if (command.json) {
    network[kTag] = answer.tag;
    std::cout << network.dump() << '\n';
    return 0;
  }
  for (const auto& [key, value] : network.items()) {
    if (value.is_array() && !value.empty() && value.front().is_object()) {
      for (const auto& each : value) std::cout << key << ": " << each.dump() << '\n';
    } else {
      std::cout << key << ": " << Cell(network, key) << '\n';
    }
  }
  return 0;
}

// Whose an address is, by the form of its name.
nlohmann::json Who(const std::string& word) {
  if (MacAddress::Parse(word)) return {{"mac", word}};
  if (Uuid::Parse(word)) return {{"uuid", word}};
  return {{"client_id", word}};
}

// Says all that it wants and has read nothing, so there is nothing to be bound to: with the
// network's tag, reservations that are made side by side would refuse one another.
std::optional<int> RunReservation(Client& client, const Command& command) {
  const auto& words = command.words;
  if (words.size() < 4) return std::nullopt;
  const std::string path = Text(PathOf(words[2]), "/reservations/", words[3]);
  if (Is(command, "network", "reserve", 5)) {
    return PrintDone(client.Put(path, Who(words[4])), command,
                     Text(words[3], ": kept for ", words[4]));
  }
  if (Is(command, "network", "unreserve", 4)) {
    return PrintDone(client.Delete(path), command, Text(words[3], ": kept for nobody any more"));
  }
  return std::nullopt;
}

}  // namespace

bool IsNetworkOption(std::string_view name) {
  return name == "from" || std::ranges::find(kOptions, name, &Option::name) != kOptions.end();
}

std::optional<int> RunNetwork(Client& client, const Command& command) {
  const auto& words = command.words;
  if (words[0] != "network" || words.size() < 2) return std::nullopt;
  if (Is(command, "network", "list", 2)) {
    return PrintList(client.Get("/api/v1/networks"), command,
                     {{"NAME", "name"},
                      {"SUBNET", "subnet"},
                      {"MODE", "mode"},
                      {"ADDRESSES", "addresses"},
                      {"LEASES", "leases"},
                      {"RESERVED", "reservations"},
                      {"FROM", "source"},
                      {"POOLS", "pools"}});
  }
  if (Is(command, "network", "show", 3)) return Show(client, command);
  if (Is(command, "network", "set", 3)) return Set(client, command);
  if (Is(command, "network", "rm", 3)) {
    return PrintDone(client.Delete(Text(PathOf(words[2]), command.all ? "?all_the_same=true" : "")),
                     command, Text(words[2], ": removed"));
  }
  return RunReservation(client, command);
}

}  // namespace slipway::control
