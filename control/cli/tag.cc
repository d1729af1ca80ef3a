// SPDX-License-Identifier: Apache-2.0
#include "control/cli/tag.h"

#include <iostream>

#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::string_view kPath = "/api/v1/tags/";

// As boot URIs have it.
std::string Short(const std::string& digest) { return digest.substr(0, 12); }

int PrintMoved(const Answer& answer, const Command& command) {
  if (!answer.good) return Fail(answer);
  const auto tag = answer.json();
  const std::string reference = Cell(tag, "reference");
  const std::string back = Cell(tag, "previous");
  return PrintDone(
      answer, command,
      Text(reference, ": leads to ", Short(Cell(tag, "digest")), " from now on",
           back.empty() ? std::string()
                        : Text("; back to ", Short(back), ": slipway rollout undo ", reference)));
}

// From SET, SET:TAG or SET@sha256:HEX; the tag is one of the same set.
int MoveTag(Client& client, const Command& command) {
  const std::string& from = command.words[2];
  const std::string& to = command.words[3];
  const std::size_t at = from.find('@');
  std::string set = from.substr(0, at);
  std::string digest = at == std::string::npos ? std::string() : from.substr(at + 1);
  if (at == std::string::npos) {
    const Answer found = client.Get(Text(kPath, from));
    if (!found.good) return Fail(found);
    const auto tag = found.json();
    digest = Cell(tag, "digest");
    const std::string reference = Cell(tag, "reference");
    set = reference.substr(0, reference.rfind(':'));
  }
  const std::string reference = to.find(':') == std::string::npos ? Text(set, ':', to) : to;
  if (!reference.starts_with(set + ":")) {
    std::cerr << "slipway: " << to << ": a tag leads to a version of its own set, which is " << set
              << "; name one as in 'slipway image tag " << from << " stable'\n";
    return 2;
  }
  return PrintMoved(client.Put(Text(kPath, reference), {{"digest", digest}}), command);
}

int Undo(Client& client, const Command& command) {
  const std::string path = Text(kPath, command.words[2]);
  const Answer before = client.Get(path);
  if (!before.good) return Fail(before);
  const std::string previous = Cell(before.json(), "previous");
  if (previous.empty()) {
    std::cerr << "slipway: " << Cell(before.json(), "reference")
              << ": where it led before is not known; 'slipway image tag' moves it to any version "
                 "that is here\n";
    return 1;
  }
  return PrintMoved(client.PutOver(before, path, {{"digest", previous}}), command);
}

}  // namespace

std::string PreviousText(const nlohmann::json& tag) {
  const std::string previous = Cell(tag, "previous");
  if (previous.empty()) return {};
  return Text(Short(previous), Cell(tag, "previous_kept") == "yes" ? "" : " (gone)");
}

std::optional<int> RunTag(Client& client, const Command& command) {
  const auto& words = command.words;
  if (Is(command, "image", "tag", 4)) return MoveTag(client, command);
  if (Is(command, "image", "untag", 3)) {
    return PrintDone(client.Delete(Text(kPath, words[2])), command,
                     Text(words[2],
                          ": leads nowhere from now on; its version is kept for seven "
                          "days, by its digest"));
  }
  if (Is(command, "rollout", "undo", 3)) return Undo(client, command);
  return std::nullopt;
}

}  // namespace slipway::control
