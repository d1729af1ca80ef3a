// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/lwip_station.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/mem.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unordered_set>

#include "protocols/base/check.h"
#include "protocols/wire/ethernet.h"

namespace slipway::sim {
namespace {

// What lwIP asks of its system, while there is a station.
std::uint32_t clock_milliseconds = 0;
std::unordered_set<void*>* heap = nullptr;

}  // namespace
}  // namespace slipway::sim

// The library finds these before its own: this program exports them.
extern "C" {
u32_t sys_now() { return slipway::sim::clock_milliseconds; }
void* mem_malloc(mem_size_t size) {
  void* piece = std::malloc(size);
  slipway::sim::heap->insert(piece);
  return piece;
}
void* mem_calloc(mem_size_t count, mem_size_t size) {
  void* piece = std::calloc(count, size);
  slipway::sim::heap->insert(piece);
  return piece;
}
void mem_free(void* piece) {
  SLIPWAY_CHECK(piece == nullptr || slipway::sim::heap->erase(piece) == 1);
  std::free(piece);
}
}

namespace slipway::sim {
namespace {

// One loading of liblwip, and the functions of it that are used here.
class Library {
 public:
  Library() { SLIPWAY_CHECK(handle_ != nullptr); }
  ~Library() { dlclose(handle_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

 private:
  template <class T>
  T* Find(const char* name) const {
    void* const found = dlsym(handle_, name);
    SLIPWAY_CHECK(found != nullptr);
    return reinterpret_cast<T*>(found);
  }
  void* const handle_ = dlopen("liblwip.so.0", RTLD_LAZY | RTLD_LOCAL);

 public:
#define SLIPWAY_LWIP(name) decltype(::name)* const name = Find<decltype(::name)>(#name)
  SLIPWAY_LWIP(ip_input);
  SLIPWAY_LWIP(lwip_init);
  SLIPWAY_LWIP(netif_add);
  SLIPWAY_LWIP(netif_set_default);
  SLIPWAY_LWIP(netif_set_link_up);
  SLIPWAY_LWIP(netif_set_up);
  SLIPWAY_LWIP(pbuf_alloc);
  SLIPWAY_LWIP(pbuf_copy_partial);
  SLIPWAY_LWIP(pbuf_free);
  SLIPWAY_LWIP(pbuf_take);
  SLIPWAY_LWIP(sys_check_timeouts);
  SLIPWAY_LWIP(sys_timeouts_sleeptime);
  SLIPWAY_LWIP(tcp_accept);
  SLIPWAY_LWIP(tcp_arg);
  SLIPWAY_LWIP(tcp_bind);
  SLIPWAY_LWIP(tcp_connect);
  SLIPWAY_LWIP(tcp_err);
  SLIPWAY_LWIP(tcp_listen_with_backlog);
  SLIPWAY_LWIP(tcp_new);
  SLIPWAY_LWIP(tcp_output);
  SLIPWAY_LWIP(tcp_poll);
  SLIPWAY_LWIP(tcp_recv);
  SLIPWAY_LWIP(tcp_recved);
  SLIPWAY_LWIP(tcp_sent);
  SLIPWAY_LWIP(tcp_shutdown);
  SLIPWAY_LWIP(tcp_write);
  SLIPWAY_LWIP(tcp_active_pcbs);
  SLIPWAY_LWIP(tcp_tw_pcbs);
#undef SLIPWAY_LWIP
};

ip4_addr_t AddressOf(Ipv4Address address) { return {.addr = htonl(address.value())}; }
ip_addr_t AnyFamily(Ipv4Address address) {
  ip_addr_t any{};
  any.u_addr.ip4 = AddressOf(address);
  any.type = IPADDR_TYPE_V4;
  return any;
}

}  // namespace

struct LwipStation::Core {
  Core(const Ends& who, Duration laziness) : ends(who), lazy(laziness) {}

