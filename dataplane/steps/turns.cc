// SPDX-License-Identifier: Apache-2.0
//
// Whose turn it is to send. A port that has no room must not hold up the others: its connections
// step aside, into a line of that port, and have their turns, in order, when it has room again. The
// lines and the connections that have just become ready are asked in turn.
//
// One port alone needs no line: when it has no room, nobody can send.
#include "dataplane/worker.h"
#include "protocols/base/fetch.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kAsideMax = 64;  // in one round: the rest steps aside in the next

}  // namespace

bool Worker::HasRoom(const Link& link) const {
  return link.room() >= tcp_.settings().turn_segments_max;
}

std::optional<tcp::ConnectionId> Worker::NextToSend() {
  // Not even taken from the line: whoever is first stays so.
  if (links_.size() == 1 && !HasRoom(links_.front())) return std::nullopt;
  for (std::size_t tries = 0; tries <= links_.size(); ++tries) {
    const std::size_t from = turn_;
    turn_ = from == links_.size() ? 0 : from + 1;
    const auto id = from == links_.size() ? NextReady() : NextAside(from);
    if (id) return id;
  }
  return std::nullopt;
}

std::optional<tcp::ConnectionId> Worker::NextReady() {
  for (std::size_t i = 0; i < kAsideMax; ++i) {
    const auto id = tcp_.NextReady();
    if (!id) return std::nullopt;
    Service& service = services_[id->index];
    if (service.aside) continue;
    const Link& link = interfaces_[service.interface].link();
    WaitingLine& line = aside_[link.index()];
    if (line.empty() && HasRoom(link)) {
      if (const auto third = tcp_.FetchAhead()) FetchToRead(&services_[*third], sizeof(Service));
      return id;
    }
    // Full of those that ended meanwhile, which leave it only in their turn.
    if (!line.Push(*id)) {
      tcp_.Ready(*id);
      return std::nullopt;
    }
    service.aside = true;
  }
  return std::nullopt;
}

std::optional<tcp::ConnectionId> Worker::NextAside(std::size_t link) {
  WaitingLine& line = aside_[link];
  while (!line.empty() && HasRoom(links_[link])) {
    const tcp::ConnectionId id = line.Pop();
    Service& service = services_[id.index];
    if (service.id != id) continue;  // it ended meanwhile
    service.aside = false;
    return id;
  }
  return std::nullopt;
}

}  // namespace slipway::dataplane
