// SPDX-License-Identifier: Apache-2.0
#include "control/cli/pull.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <thread>

#include "control/cli/client.h"
#include "control/cli/table.h"
#include "control/progress.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr const char* kCredentials = "SLIPWAY_REGISTRY_CREDENTIALS";
constexpr auto kInterval = std::chrono::milliseconds(250);

std::optional<std::string> ReadText(const std::filesystem::path& path) {
  const std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

int Fail(const std::string& words) {
  std::cerr << "slipway: " << words << '\n';
  return 1;
}

// The order as the API takes it; nullopt, and why is said, when a file cannot be read.
std::optional<nlohmann::json> BodyOf(const PullOrder& order) {
  nlohmann::json body = {{"source", order.source}};
  if (!order.reference.empty()) body["reference"] = order.reference;
  if (!order.ca.empty()) {
    const auto pem = ReadText(order.ca);
    if (!pem) {
      Fail(Text(order.ca.string(), ": cannot be read; name the registry's CA certificate"));
      return std::nullopt;
    }
    body["ca"] = *pem;
  }
  const char* const inherited = std::getenv(kCredentials);
  std::string credentials = inherited == nullptr ? "" : inherited;
  if (!order.credentials.empty()) {
    const auto text = ReadText(order.credentials);
    if (!text) {
      Fail(Text(order.credentials.string(), ": cannot be read; name a file of one user:password"));
      return std::nullopt;
    }
    credentials = *text;
  }
  credentials.resize(std::min(credentials.find_first_of("\r\n"), credentials.size()));
  if (const std::size_t colon = credentials.find(':'); colon != credentials.npos) {
    body["user"] = credentials.substr(0, colon);
    body["password"] = credentials.substr(colon + 1);
  } else if (!credentials.empty()) {
    Fail("the registry's credentials have no colon; write user:password");
    return std::nullopt;
  }
  return body;
}

}  // namespace

bool IsPullOption(std::string_view name) {
  return name == "registry-ca" || name == "registry-credentials";
}

int RunPull(Client& client, const PullOrder& order) {
  const auto body = BodyOf(order);
  if (!body) return 1;
  Answer answer = client.Post("/api/v1/images/pull", *body);
  if (!answer.good) return Fail(answer.error);
  const std::string path = Text("/api/v1/pulls/", answer.json().value("id", std::uint64_t{0}));
  ProgressBar bar(!order.json);
  while (true) {
    answer = client.Get(path);
    if (!answer.good) {
      bar.End();
      return Fail(answer.error);
    }
    const nlohmann::json progress = answer.json();
    const std::string state = Cell(progress, "state");
    bar.Show(progress.value("bytes", std::uint64_t{0}),
             progress.value("bytes_total", std::uint64_t{0}), Cell(progress, "doing"));
    if (state == "running") {
      std::this_thread::sleep_for(kInterval);
      continue;
    }
    bar.End();
    if (order.json) std::cout << answer.body;
    if (state != "done") {
      return order.json ? 1 : Fail(Text(Cell(progress, "error"), "; pull it again to go on"));
    }
    if (order.json) return 0;
    std::cout << Text(Cell(progress, "reference"), ": ", Cell(progress, "bytes_total"),
                      " bytes, sha256:", Cell(progress, "digest").substr(0, 12), ", from ",
                      Cell(progress, "source"), '\n');
    return 0;
  }
}

}  // namespace slipway::control
