// SPDX-License-Identifier: Apache-2.0
//
// From the first closed page to the last opened one, neither the tracing thread nor the handlers
// may touch ordinary memory: they have their stacks, `state` (on pages of its own, never closed),
// the log, and system calls made by hand, since libc's go through tables that are closed as well.
#include "tests/support/access_trace.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "protocols/base/check.h"

namespace slipway {
namespace {

constexpr std::uintptr_t kPage = 4096;
constexpr std::uintptr_t kLine = 64;
constexpr std::size_t kRegionsMax = 4096;
constexpr std::size_t kOpenMax = 8;
constexpr std::size_t kLogMax = std::size_t{8} << 20;
constexpr long long kTrapFlag = 0x100;
constexpr long long kWasWrite = 2;  // of the page fault's error code

struct Region {
  std::uintptr_t start;
  std::uintptr_t end;
  int protection;
};

struct Access {
  std::uintptr_t line;
  std::uintptr_t instruction;
  bool stores;
};

struct alignas(kPage) State {
  std::array<Region, kRegionsMax> regions;
  std::size_t region_count;
  std::array<std::uintptr_t, kOpenMax> open;  // pages let through for one instruction
  std::array<int, kOpenMax> open_protection;
  std::size_t open_count;
  Access* log;
  std::size_t logged;
};
static_assert(sizeof(State) % kPage == 0);
State state;

[[gnu::always_inline]] inline long Protect(std::uintptr_t start, std::uintptr_t size, int how) {
  long result = SYS_mprotect;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(start), "S"(size), "d"(static_cast<long>(how))
               : "rcx", "r11", "memory");
  return result;
}

[[gnu::always_inline]] inline void Give(int signal) {  // to the default action
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } const action{nullptr, 0, nullptr, 0};
  long result = SYS_rt_sigaction;
  asm volatile("movl $8, %%r10d\n\tsyscall"
               : "+a"(result)
               : "D"(static_cast<long>(signal)), "S"(&action), "d"(0L)
               : "rcx", "r10", "r11", "memory");
}

void OnFault(int signal, siginfo_t* info, void* context) {
  auto* const machine = static_cast<ucontext_t*>(context);
  const auto address = std::bit_cast<std::uintptr_t>(info->si_addr);
  for (std::size_t i = 0; i < state.region_count; ++i) {
    const Region& region = state.regions[i];
    if (address < region.start || address >= region.end) continue;
    const bool write = (machine->uc_mcontext.gregs[REG_ERR] & kWasWrite) != 0;
    if (state.logged < kLogMax) {
      state.log[state.logged++] = {
          .line = address / kLine,
          .instruction = static_cast<std::uintptr_t>(machine->uc_mcontext.gregs[REG_RIP]),
          .stores = write};
    }
    if (state.open_count == kOpenMax) break;
    const std::uintptr_t page = address & ~(kPage - 1);
    state.open[state.open_count] = page;
    state.open_protection[state.open_count++] = region.protection;
    if (Protect(page, kPage, region.protection) != 0) break;
    machine->uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
    return;
  }
  Give(signal);  // a fault of the program's own: let it happen again, for all to see
}

void OnTrap(int, siginfo_t*, void* context) {
  auto* const machine = static_cast<ucontext_t*>(context);
  machine->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
  for (std::size_t i = 0; i < state.open_count; ++i) Protect(state.open[i], kPage, PROT_NONE);
  state.open_count = 0;
}

struct Range {
  std::uintptr_t start;
  std::uintptr_t end;
};

Range PagesOf(const void* memory, std::size_t size) {
  const auto start = std::bit_cast<std::uintptr_t>(memory);
  return {start & ~(kPage - 1), (start + size + kPage - 1) & ~(kPage - 1)};
}

// The part of `from` that lies outside `spared`, which are sorted.
void AddOutside(Region from, const std::vector<Range>& spared) {
  const auto add = [&](std::uintptr_t end) {
    if (from.start >= end) return;
    SLIPWAY_CHECK(state.region_count < kRegionsMax);
    state.regions[state.region_count++] = {from.start, end, from.protection};
  };
  for (const Range& range : spared) {
    if (range.end <= from.start || range.start >= from.end) continue;
    add(range.start);
    from.start = range.end;
  }
  add(from.end);
}

// All mappings that can be written, but for what is spared.
void FindRegions(std::vector<Range> spared) {
  std::ranges::sort(spared, {}, &Range::start);
  std::ifstream maps("/proc/self/maps");
  state.region_count = 0;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::string access;
    words >> std::hex >> start >> dash >> end >> access;
    if (access.size() < 4 || access[0] != 'r' || access[1] != 'w') continue;
    if (line.find("[stack]") != line.npos || line.find("[v") != line.npos) continue;
    const int protection = PROT_READ | PROT_WRITE | (access[2] == 'x' ? PROT_EXEC : 0);
    AddOutside({start, end, protection}, spared);
  }
}

