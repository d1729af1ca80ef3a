// SPDX-License-Identifier: Apache-2.0
#include "control/daemon.h"

#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "control/boots/words.h"
#include "control/config/devices.h"
#include "control/log.h"
#include "control/moment.h"
#include "control/rest/server.h"
#include "control/serve/network_of.h"
#include "control/state/secrets.h"
#include "control/store/boot_archive.h"
#include "control/text.h"
#include "control/whole_file.h"

namespace slipway::control {
namespace {

using std::chrono::steady_clock;

constexpr int kBatchesMax = 512;
// Whoever asked for another one asks again.
constexpr std::size_t kWantedMax = 1000;
constexpr auto kPollInterval = std::chrono::milliseconds(5);
constexpr auto kTendInterval = std::chrono::milliseconds(50);
// What machines ask for is taken together: they ask in bursts, each for many files.
constexpr auto kWantedInterval = std::chrono::milliseconds(50);
constexpr auto kTidyInterval = std::chrono::seconds(1);
constexpr auto kAnnounceInterval = std::chrono::milliseconds(250);
constexpr auto kStoreInterval = std::chrono::seconds(5);
constexpr auto kForgetInterval = std::chrono::hours(1);
constexpr auto kTicketLifetime = std::chrono::hours(12);
// Between two looks at what machines trust, a stat(2) for each of its files; and while somebody
// writes them, who is told of when it goes on for so many.
constexpr auto kTrustInterval = std::chrono::seconds(60);
constexpr auto kSettleInterval = std::chrono::seconds(5);
constexpr int kUnsettledMax = 60;

}  // namespace

ControlPlane::ControlPlane(const Config& config, const Seams& seams)
    : config_(config), seams_(seams) {}

ControlPlane::~ControlPlane() { Stop(); }

absl::StatusOr<std::vector<dhcp::Lease>> ControlPlane::Start() {
  Outlets outlets;
  outlets.images = seams_.images;
  outlets.publish = [this](std::unique_ptr<dataplane::Snapshot> next) {
    seams_.snapshots->Publish(std::move(next));
  };
  outlets.statistics = [this] {
    std::vector<dataplane::WorkerStatistics> all;
    for (unsigned i = 0; i < seams_.statistics->workers(); ++i) {
      all.push_back(seams_.statistics->Read(i));
    }
    return all;
  };
  outlets.wake = [this] {
    const std::scoped_lock lock(wanted_mutex_);
    is_missing_ = true;
    to_load_.notify_one();
  };
  auto core = Core::Open(config_, std::move(outlets));
  if (!core.ok()) return core.status();
  core_ = *std::move(core);
  auto journal = LeaseJournal::Open(config_.state_directory / "leases.db");
  if (!journal.ok()) return journal.status();
  journal_ = *std::move(journal);
  auto leases = journal_->Load();
  if (!leases.ok()) return leases.status();
  core_->leases().Take(*leases);
  auto rest = RestServer::Start(*core_, seams_.captures);
  if (!rest.ok()) return rest.status();
  rest_ = *std::move(rest);
  core_->LoadAssigned();
  if (absl::Status status = core_->Republish(); !status.ok()) {
    rest_.reset();
    return status;
  }
  for (const std::string& damaged : core_->image_store().LeftOut()) {
    LogError(damaged);
  }
  writer_ = std::make_unique<JournalWriter>(
      *journal_, *seams_.leases,
      [this](std::span<const dhcp::LeaseChange> changes) { core_->leases().Take(changes); },
      core_->journal_health());
  watcher_ = std::thread([this] { Watch(); });
  tender_ = std::thread([this] { Tend(); });
  loader_ = std::thread([this] { Load(); });
  checker_ = std::thread([this] { CheckSets(); });
  TellOfStart();
  return leases;
}

void ControlPlane::TellOfStart() const {
  const auto& state = config_.state_directory;
  const Ipv4Address listening = config_.management.address;
  const std::string reachable =
      (listening.is_unspecified() ? std::string("127.0.0.1") : listening.ToString()) + ':' +
      std::to_string(rest_->port());
  // For `slipway --state DIR` on this machine; where it cannot be written, --server must say it.
  static_cast<void>(WriteFile(state / "management", reachable + "\n", 0644));
  LogInfo(Text("management on https://", listening.ToString(), ':', rest_->port(), ", CA in ",
               (state / "ca.pem").string()),
          {{"management", Text(listening.ToString(), ':', rest_->port())}});
  // In the system's log, out of reach of whoever can write the catalog.
  if (const auto newest = core_->store().Audit({.limit = 1}); newest.ok() && !newest->empty()) {
    const std::string head = AuditHead{newest->front().id, newest->front().hash}.ToString();
    LogInfo(Text("audit log ends at ", head), {{"audit_head", head}});
  }
  if (core_->token().made_now) {
    LogInfo(Text("token ", core_->token().text, " (once only; kept in ", (state / "token").string(),
                 ")"));
  }
}

void ControlPlane::Stop() {
  {
    const std::scoped_lock lock(check_mutex_);  // the checker waits, or sees it
    stopping_checks_.store(true);
  }
  to_check_.notify_one();
  rest_.reset();
  {
    const std::scoped_lock lock(wanted_mutex_);  // the loader waits, or sees it
    stopping_.store(true);
  }
  to_load_.notify_one();
  if (watcher_.joinable()) {
    watcher_.join();
    tender_.join();
    loader_.join();
    Tidy();  // of what the last events told
  }
  if (checker_.joinable()) checker_.join();
  writer_.reset();
}

void ControlPlane::Reload() {
  const absl::Status status = core_->certificates().Rotate(DaemonActor());
  if (status.ok()) {
    LogInfo("certificates are new");
  } else {
    LogError(Text("certificates stay as they are: ", std::string(status.message())));
  }
  // What else can be wrong is told where it is noted.
  const absl::Status read = core_->ReadTrust(DaemonActor());
  if (absl::IsUnavailable(read)) LogWarning(std::string(read.message()));
  {
    const std::scoped_lock lock(check_mutex_);
    is_check_wanted_ = true;
  }
  to_check_.notify_one();
}

bool ControlPlane::AwaitCheck(std::chrono::seconds longest) {
  std::unique_lock lock(check_mutex_);
  to_check_.wait_for(lock, longest, [this] { return stopping_checks_.load() || is_check_wanted_; });
  return std::exchange(is_check_wanted_, false);
}

void ControlPlane::CheckSets() {
  bool is_due = true;  // at the start: what is trusted may have changed since they were judged
  int unsettled = 0;   // looks, one after the other
  while (!stopping_checks_.load()) {
    if (is_due) {
      const auto changed = core_->Recheck(DaemonActor(), false, &stopping_checks_);
      if (!changed.ok()) LogError(std::string(changed.status().message()));
      is_due = !changed.ok();
    }
    is_due = AwaitCheck(unsettled != 0 ? kSettleInterval : kTrustInterval) || is_due;
    const TrustLook look = core_->LookAtTrust();
    is_due = is_due || look == TrustLook::kChanged;
    unsettled = look == TrustLook::kUnsettled ? unsettled + 1 : 0;
    if (unsettled == kUnsettledMax) {
      LogWarning(
          "the files of [secure_boot] are being written for five minutes, and were not read; "
          "'slipway secure-boot recheck' reads them");
    }
  }
}

void ControlPlane::Watch() {
  auto announced = steady_clock::now();
  while (!stopping_.load(std::memory_order_relaxed)) {
    TakeEvents();
    const auto now = steady_clock::now();
    if (now - announced >= kAnnounceInterval) {
      announced = now;
      core_->AnnounceChanges();
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  TakeEvents();
}

void ControlPlane::Tend() {
  if (const absl::Status status = plans_.Resume(*core_, UnixNanoseconds()); !status.ok()) {
    LogError(Text("boots before this start are not counted for their plans: ",
                  std::string(status.message())));
  }
  if (const absl::Status status = canaries_.Resume(*core_, UnixNanoseconds()); !status.ok()) {
    LogError(
        Text("boots before this start are not looked at again: ", std::string(status.message())));
  }
  auto tidied = steady_clock::now();
  auto rotated = tidied;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const auto now = steady_clock::now();
    if (now - tidied >= kTidyInterval) {
      tidied = now;
      Tidy();
    }
    if (now - rotated >= kTicketLifetime) {
      rotated = now;
      core_->RotateTickets();
      core_->certificates().Renew(UnixNanoseconds() / 1'000'000'000);
    }
    std::this_thread::sleep_for(kTendInterval);
  }
}

void ControlPlane::Load() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    std::set<std::string, std::less<>> paths;
    {
      std::unique_lock lock(wanted_mutex_);
      to_load_.wait_for(lock, kTidyInterval,
                        [this] { return stopping_.load() || is_missing_ || !wanted_.empty(); });
      is_missing_ = false;
      paths.swap(wanted_);
    }
    if (paths.empty()) {
      core_->Housekeep();
    } else {
      core_->Want({paths.begin(), paths.end()});
    }
    std::this_thread::sleep_for(kWantedInterval);
  }
}

void ControlPlane::NoteUse(const dataplane::Event& event) {
  const auto now = steady_clock::now();
  using enum dataplane::EventKind;
  // A large file takes longer than a boot may be silent.
  if ((event.kind == kHttpRequest && event.number < 400) || event.kind == kHttpProgress ||
      event.kind == kHttpComplete) {
    core_->sets_in_use().Note(PathOf(event.text()), now);
  }
  // Asked for, and about to be asked for again.
  if (event.kind == dataplane::EventKind::kImageWanted)
    core_->sets_in_use().Note(event.text(), now);
}

void ControlPlane::TakeEvents() {
  std::array<dataplane::Event, 64> events;
  // Whoever floods must not keep what is announced from its turn.
  std::size_t count = seams_.events->Poll(events);
  for (int batch = 0; batch < kBatchesMax && count != 0; ++batch) {
    for (std::size_t i = 0; i < count; ++i) {
      core_->timelines().Take(events[i]);
      TellOfLink(events[i]);
      NoteUse(events[i]);
      if (events[i].kind != dataplane::EventKind::kImageWanted) continue;
      const std::scoped_lock lock(wanted_mutex_);
      if (wanted_.size() < kWantedMax) wanted_.emplace(events[i].text());
      to_load_.notify_one();
    }
    count = seams_.events->Poll(events);
  }
}

// A link belongs to no machine's story, but whoever wonders why no machine is heard looks here.
void ControlPlane::TellOfLink(const dataplane::Event& event) const {
  if (event.kind != dataplane::EventKind::kLinkChanged) return;
  const auto port = static_cast<std::size_t>(event.number);
  const auto devices = DevicesOf(config_);
  if (port >= devices.size()) return;
  const std::string& device = devices[port];
  const bool up = event.extra != 0;
  core_->feed().Publish(LinkEvent(device, up, event.unix_nanoseconds));
  Log(up ? LogLevel::kInfo : LogLevel::kWarning,
      Text("port ", device, ": link is ", up ? "up" : "down"), {{"port", device}, {"up", up}});
}

// Boots that have ended at once, and those that were counted, however they went on since: the
// counts are of this commit. The others under way every few seconds, and at the end.
void ControlPlane::StoreBoots(bool all) {
  const auto now = std::chrono::steady_clock::now();
  const bool due = all || now - stored_ >= kStoreInterval;
  if (due) stored_ = now;
  auto changed = core_->timelines().TakeChanged(due);
  // Also what has ended while others were counted: a story that says so is not told again after a
  // restart. And what ends from here on is kept as it is counted: a story that does not say so is.
  PutInPlace(changed, CountEnded());
  const VersionCounts counts = core_->tally().TakeChanged(changed);
  absl::Status status = core_->archive().Put(
      changed,
      {.boots_per_machine = config_.limits.boots_per_machine,
       .boots = std::int64_t{config_.limits.machines} * config_.limits.boots_per_machine},
      counts);
  if (!status.ok()) {
    core_->timelines().NotStored(std::move(changed));
    core_->tally().NotStored(counts);
  }
  if (status.ok() && now - forgotten_ >= kForgetInterval) {
    forgotten_ = now;
    const auto kept = std::chrono::nanoseconds(config_.limits.boots_kept).count();
    status = core_->archive().Forget(UnixNanoseconds() - kept).status();
  }
  if (!status.ok()) {
    LogError(Text("stories of boots are not kept: ", std::string(status.message())));
  }
}

void ControlPlane::NoteEnd(const Boot& boot) {
  boot_log_.Take(
      boot, {.image_set = core_->tally().SetOf(boot), .network = NetworkOf(*core_->served(), boot)},
      steady_clock::now());
  core_->NoteBoot(boot);
}

std::vector<Boot> ControlPlane::CountEnded() {
  std::vector<Boot> ended = core_->timelines().TakeEnded();
  for (const Boot& boot : ended) {
    plans_.Take(boot);
    firmware_.Take(boot);
    NoteEnd(boot);
    canaries_.Take(boot);
  }
  if (const absl::Status status = plans_.Count(*core_, UnixNanoseconds()); !status.ok()) {
    LogError(Text("boots are not counted for their plans: ", std::string(status.message())));
  }
  if (const absl::Status status = core_->KeepCanaries(); !status.ok()) {
    LogError(Text("failed boots of rollouts are not kept: ", std::string(status.message())));
  }
  return ended;
}

void ControlPlane::Tidy() {
  const std::int64_t wall = UnixNanoseconds();
  if (silence_.CanBeTold(std::chrono::nanoseconds(wall), steady_clock::now())) {
    core_->timelines().Sweep(wall);
  }
  CountEnded();
  for (const Boot& boot : canaries_.Refused(*core_, UnixNanoseconds())) NoteEnd(boot);
  if (const absl::Status status = firmware_.Keep(*core_, wall); !status.ok()) {
    LogError(Text("what machines boot with is not kept: ", std::string(status.message())));
  }
  StoreBoots(stopping_.load());
  // The two take turns with publications by the core's lock.
  core_->Collect([this] { static_cast<void>(seams_.snapshots->Collect()); });
}

}  // namespace slipway::control