  // Called by lwIP; `self` is this station.
  static err_t Leave(netif* port, pbuf* packet, const ip4_addr_t*) {
    return static_cast<Core*>(port->state)->Leaves(packet);
  }
  static err_t Connected(void* self, tcp_pcb*, err_t) { return static_cast<Core*>(self)->Send(); }
  static err_t Accepted(void* self, tcp_pcb* fresh, err_t error) {
    if (error != ERR_OK || fresh == nullptr) return ERR_VAL;
    static_cast<Core*>(self)->Adopt(fresh);
    return ERR_OK;  // a FIN beside the handshake's last ACK is not seen yet: lwIP would lose ours
  }
  static err_t Arrived(void* self, tcp_pcb*, pbuf* text, err_t) {
    return static_cast<Core*>(self)->Take(text);
  }
  static err_t Acknowledged(void* self, tcp_pcb*, u16_t size) {
    Core& core = *static_cast<Core*>(self);
    core.acknowledged += size;
    SLIPWAY_CHECK(core.acknowledged <= core.written);
    core.application->output().Release(core.acknowledged);
    return core.Send();
  }
  static err_t Polled(void* self, tcp_pcb*) { return static_cast<Core*>(self)->Send(); }
  static void Failed(void* self, err_t error) {
    Core& core = *static_cast<Core*>(self);
    core.pcb = nullptr;
    core.failed = core.failed || error != ERR_CLSD;
  }

  err_t Leaves(pbuf* packet) {
    const ethernet::Header header{
        .destination = ends.to, .source = ends.from, .type = ethernet::kIpv4, .vlan = {}};
    Buffer frame(std::max(header.size() + packet->tot_len, ethernet::kFrameSizeMin));
    const std::size_t begin = ethernet::EmitHeader(header, frame);
    library.pbuf_copy_partial(packet, frame.data() + begin, packet->tot_len, 0);
    leaving.push_back(std::move(frame));
    return ERR_OK;
  }

  void Adopt(tcp_pcb* fresh) {
    pcb = fresh;
    library.tcp_arg(pcb, this);
    library.tcp_recv(pcb, Arrived);
    library.tcp_sent(pcb, Acknowledged);
    library.tcp_err(pcb, Failed);
    library.tcp_poll(pcb, Polled, 1);
  }

  // Gives lwIP what it has room for, and its FIN once the source is final.
  err_t Send() {
    if (pcb == nullptr || pcb->state < ESTABLISHED) return ERR_OK;
    ByteSource& source = application->output();
    std::array<std::uint8_t, 4096> some{};
    while (written < source.length()) {
      const std::uint64_t size = std::min<std::uint64_t>(
          {source.length() - written, some.size(), std::uint64_t{pcb->snd_buf}});
      if (size == 0) break;
      source.Read(written, MutableBytes(some).first(static_cast<std::size_t>(size)));
      const auto length = static_cast<u16_t>(size);
      if (library.tcp_write(pcb, some.data(), length, TCP_WRITE_FLAG_COPY) != ERR_OK) break;
      written += size;
    }
    library.tcp_output(pcb);
    const bool all = written == source.length() && (source.finished() || closing);
    if (all && !said_goodbye) said_goodbye = library.tcp_shutdown(pcb, 0, 1) == ERR_OK;
    return ERR_OK;
  }

  err_t Take(pbuf* text) {
    if (text == nullptr) {
      React(application->Finish(now));
      Send();
      if (said_goodbye) pcb = nullptr;  // lwIP ends it alone
      return ERR_OK;
    }
    for (const pbuf* piece = text; piece != nullptr; piece = piece->next) {
      React(application->Receive({static_cast<const std::uint8_t*>(piece->payload), piece->len},
                                 now));
    }
    untaken += text->tot_len;
    library.pbuf_free(text);
    if (lazy == Duration{0}) {
      TellTaken();
    } else if (takes_at == kNever) {
      takes_at = now + lazy;
    }
    return Send();
  }

  void TellTaken() {
    takes_at = kNever;
    for (; pcb != nullptr && untaken > 0; untaken -= std::min<std::uint32_t>(untaken, 0xffff)) {
      library.tcp_recved(pcb, static_cast<u16_t>(std::min<std::uint32_t>(untaken, 0xffff)));
    }
  }

  void React(const dataplane::Reaction& reaction) { closing = closing || reaction.close; }

  void SetClock(Time to) {
    now = to;
    clock_milliseconds = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(to.time_since_epoch()).count());
  }