// Its stack, at whose end lie a thread's control block and its thread-local variables.
Range StackOfThisThread() {
  pthread_attr_t attributes;
  void* start = nullptr;
  std::size_t size = 0;
  SLIPWAY_CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
  SLIPWAY_CHECK(pthread_attr_getstack(&attributes, &start, &size) == 0);
  pthread_attr_destroy(&attributes);
  return PagesOf(start, size);
}

// Waits until every other thread of the process sleeps in the kernel.
void AwaitStillness() {
  const std::string self = std::to_string(gettid());
  const auto others_sleep = [&self] {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      if (task.path().filename() == self) continue;
      std::ifstream file(task.path() / "stat");
      std::string stat;
      std::getline(file, stat);
      const std::size_t name_end = stat.rfind(')');
      if (name_end == stat.npos || stat.compare(name_end, 4, ") S ") != 0) return false;
    }
    return true;
  };
  for (int looks = 0; looks < 2; looks = others_sleep() ? looks + 1 : 0) sched_yield();
}

// Own pages, so that they can be spared as a whole.
class Mapping {
 public:
  explicit Mapping(std::size_t size)
      : size_(size),
        memory_(mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    SLIPWAY_CHECK(memory_ != MAP_FAILED);
  }
  ~Mapping() { munmap(memory_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  void* memory() const { return memory_; }

 private:
  std::size_t size_;
  void* memory_;
};

[[gnu::noinline]] void RunClosed(const std::function<void()>& work) {
  for (std::size_t i = 0; i < state.region_count; ++i) {
    const Region& region = state.regions[i];
    Protect(region.start, region.end - region.start, PROT_NONE);
  }
  work();
  for (std::size_t i = 0; i < state.region_count; ++i) {
    const Region& region = state.regions[i];
    Protect(region.start, region.end - region.start, region.protection);
  }
}

void Merge(std::vector<std::uintptr_t>& into, const std::vector<std::uintptr_t>& more) {
  std::vector<std::uintptr_t> all;
  std::ranges::set_union(into, more, std::back_inserter(all));
  into = std::move(all);
}

void SortOut(std::vector<std::uintptr_t>& lines) {
  std::ranges::sort(lines);
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
}

}  // namespace

void TouchedLines::Add(const TouchedLines& more) {
  Merge(loaded, more.loaded);
  Merge(stored, more.stored);
  for (const auto& [line, instruction] : more.stored_by) stored_by[line] = instruction;
}

bool CanTraceAccesses() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
  return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return false;
#else
  return true;
#endif
#else
  return true;
#endif
}

TouchedLines TraceAccesses(const std::function<void()>& work) {
  constexpr std::size_t kStack = std::size_t{64} * 1024;
  const Mapping stack(kStack);
  const Mapping log(kLogMax * sizeof(Access));
  state.log = static_cast<Access*>(log.memory());
  state.logged = state.open_count = 0;
  stack_t alternate{.ss_sp = stack.memory(), .ss_flags = 0, .ss_size = kStack};
  stack_t alternate_before{};
  SLIPWAY_CHECK(sigaltstack(&alternate, &alternate_before) == 0);
  struct sigaction fault {};
  fault.sa_sigaction = OnFault;
  fault.sa_flags = SA_SIGINFO | SA_ONSTACK;
  struct sigaction trap = fault;
  trap.sa_sigaction = OnTrap;
  struct sigaction fault_before {};
  struct sigaction trap_before {};
  SLIPWAY_CHECK(sigaction(SIGSEGV, &fault, &fault_before) == 0);
  SLIPWAY_CHECK(sigaction(SIGTRAP, &trap, &trap_before) == 0);
  FindRegions({StackOfThisThread(), PagesOf(&state, sizeof state), PagesOf(stack.memory(), kStack),
               PagesOf(log.memory(), kLogMax * sizeof(Access))});
  AwaitStillness();
  RunClosed(work);
  sigaction(SIGSEGV, &fault_before, nullptr);
  sigaction(SIGTRAP, &trap_before, nullptr);
  sigaltstack(&alternate_before, nullptr);
  SLIPWAY_CHECK(state.logged < kLogMax);
  TouchedLines lines;
  for (std::size_t i = 0; i < state.logged; ++i) {
    const Access& access = state.log[i];
    (access.stores ? lines.stored : lines.loaded).push_back(access.line);
    if (access.stores) lines.stored_by[access.line] = access.instruction;
  }
  SortOut(lines.loaded);
  SortOut(lines.stored);
  return lines;
}

std::vector<std::uintptr_t> SharedWritten(const TouchedLines& a, const TouchedLines& b) {
  const auto both = [](const std::vector<std::uintptr_t>& one,
                       const std::vector<std::uintptr_t>& other) {
    std::vector<std::uintptr_t> lines;
    std::ranges::set_intersection(one, other, std::back_inserter(lines));
    return lines;
  };
  std::vector<std::uintptr_t> shared = both(a.stored, b.stored);
  Merge(shared, both(a.stored, b.loaded));
  Merge(shared, both(a.loaded, b.stored));
  return shared;
}

}  // namespace slipway
