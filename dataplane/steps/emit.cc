// SPDX-License-Identifier: Apache-2.0
//
// Emit and Seal: connections with something to send take turns (deficit round robin: a turn is at
// most one burst of segments), as far as the port's ring has room. The text of each segment comes
// from the connection's source straight into the frame: a slice of an image without a copy, or a
// record sealed in place.
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
    while (const auto out = tcp_.Emit(*id, now)) {
      reporter_.Count(Step::kEmit, EmitSegment(*out, link, service));
      ++emitted;
      if (--room == 0) {
        tcp_.Ready(*id);
        break;
      }
    }
  }
  return emitted;
}

Drop Worker::EmitSegment(const tcp::Outgoing& out, Link& link, Service& service) {
  Frame frame = BuildTcp(link, {service.station, out.tuple.local_address, out.tuple.remote_address},
                         out.segment, out.length);
  if (frame.empty()) return Drop::kNoBuffer;
  if (out.length > 0) {
    ByteSource& source = service.application->output();
    if (!AppendText(frame, source, out)) return Drop::kNoBuffer;
    reporter_.Count(Step::kSeal, Drop::kNone);
    reporter_.statistics.payload_bytes += out.length;
  }
  return link.Send(std::move(frame)) ? Drop::kNone : Drop::kTransmitRingFull;
}

bool Worker::AppendText(Frame& frame, ByteSource& source, const tcp::Outgoing& out) {
  std::uint64_t offset = out.offset;
  const std::uint64_t end = out.offset + out.length;
  while (offset < end) {
    const Bytes slice = source.Borrow(offset, end - offset);
    if (slice.empty()) break;
    if (!frame.AppendBorrowed(slice)) return false;
    reporter_.statistics.borrowed_bytes += slice.size();
    offset += slice.size();
  }
  if (offset == end) return true;
  const MutableBytes room = frame.Append(end - offset);
  if (room.empty()) return false;
  source.Read(offset, room);
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