  Ends ends;
  Duration lazy;
  std::unordered_set<void*> pieces;  // lwIP's heap
  std::size_t pieces_at_start = 0;
  Library library;
  netif port{};
  tcp_pcb* listener = nullptr;
  tcp_pcb* pcb = nullptr;  // the one conversation, while it is ours to use
  dataplane::Application* application = nullptr;
  std::deque<Buffer> leaving;
  Time now{};
  Time takes_at = kNever;
  std::uint32_t untaken = 0;
  std::uint64_t written = 0;
  std::uint64_t acknowledged = 0;
  bool closing = false;
  bool said_goodbye = false;
  bool failed = false;
};

LwipStation::LwipStation(const Ends& ends, std::uint64_t seed, Duration lazy) {
  SLIPWAY_CHECK(heap == nullptr);
  core_ = std::make_unique<Core>(ends, lazy);
  heap = &core_->pieces;
  core_->SetClock(Time(std::chrono::seconds(1)));
  std::srand(static_cast<unsigned>(seed));
  const Library& library = core_->library;
  library.lwip_init();
  const ip4_addr_t address = AddressOf(ends.source);
  const ip4_addr_t mask{.addr = htonl(0xffffff00)};
  const ip4_addr_t gateway = AddressOf(ends.destination);
  const auto start = [](netif* port) -> err_t {
    port->mtu = 1500;
    port->output = Core::Leave;
    port->name[0] = 's', port->name[1] = 'm';
    return ERR_OK;
  };
  SLIPWAY_CHECK(library.netif_add(&core_->port, &address, &mask, &gateway, core_.get(), start,
                                  library.ip_input) != nullptr);
  library.netif_set_default(&core_->port);
  library.netif_set_link_up(&core_->port);
  library.netif_set_up(&core_->port);
  core_->pieces_at_start = core_->pieces.size();
}

LwipStation::~LwipStation() {
  // lwIP knows no end: its timers and its listener are still there. Conversations are not, which
  // in_use() says before.
  for (void* const piece : core_->pieces) std::free(piece);
  core_.reset();
  heap = nullptr;
}

void LwipStation::Connect(Port local, Port remote, dataplane::Application& application) {
  core_->application = &application;
  core_->Adopt(core_->library.tcp_new());
  const ip_addr_t here = AnyFamily(core_->ends.source);
  const ip_addr_t there = AnyFamily(core_->ends.destination);
  SLIPWAY_CHECK(core_->library.tcp_bind(core_->pcb, &here, local.value()) == ERR_OK);
  SLIPWAY_CHECK(core_->library.tcp_connect(core_->pcb, &there, remote.value(), Core::Connected) ==
                ERR_OK);
}

void LwipStation::Accept(Port port, dataplane::Application& application) {
  core_->application = &application;
  tcp_pcb* const fresh = core_->library.tcp_new();
  const ip_addr_t here = AnyFamily(core_->ends.source);
  SLIPWAY_CHECK(core_->library.tcp_bind(fresh, &here, port.value()) == ERR_OK);
  core_->listener = core_->library.tcp_listen_with_backlog(fresh, 1);
  core_->library.tcp_arg(core_->listener, core_.get());
  core_->library.tcp_accept(core_->listener, Core::Accepted);
}

void LwipStation::Receive(Bytes frame, Time now) {
  core_->SetClock(now);
  const auto parsed = ethernet::ParseFrame(frame);
  if (!parsed || parsed->header.type != ethernet::kIpv4) return;
  const auto size = static_cast<u16_t>(parsed->payload.size());
  pbuf* const packet = core_->library.pbuf_alloc(PBUF_RAW, size, PBUF_RAM);
  core_->library.pbuf_take(packet, parsed->payload.data(), size);
  core_->library.ip_input(packet, &core_->port);
  core_->Send();
}

std::optional<Buffer> LwipStation::Emit(Time now) {
  core_->SetClock(now);
  if (core_->leaving.empty()) return std::nullopt;
  Buffer frame = std::move(core_->leaving.front());
  core_->leaving.pop_front();
  return frame;
}

Time LwipStation::Deadline() const {
  const std::uint32_t wait = core_->library.sys_timeouts_sleeptime();
  const Time timer =
      wait == 0xffffffff
          ? kNever
          : Time(std::chrono::milliseconds(clock_milliseconds) + std::chrono::milliseconds(wait));
  return std::min(timer, core_->takes_at);
}

void LwipStation::Expire(Time now) {
  core_->SetClock(now);
  if (core_->takes_at <= now) core_->TellTaken();
  core_->library.sys_check_timeouts();
}

bool LwipStation::failed() const { return core_->failed; }

std::size_t LwipStation::in_use() const {
  return core_->pieces.size() - core_->pieces_at_start - (core_->listener != nullptr ? 1 : 0);
}

bool LwipStation::idle() const {
  return *core_->library.tcp_active_pcbs == nullptr && *core_->library.tcp_tw_pcbs == nullptr;
}

}  // namespace slipway::sim
