// SPDX-License-Identifier: Apache-2.0
//
// Emit and Seal: connections with something to send take turns (deficit round robin: a turn is at
// most one burst of segments), as far as the port's ring has room. TCP is asked for a whole run of
// segments at once. The text of each comes from the connection's source straight into the frame: a
// slice of an image without a copy, or a record sealed in place.
#include <algorithm>

#include "dataplane/tcp_run.h"
#include "dataplane/worker.h"

namespace slipway::dataplane {

std::size_t Worker::Emit(Time now) {
  std::size_t emitted = SendStrays(now);
  std::size_t room = kEmitMax;
  while (room > 0) {
    const auto id = tcp_.NextReady();
    if (!id) break;
    Service& service = services_[id->index];
    Link& link = links_[service.interface];
    if (link.room() < tcp_.settings().burst_segments_max) {
      tcp_.Ready(*id);
      break;
    }
    while (const auto out = tcp_.Emit(*id, now, link.run_max())) {
      const std::size_t sent = EmitRun(*out, link, service);
      emitted += sent;
      room -= std::min(room, sent);
      if (room == 0) {
        tcp_.Ready(*id);
        break;
      }
    }
  }
  return emitted;
}

// The segments of one run, cut by the port or here; returns how many.
std::size_t Worker::EmitRun(const tcp::Outgoing& out, Link& link, Service& service) {
  const TcpRun run(link, service.station, out);
  const std::uint32_t step = link.cuts() ? out.length : out.mss;
  std::size_t segments = 0;
  std::uint32_t at = 0;
  do {
    const std::uint32_t size = std::min(step, out.length - at);
    Frame frame = run.Start(link, at, size);
    reporter_.Count(
        Step::kEmit,
        SendText(std::move(frame), {.offset = out.offset + at, .size = size, .piece = out.mss},
                 link, service));
    at += size;
    segments += size <= out.mss ? 1 : (size + out.mss - 1) / out.mss;
  } while (at < out.length);
  return segments;
}

Drop Worker::SendText(Frame frame, const TextRange& text, Link& link, Service& service) {
  if (frame.empty()) return Drop::kNoBuffer;
  if (text.size > 0) {
    SealWatch watch(reporter_.statistics);
    if (!AppendText(frame, service.application->output(), text)) return Drop::kNoBuffer;
    watch.Sealed(text.size);
    reporter_.Count(Step::kSeal, Drop::kNone);
    reporter_.statistics.payload_bytes += text.size;
  }
  return link.Send(std::move(frame)) ? Drop::kNone : Drop::kTransmitRingFull;
}

bool Worker::AppendText(Frame& frame, ByteSource& source, const TextRange& text) {
  std::uint64_t offset = text.offset;
  const std::uint64_t end = text.offset + text.size;
  while (offset < end) {
    const Bytes slice = source.Borrow(offset, end - offset);
    if (!slice.empty()) {
      if (!frame.AppendBorrowed(slice)) return false;
      reporter_.statistics.borrowed_bytes += slice.size();
      offset += slice.size();
      continue;
    }
    const MutableBytes room = frame.Append(std::min<std::uint64_t>(end - offset, text.piece));
    if (room.empty()) return false;
    source.Read(offset, room);
    offset += room.size();
  }
  return true;
}

// Replies that belong to no connection go back where the segment came from that caused them.
std::size_t Worker::SendStrays(Time now) {
  std::size_t sent = 0;
  while (const auto out = tcp_.EmitStray(now)) {
    SendAnswer(stray_way_.interface,
               BuildTcp(links_[stray_way_.interface],
                        {stray_way_.station, out->tuple.local_address, out->tuple.remote_address},
                        out->segment, 0));
    ++sent;
  }
  return sent;
}

std::size_t Worker::Transmit() {
  StepCounters& step = reporter_.statistics.steps[static_cast<std::size_t>(Step::kTransmit)];
  std::size_t sent = 0;
  for (Link& link : links_) sent += link.Flush();
  step.in += sent;
  step.out += sent;
  return sent;
}

}  // namespace slipway::dataplane
